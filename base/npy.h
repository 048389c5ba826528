// NumPy's .npy format, versions 1, 2 and 3: reading without a copy, writing.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#ifndef BASE_NPY_H_
#define BASE_NPY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace g4c {

// Little-endian elements in C order. `bytes` lies in what `owner` keeps alive and may be unaligned.
struct NpyArray {
  std::string
      descr;  // "|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"
  std::vector<int64_t> dims;
  absl::Span<const uint8_t> bytes;
  std::shared_ptr<const void> owner;
};

// What the bytes before the elements say.
struct NpyHeader {
  std::string descr;
  std::vector<int64_t> dims;
  uint64_t data_offset;  // of the first element
  uint64_t data_size;    // product(dims) * element size, checked for overflow
};

// Bytes of one element of a descr that NpyArray lists, else 0.
int NpyElementSize(absl::string_view descr);

// Reads the header from the first bytes of an array; `bytes` need not hold the elements. At most 64
// KiB are looked at. InvalidInput, beginning with `name`, when the bytes are no .npy or the header
// is damaged; for Fortran order, big-endian elements and other dtypes it says how to save the array
// anew.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::Span<const uint8_t> bytes, absl::string_view name);

// Reads an array that fills `bytes` exactly. The result views `bytes` and holds `owner`.
absl::StatusOr<NpyArray> ParseNpy(absl::Span<const uint8_t> bytes,
                                  std::shared_ptr<const void> owner, absl::string_view name);

// Maps a .npy file. Errors as ParseNpy and MappedFile::Open.
absl::StatusOr<NpyArray> ReadNpy(const std::string& path);

// The header that NumPy itself writes (version 1, padded to 64 bytes) for this dtype and shape.
std::string NpyHeaderText(absl::string_view descr, absl::Span<const int64_t> dims);

// Writes a .npy file through AtomicFile. `bytes` must hold exactly what descr and dims say
// (checked).
absl::Status WriteNpy(const std::string& path, absl::string_view descr,
                      absl::Span<const int64_t> dims, absl::Span<const uint8_t> bytes);

}  // namespace g4c

#endif  // BASE_NPY_H_
