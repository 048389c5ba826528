// Element types. Names in text are those of the ir ("f32", "u8", ...).
#ifndef IR_DTYPE_H_
#define IR_DTYPE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace g4c::ir {

enum class DType : uint8_t {
  kBool,
  kU4,
  kI4,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF16,
  kBF16,
  kF32,
  kF64,
};

absl::string_view DTypeName(DType dtype);
absl::optional<DType> ParseDType(absl::string_view name);

// Bits of one element as a file packs it: 4 for u4 and i4, 8 for bool.
int BitWidth(DType dtype);
// Bytes of one element as a Tensor holds it: u4 and i4 take a byte each, so that views can have
// strides.
int ByteWidth(DType dtype);

bool IsFloat(DType dtype);
// Integers of any width; bool is none.
bool IsInteger(DType dtype);
bool IsSigned(DType dtype);

// The smallest and largest integer of an integer dtype of at most 64 bits (u64: capped at the
// largest int64).
int64_t MinOf(DType dtype);
int64_t MaxOf(DType dtype);

}  // namespace g4c::ir

#endif  // IR_DTYPE_H_
