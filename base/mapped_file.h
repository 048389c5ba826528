// A file mapped read-only into memory. Views of its bytes stay valid as long as the shared_ptr
// lives.
//
// The file must not shrink while it is mapped: reading a page past the new end raises SIGBUS, as
// for every mapping. base/signals.h makes that an error message.
#ifndef BASE_MAPPED_FILE_H_
#define BASE_MAPPED_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace g4c {

class MappedFile {
 public:
  // InvalidInput, naming `path` and the reason, when the file is missing, unreadable, or not a
  // regular file (a folder, a FIFO, a device; these are refused without waiting for them). An empty
  // file is fine.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  absl::Span<const uint8_t> bytes() const { return {data_, static_cast<size_t>(size_)}; }
  absl::string_view text() const {
    return {reinterpret_cast<const char*>(data_), static_cast<size_t>(size_)};
  }
  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

  // Says that the pages wholly inside [offset, offset + length) are not needed soon. Only a hint
  // that lowers the resident size: the bytes stay readable and come back from the file. A range
  // past the end is cut at the end.
  void ReleaseRange(uint64_t offset, uint64_t length) const;

 private:
  MappedFile(std::string path, const uint8_t* data, uint64_t size);

  std::string path_;
  const uint8_t* data_;  // null when the file is empty
  uint64_t size_;
  int slot_;  // in the table that PathMappedAt searches; -1 where that was full
};

// The path of the mapped file that `address` lies in, null where none does. For signal handlers.
const char* PathMappedAt(const void* address);

}  // namespace g4c

#endif  // BASE_MAPPED_FILE_H_
