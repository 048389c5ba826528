// The roundings of the integer operators (docs/integer_semantics.md). Everything is exact but for
// the one rounding that each function names: to nearest, ties to even.
#ifndef EVALUATOR_INTEGER_ARITHMETIC_H_
#define EVALUATOR_INTEGER_ARITHMETIC_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/fixed_point.h"
#include "base/status.h"

namespace g4c::evaluator {

// Where a result is stored: its zero point and the integers it is limited to (the dtype's range, or
// less by a fused activation). zero_point may lie outside [lo, hi].
struct StoredRange {
  int64_t zero_point;
  int64_t lo;
  int64_t hi;

  // saturate(zero_point + steps) for any steps.
  int64_t Store(int64_t steps) const {
    return std::clamp(steps, lo - zero_point, hi - zero_point) + zero_point;
  }
};

// saturate(zero_point + round(acc * multiplier))
inline int64_t Rescale(int64_t acc, Multiplier multiplier, const StoredRange& range) {
  const int right = 31 - multiplier.shift;
  if (acc != static_cast<int32_t>(acc) || right < 1 || right > 62) {
    return range.Store(MultiplyByMultiplier(acc, multiplier));
  }
  // The same where 64 bits hold the product, for most sums there are.
  const int64_t product = acc * multiplier.mantissa;
  const int64_t floor = product >> right;
  const int64_t rest = product - (floor << right);
  const int64_t half = int64_t{1} << (right - 1);
  return range.Store(floor + (rest + (floor & 1) > half ? 1 : 0));
}

// Two positive factors as integers over one power of two, 45 bits for the larger:
//   a_real ~ a / 2^shift, b_real ~ b / 2^shift,   2^44 <= max(a, b) <= 2^45, each rounded to
//   nearest.
// For |x|, |y| < 2^16 the sum a x + b y is below 2^62 and differs from the real one by at most
// 2^-28 of max(a_real, b_real).
struct CommonScale {
  int64_t a;
  int64_t b;
  int shift;
};

inline CommonScale MakeCommonScale(double a_real, double b_real) {
  int exponent;
  std::frexp(std::max(a_real, b_real), &exponent);
  const int shift = 45 - exponent;
  return {RoundHalfEven(std::ldexp(a_real, shift)), RoundHalfEven(std::ldexp(b_real, shift)),
          shift};
}

// round(value / 2^shift) for |value| < 2^62, saturated to int64; shift may be negative.
inline int64_t RoundShift(int64_t value, int shift) {
  if (shift >= 0) return ShiftRightRoundHalfEven(value, shift);
  return SaturateToInt64(static_cast<__int128>(value) << std::min(-shift, 64));
}

// round(numerator / denominator) for denominator > 0 and |numerator|, denominator < 2^126.
inline __int128 DivideRoundHalfEven(__int128 numerator, __int128 denominator) {
  __int128 quotient = numerator / denominator;
  __int128 rest = numerator % denominator;
  if (rest < 0) {  // floor division
    rest += denominator;
    --quotient;
  }
  const __int128 twice = rest * 2;
  return quotient + (twice > denominator || (twice == denominator && (quotient & 1)) ? 1 : 0);
}

// round(a / b * multiplier) for |a|, |b| < 2^17, b != 0, exactly rounded, saturated to int64.
inline int64_t DivideByMultiplier(int64_t a, int64_t b, Multiplier multiplier) {
  __int128 numerator = static_cast<__int128>(b < 0 ? -a : a) * multiplier.mantissa;  // below 2^48
  __int128 denominator = b < 0 ? -b : b;
  const int right = 31 - multiplier.shift;
  if (right > 100) return 0;
  if (right >= 0) {
    denominator <<= right;
  } else {
    // |numerator| is 0 or at least 2^30: shifting by 70 saturates any stored integer already.
    numerator <<= std::min(-right, 70);
  }
  return SaturateToInt64(DivideRoundHalfEven(numerator, denominator));
}

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_ARITHMETIC_H_
