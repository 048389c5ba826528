// Bytes that wait on the disk for their next use.
//
// A temporary file in the folder that TMPDIR names (else /tmp), which has no name as soon as it is
// open: however the process ends, nothing is left behind.
#ifndef BASE_SPILL_FILE_H_
#define BASE_SPILL_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace g4c {

// Not for several threads at once.
class SpillFile {
 public:
  struct Place {
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  // WriteFailed, naming the folder and TMPDIR, where no file can be made there.
  static absl::StatusOr<std::unique_ptr<SpillFile>> Create();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  ~SpillFile();

  // WriteFailed when the disk is full or the like.
  absl::StatusOr<Place> Write(absl::Span<const uint8_t> bytes);

  // The bytes at a place, mapped for as long as the result lives; the place must not be freed
  // before. WriteFailed where they cannot be mapped.
  absl::StatusOr<std::shared_ptr<const uint8_t>> Map(Place place) const;

  // Gives a place back: a later Write of as many pages may take it.
  void Free(Place place);

  // How far the file reaches.
  uint64_t size() const { return end_; }

 private:
  SpillFile(std::string folder, int descriptor)
      : folder_(std::move(folder)), descriptor_(descriptor) {}

  absl::Status Failed(int error) const;

  std::string folder_;
  int descriptor_;
  uint64_t end_ = 0;
  std::multimap<uint64_t, uint64_t> free_;  // size in whole pages -> offset
};

}  // namespace g4c

#endif  // BASE_SPILL_FILE_H_
