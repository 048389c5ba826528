#include "ir/dtype.h"

#include <limits>

#include "base/status.h"

namespace g4c::ir {
namespace {

struct Row {
  absl::string_view name;
  int bits;
  bool is_float;
  bool is_signed;
};

// In the order of DType.
constexpr Row kRows[] = {
    {"bool", 8, false, false}, {"u4", 4, false, false},   {"i4", 4, false, true},
    {"u8", 8, false, false},   {"i8", 8, false, true},    {"u16", 16, false, false},
    {"i16", 16, false, true},  {"u32", 32, false, false}, {"i32", 32, false, true},
    {"u64", 64, false, false}, {"i64", 64, false, true},  {"f16", 16, true, true},
    {"bf16", 16, true, true},  {"f32", 32, true, true},   {"f64", 64, true, true},
};

const Row& RowOf(DType dtype) { return kRows[static_cast<int>(dtype)]; }

}  // namespace

absl::string_view DTypeName(DType dtype) { return RowOf(dtype).name; }

absl::optional<DType> ParseDType(absl::string_view name) {
  for (int i = 0; i < static_cast<int>(std::size(kRows)); ++i) {
    if (kRows[i].name == name) return static_cast<DType>(i);
  }
  return absl::nullopt;
}

int BitWidth(DType dtype) { return RowOf(dtype).bits; }
int ByteWidth(DType dtype) { return (RowOf(dtype).bits + 7) / 8; }
bool IsFloat(DType dtype) { return RowOf(dtype).is_float; }
bool IsInteger(DType dtype) { return !RowOf(dtype).is_float && dtype != DType::kBool; }
bool IsSigned(DType dtype) { return RowOf(dtype).is_signed; }

int64_t MinOf(DType dtype) {
  G4C_CHECK(IsInteger(dtype));
  if (!IsSigned(dtype)) return 0;
  return std::numeric_limits<int64_t>::min() >> (64 - BitWidth(dtype));
}

int64_t MaxOf(DType dtype) {
  G4C_CHECK(IsInteger(dtype));
  if (BitWidth(dtype) == 64) return std::numeric_limits<int64_t>::max();
  return IsSigned(dtype) ? -(MinOf(dtype) + 1) : (int64_t{1} << BitWidth(dtype)) - 1;
}

}  // namespace g4c::ir
