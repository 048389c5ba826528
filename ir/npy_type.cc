#include "ir/npy_type.h"

#include <utility>

namespace g4c::ir {
namespace {

constexpr std::pair<absl::string_view, DType> kTypes[] = {
    {"|b1", DType::kBool}, {"|i1", DType::kI8},  {"|u1", DType::kU8},  {"<i2", DType::kI16},
    {"<u2", DType::kU16},  {"<i4", DType::kI32}, {"<u4", DType::kU32}, {"<i8", DType::kI64},
    {"<u8", DType::kU64},  {"<f2", DType::kF16}, {"<f4", DType::kF32}, {"<f8", DType::kF64},
};

}  // namespace

absl::optional<DType> DTypeOfDescr(absl::string_view descr) {
  for (const auto& [name, dtype] : kTypes) {
    if (name == descr) return dtype;
  }
  return absl::nullopt;
}

absl::string_view DescrOf(DType dtype) {
  if (dtype == DType::kU4) return DescrOf(DType::kU8);
  if (dtype == DType::kI4) return DescrOf(DType::kI8);
  for (const auto& [name, held] : kTypes) {
    if (held == dtype) return name;
  }
  return "";
}

}  // namespace g4c::ir
