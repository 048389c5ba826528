#include "base/npy.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "base/text.h"

namespace g4c {
namespace {

constexpr absl::string_view kMagic = "\x93NUMPY";
constexpr uint64_t kMaxHeader = 65536;
constexpr size_t kMaxRank = 64;

constexpr absl::string_view kDescrs[] = {"|b1", "|i1", "|u1", "<i2", "<u2", "<i4",
                                         "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"};

// Reads the header's text, which is a Python dictionary of three entries:
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  explicit HeaderParser(absl::string_view text) : rest_(text) {}

  // The reason when the text is no such dictionary.
  absl::Status Parse() {
    if (!Take("{")) return Damaged();
    while (!Take("}")) {
      std::string key;
      if (!TakeString(&key) || !Take(":")) return Damaged();
      if (key == "descr" && !has_descr_) {
        has_descr_ = true;
        if (Peek("[")) return InvalidInput("has a structured dtype");
        if (!TakeString(&descr)) return Damaged();
      } else if (key == "fortran_order" && !has_order_) {
        has_order_ = true;
        fortran_order = Take("True");
        if (!fortran_order && !Take("False")) return Damaged();
      } else if (key == "shape" && !has_shape_) {
        has_shape_ = true;
        if (!TakeShape()) return Damaged();
      } else {
        return Damaged();
      }
      if (!Take(",") && !Peek("}")) return Damaged();
    }
    SkipBlanks();
    if (!rest_.empty() || !has_descr_ || !has_order_ || !has_shape_) return Damaged();
    return absl::OkStatus();
  }

  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> dims;

 private:
  static absl::Status Damaged() { return InvalidInput("has a damaged .npy header"); }

  void SkipBlanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }

  bool Peek(absl::string_view token) {
    SkipBlanks();
    return rest_.substr(0, token.size()) == token;
  }

  bool Take(absl::string_view token) {
    if (!Peek(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool TakeString(std::string* value) {
    SkipBlanks();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return false;
    const size_t end = rest_.find(rest_[0], 1);
    if (end == absl::string_view::npos) return false;
    *value = std::string(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return true;
  }

  // "()", "(3,)", "(3, 4)". Each dimension is in [0, 2^63).
  bool TakeShape() {
    if (!Take("(")) return false;
    while (!Take(")")) {
      SkipBlanks();
      const size_t end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
      int64_t dim;
      if (!absl::SimpleAtoi(rest_.substr(0, end), &dim) || dims.size() == kMaxRank) return false;
      dims.push_back(dim);
      rest_.remove_prefix(end);
      if (!Take(",") && (dims.size() == 1 || !Peek(")"))) return false;
    }
    return true;
  }

  absl::string_view rest_;
  bool has_descr_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

// product(dims) * element_size. A zero dimension does not excuse the others: they must be countable
// too.
bool DataSize(absl::Span<const int64_t> dims, int element_size, uint64_t* size) {
  int64_t product = element_size;
  bool empty = false;
  for (const int64_t dim : dims) {
    empty |= dim == 0;
    if (__builtin_mul_overflow(product, std::max<int64_t>(dim, 1), &product)) return false;
  }
  *size = empty ? 0 : static_cast<uint64_t>(product);
  return true;
}

absl::Status BadDescr(absl::string_view descr, absl::string_view name) {
  if (!descr.empty() && descr[0] == '>') {
    return InvalidInput(name, ": has big-endian elements ('", descr,
                        "'); save it with array.astype(array.dtype.newbyteorder('<'))");
  }
  return InvalidInput(name, ": has elements of dtype '", descr, "', expected one of ",
                      absl::StrJoin(kDescrs, " "), "; save it with array.astype(...)");
}

}  // namespace

int NpyElementSize(absl::string_view descr) {
  for (const absl::string_view known : kDescrs) {
    if (descr == known) return known[2] - '0';
  }
  return 0;
}

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::Span<const uint8_t> bytes, absl::string_view name) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.substr(0, kMagic.size()) != kMagic) return InvalidInput(name, ": is not a .npy array");
  if (text.size() < 12) return InvalidInput(name, ": is cut off in its .npy header");
  const int version = bytes[6];
  if (version < 1 || version > 3 || bytes[7] != 0) {
    return InvalidInput(name, ": is of .npy version ", version, ".", static_cast<int>(bytes[7]),
                        ", expected 1.0, 2.0 or 3.0");
  }
  const size_t start = version == 1 ? 10 : 12;
  uint64_t length = bytes[8] | bytes[9] << 8;
  if (version > 1) length |= uint64_t{bytes[10]} << 16 | uint64_t{bytes[11]} << 24;
  if (length > kMaxHeader) return InvalidInput(name, ": has a .npy header of ", length, " bytes");
  if (length > text.size() - start) return InvalidInput(name, ": is cut off in its .npy header");

  HeaderParser header(text.substr(start, length));
  if (absl::Status status = header.Parse(); !status.ok()) {
    return Prefixed(status, absl::StrCat(name, ": "));
  }
  const int element_size = NpyElementSize(header.descr);
  if (element_size == 0) return BadDescr(header.descr, name);
  if (header.fortran_order) {
    return InvalidInput(name, ": is in Fortran order; save it with np.ascontiguousarray(array)");
  }
  NpyHeader result{header.descr, header.dims, start + length, 0};
  if (!DataSize(result.dims, element_size, &result.data_size)) {
    return InvalidInput(name, ": has a shape too large to be held: ", DimsText(result.dims));
  }
  return result;
}

absl::StatusOr<NpyArray> ParseNpy(absl::Span<const uint8_t> bytes,
                                  std::shared_ptr<const void> owner, absl::string_view name) {
  ASSIGN_OR_RETURN(NpyHeader header, ParseNpyHeader(bytes, name));
  const uint64_t present = bytes.size() - header.data_offset;
  if (present != header.data_size) {
    return InvalidInput(name, ": holds ", present, " bytes of elements, but '", header.descr, "' ",
                        DimsText(header.dims), " takes ", header.data_size);
  }
  return NpyArray{std::move(header.descr), std::move(header.dims),
                  bytes.subspan(header.data_offset), std::move(owner)};
}

absl::StatusOr<NpyArray> ReadNpy(const std::string& path) {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  return ParseNpy(file->bytes(), file, path);
}

std::string NpyHeaderText(absl::string_view descr, absl::Span<const int64_t> dims) {
  G4C_CHECK(NpyElementSize(descr) > 0 && dims.size() <= kMaxRank);
  std::string dictionary =
      absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (",
                   absl::StrJoin(dims, ", "), dims.size() == 1 ? ",), }" : "), }");
  // Magic, version, length, dictionary, blanks and a newline are together a multiple of 64 bytes.
  const size_t total = (10 + dictionary.size() + 1 + 63) / 64 * 64;
  dictionary.resize(total - 11, ' ');
  dictionary += '\n';
  const size_t length = dictionary.size();
  std::string text(kMagic);
  text += {1, 0, static_cast<char>(length & 255), static_cast<char>(length >> 8)};
  return text + dictionary;
}

absl::Status WriteNpy(const std::string& path, absl::string_view descr,
                      absl::Span<const int64_t> dims, absl::Span<const uint8_t> bytes) {
  uint64_t size;
  G4C_CHECK(DataSize(dims, NpyElementSize(descr), &size) && size == bytes.size());
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Write(NpyHeaderText(descr, dims)));
  RETURN_IF_ERROR(file.Write(bytes));
  return file.Commit();
}

}  // namespace g4c
