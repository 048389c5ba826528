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
#include "base/zip.h"

namespace g4c {

class NpzReader {
 public:
  // InvalidInput, naming the file, when it cannot be read, or is no zip archive that
  // ReadZipDirectory takes, or has two arrays of one name.
  static absl::StatusOr<NpzReader> Open(const std::string& path);

  // The arrays' names (those of the members without ".npy") in the order of the file. Members of
  // other names are no arrays to NumPy either, and are left out.
  const std::vector<std::string>& names() const { return names_; }
  bool Has(absl::string_view name) const;

  // A stored array is a view of the mapped file; a deflated one is inflated into memory of its own
  // at each call, which is taken only once its .npy header has agreed with the archive's sizes.
  // InvalidInput, naming file and member, when there is none of that name (the message lists those
  // there are), or it is damaged (.npy header, sizes, checksum).
  absl::StatusOr<NpyArray> Read(absl::string_view name) const;

  // dtype and shape only.
  absl::StatusOr<NpyHeader> ReadHeader(absl::string_view name) const;

 private:
  explicit NpzReader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  absl::StatusOr<const ZipEntry*> Find(absl::string_view name) const;
  absl::StatusOr<NpyHeader> HeaderOf(const ZipEntry& entry) const;
  std::string NameOf(const ZipEntry& entry) const;
  absl::Span<const uint8_t> Stored(const ZipEntry& entry) const;

  std::shared_ptr<const MappedFile> file_;
  std::vector<std::string> names_;
  std::vector<ZipEntry> entries_;  // one for each name
};

// One array to be written; `bytes` must hold exactly what descr and dims say (checked).
struct NpzMember {
  std::string name;  // without ".npy"
  std::string descr;
  std::vector<int64_t> dims;
  absl::Span<const uint8_t> bytes;
};

// Writes the arrays in their order through AtomicFile; the same arrays give the same bytes (see
// ZipWriter). `compress` deflates. Names must differ and not be empty (checked).
absl::Status WriteNpz(const std::string& path, absl::Span<const NpzMember> members,
                      bool compress = false);

}  // namespace g4c

#endif  // BASE_NPZ_H_
