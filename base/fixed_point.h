// Integer arithmetic of quantised operators. One rounding rule everywhere: to nearest, ties to
// even, as QuantizeLinear.
//
// A positive real factor is held as a Multiplier:   real ~ mantissa * 2^(shift - 31),   2^30 <=
// mantissa < 2^31 and zero as {0, 0}. Its relative error is at most 2^-31. Applying it is exact but
// for one rounding:
//   MultiplyByMultiplier(acc, m) = RoundHalfEven(acc * m.mantissa / 2^(31 - m.shift)), saturated to
//   int64
// where the product is taken in 128 bits.
#ifndef BASE_FIXED_POINT_H_
#define BASE_FIXED_POINT_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace g4c {

struct Multiplier {
  int32_t mantissa = 0;
  int shift = 0;

  friend bool operator==(const Multiplier& a, const Multiplier& b) {
    return a.mantissa == b.mantissa && a.shift == b.shift;
  }
};

// The multiplier nearest to `real`; between two, the one with the even mantissa. `real` must be
// finite and not negative (checked): products and quotients of valid scales always are. Subnormal
// doubles are fine.
Multiplier QuantizeMultiplier(double real);

// mantissa * 2^(shift - 31), exactly.
double MultiplierValue(Multiplier multiplier);

// The nearest integer, ties to even; saturated to int64. NaN gives 0.
int64_t RoundHalfEven(double value);

// `value` limited to the range of T.
template <typename T>
constexpr T SaturateTo(int64_t value) {
  static_assert(std::is_integral_v<T> && sizeof(T) <= sizeof(int64_t));
  if constexpr (std::is_same_v<T, uint64_t>) {
    return value < 0 ? 0 : static_cast<T>(value);
  } else {
    constexpr int64_t kLowest = std::numeric_limits<T>::lowest();
    constexpr int64_t kMax = std::numeric_limits<T>::max();
    return static_cast<T>(value < kLowest ? kLowest : value > kMax ? kMax : value);
  }
}

// RoundHalfEven(value / 2^shift) for shift >= 0 and |value| < 2^126. A negative shift is not
// allowed.
inline __int128 ShiftRightRoundHalfEven128(__int128 value, int shift) {
  if (shift == 0) return value;
  if (shift > 126) return 0;
  const __int128 floor = value >> shift;
  const __int128 rest = value - (floor << shift);  // 0 <= rest < 2^shift
  const __int128 half = static_cast<__int128>(1) << (shift - 1);
  return floor + (rest > half || (rest == half && (floor & 1)) ? 1 : 0);
}

inline int64_t ShiftRightRoundHalfEven(int64_t value, int shift) {
  return static_cast<int64_t>(ShiftRightRoundHalfEven128(value, shift));
}

inline int64_t SaturateToInt64(__int128 value) {
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::lowest();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  return value < kLowest ? kLowest : value > kMax ? kMax : static_cast<int64_t>(value);
}

// RoundHalfEven(acc * mantissa * 2^(shift - 31)), saturated to int64. Any acc, any multiplier.
inline int64_t MultiplyByMultiplier(int64_t acc, Multiplier multiplier) {
  const __int128 product = static_cast<__int128>(acc) * multiplier.mantissa;  // |product| < 2^94
  const int right = 31 - multiplier.shift;
  if (right >= 0) return SaturateToInt64(ShiftRightRoundHalfEven128(product, right));
  // |product| is 0 or at least 2^30, so that 33 bits to the left saturate already; they still fit:
  // 2^94 << 33 = 2^127.
  const int left = right < -33 ? 33 : -right;
  return SaturateToInt64(product << left);
}

// floor(sqrt(value)), exactly.
uint32_t FloorSqrt(uint64_t value);

}  // namespace g4c

#endif  // BASE_FIXED_POINT_H_
