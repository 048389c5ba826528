// Elements of a tensor in the type that the reference computes with, block by block.
#ifndef EVALUATOR_ELEMENTS_H_
#define EVALUATOR_ELEMENTS_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "absl/types/span.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// Elements that one step of a plain loop reads, computes and writes; results do not depend on it.
inline constexpr int64_t kBlock = 1024;
// Elements of one tile of a parallel plain loop.
inline constexpr int64_t kTile = 16 * kBlock;

// Calls fn(C{}), C being the type to compute with: double for floats (read as f32), uint64_t for
// u64, int64_t for all others, Booleans included. Integers wrap modulo 2^64 and are cut to their
// dtype when written.
template <typename Fn>
auto WithArithmetic(ir::DType dtype, Fn fn) {
  if (ir::IsFloat(dtype)) return fn(double{});
  if (dtype == ir::DType::kU64) return fn(uint64_t{});
  return fn(int64_t{});
}

// Calls fn(T{}) with an unsigned integer of `width` bytes (1, 2, 4 or 8): for code that only moves
// elements.
template <typename Fn>
auto WithWidth(int width, Fn fn) {
  switch (width) {
    case 1:
      return fn(uint8_t{});
    case 2:
      return fn(uint16_t{});
    case 4:
      return fn(uint32_t{});
    default:
      G4C_CHECK(width == 8);
      return fn(uint64_t{});
  }
}

// Elements [begin, begin + out.size()) in row-major order.
inline void Read(const ir::Tensor& x, int64_t begin, absl::Span<double> out) {
  x.ReadDoubles(begin, out);
}
inline void Read(const ir::Tensor& x, int64_t begin, absl::Span<int64_t> out) {
  x.ReadInts(begin, out);
}
inline void Read(const ir::Tensor& x, int64_t begin, absl::Span<uint64_t> out) {
  // The conversion of u64 to int64 keeps the bits.
  x.ReadInts(begin, {reinterpret_cast<int64_t*>(out.data()), out.size()});
}

// The same for writing to a tensor that Allocate made. Floats round to f32, integers are cut to the
// dtype, Booleans are nonzero or not.
void Write(absl::Span<const double> values, int64_t begin, ir::Tensor& out);
void Write(absl::Span<const int64_t> values, int64_t begin, ir::Tensor& out);
void Write(absl::Span<const uint64_t> values, int64_t begin, ir::Tensor& out);

// a op b modulo 2^64 for integers.
template <typename C>
C WrappingAdd(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) return a + b;
  return static_cast<C>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <typename C>
C WrappingSub(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) return a - b;
  return static_cast<C>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <typename C>
C WrappingMul(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) return a * b;
  return static_cast<C>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// The larger and the smaller one; NaN where one is NaN.
template <typename C>
C LargerOf(C a, C b) {
  return a != a || a > b ? a : b;
}
template <typename C>
C SmallerOf(C a, C b) {
  return a != a || a < b ? a : b;
}

// f16, bf16 and f64 as f32; any other tensor as it is.
ir::Tensor WidenedToF32(const ir::Tensor& x);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_ELEMENTS_H_
