// The fixed-point arithmetic of LiteRT's integer kernels, as tests/runtime/test_litert_operators.py
// measures it (docs/integer_semantics.md, "As LiteRT rounds"). One piece for every kernel that
// follows it.
#ifndef EVALUATOR_LITERT_ARITHMETIC_H_
#define EVALUATOR_LITERT_ARITHMETIC_H_

#include <cstdint>

#include "base/fixed_point.h"

namespace g4c::evaluator {

// As QuantizeMultiplier, but halves of the mantissa go up, what is below 2^-32 is 0, and 2^30 is
// the most.
Multiplier LitertMultiplier(double real);

// How a kernel multiplies its accumulator. Of a multiplier m 2^(s - 31), left = max(s, 0) and right
// = max(-s, 0):
enum class LitertScaling {
  // a = acc 2^left m / 2^31 to nearest, halves up; then a / 2^right to nearest, halves away from
  // zero. The accumulator has 32 bits and wraps.
  kTwice,
  // The same with halves up both times: its products of matrices.
  kTwiceUp,
  // The same, rounding down the second time.
  kTwiceDown,
  // Once, to nearest, halves up, of an accumulator of 64 bits.
  kOnce,
  // The same with the mantissa rounded to 15 bits.
  kOnceShort,
};

int64_t ScaleAsLitert(LitertScaling scaling, int64_t acc, Multiplier multiplier);

// 1 / sqrt(value) for 0 < value < 2^31: five Newton steps with products of 32 bits.
Multiplier LitertInverseRoot(int32_t value);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_LITERT_ARITHMETIC_H_
