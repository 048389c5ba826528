// NumPy's .npz: a zip archive of .npy members.
#ifndef BASE_NPZ_H_
#define BASE_NPZ_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/mapped_file.h"
#include "base/npy.h"

namespace g4c {

class NpzReader {
 public:
  // InvalidInput, naming the file, when it is no zip archive, is damaged, has two members of one
  // name, or has a member that is encrypted or compressed by anything but deflate.
  static absl::StatusOr<NpzReader> Open(const std::string& path);

  // Member names without ".npy", in the order of the file. Members that are no .npy are left out:
  // NumPy ignores them too.
  const std::vector<std::string>& names() const { return names_; }
  bool Has(absl::string_view name) const;

  // A stored member is a view of the mapped file, a deflated one is inflated into memory of its own
  // at each call. Memory is bounded by the member's .npy header, which must agree with the
  // archive's sizes. InvalidInput, naming file and member, when there is none of that name (the
  // message lists those that are), or it is damaged (sizes, checksum, .npy header).
  absl::StatusOr<NpyArray> Read(absl::string_view name) const;

  // dtype and shape only, without inflating the elements.
  absl::StatusOr<NpyHeader> ReadHeader(absl::string_view name) const;

 private:
  struct Member {
    uint64_t index;  // in the archive
    uint64_t size;   // uncompressed
    uint64_t compressed_size;
    bool stored;
    uint32_t crc;
    uint64_t local_header;  // offset in the file
  };

  NpzReader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  std::shared_ptr<const MappedFile> file_;
  std::vector<std::string> names_;
  std::vector<Member> members_;
};

// One array to be written; `bytes` must hold exactly what descr and dims say (checked).
struct NpzMember {
  std::string name;  // without ".npy"
  std::string descr;
  std::vector<int64_t> dims;
  absl::Span<const uint8_t> bytes;
};

// Writes the members in their order through AtomicFile. The same members give the same bytes
// anywhere: fixed timestamps, nothing of the machine. `compress` deflates, at a fixed level. Names
// must differ and not be empty (checked).
absl::Status WriteNpz(const std::string& path, absl::Span<const NpzMember> members,
                      bool compress = false);

}  // namespace g4c

#endif  // BASE_NPZ_H_
