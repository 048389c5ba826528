#include "evaluator/litert_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"

namespace g4c::evaluator {
namespace {

int32_t Saturated(int64_t value) { return SaturateTo<int32_t>(value); }

// a b / 2^31 to nearest, halves up.
int64_t HighProduct(int64_t a, int64_t b) { return (a * b + (int64_t{1} << 30)) >> 31; }

// value / 2^bits to nearest.
int64_t ShiftHalfUp(int64_t value, int bits) {
  return bits == 0 ? value : (value + (int64_t{1} << (bits - 1))) >> bits;
}
int64_t ShiftHalfAway(int64_t value, int bits) {
  return value < 0 ? -ShiftHalfUp(-value, bits) : ShiftHalfUp(value, bits);
}

int64_t ShiftHalfUp128(__int128 value, int bits) {
  if (bits <= 0) return SaturateToInt64(value << std::min(-bits, 32));
  return SaturateToInt64((value + (static_cast<__int128>(1) << (bits - 1))) >> bits);
}

}  // namespace

Multiplier LitertMultiplier(double real) {
  G4C_CHECK(std::isfinite(real) && real >= 0);
  if (real == 0) return {};
  int exponent;
  int64_t mantissa = std::llround(std::ldexp(std::frexp(real, &exponent), 31));
  if (mantissa == int64_t{1} << 31) {
    mantissa /= 2;
    ++exponent;
  }
  if (exponent < -31) return {};
  if (exponent > 30) return {std::numeric_limits<int32_t>::max(), 30};
  return {static_cast<int32_t>(mantissa), exponent};
}

int64_t ScaleAsLitert(LitertScaling scaling, int64_t acc, Multiplier multiplier) {
  const int left = std::max(multiplier.shift, 0), right = std::max(-multiplier.shift, 0);
  const auto high = [&] {
    return Saturated(HighProduct(static_cast<int32_t>(acc << left), multiplier.mantissa));
  };
  switch (scaling) {
    case LitertScaling::kTwice:
      return ShiftHalfAway(high(), right);
    case LitertScaling::kTwiceUp:
      return ShiftHalfUp(high(), right);
    case LitertScaling::kTwiceDown:
      return high() >> right;
    case LitertScaling::kOnce:
      return ShiftHalfUp128(static_cast<__int128>(acc) * multiplier.mantissa,
                            31 - multiplier.shift);
    case LitertScaling::kOnceShort: {
      const int64_t mantissa =
          multiplier.mantissa < 0x7fff0000 ? (multiplier.mantissa + (1 << 15)) >> 16 : 0x7fff;
      return ShiftHalfUp128(static_cast<__int128>(acc) * mantissa, 15 - multiplier.shift);
    }
  }
  return 0;
}

Multiplier LitertInverseRoot(int32_t value) {
  G4C_CHECK(value > 0);
  if (value == 1) return {std::numeric_limits<int32_t>::max(), 0};
  // value = v 4^k / 2^31 in steps, 1/4 <= v / 2^29 < 1; what the root of 4^k adds goes to the
  // shift.
  int shift = 11;
  int64_t v = value;
  for (; v >= 1 << 29; v /= 4) ++shift;
  for (; v < 1 << 27; v *= 4) --shift;
  // Newton: x <- 1.5 x - 0.5 v x^3, x and v with 28 bits behind the point.
  const int64_t half_v = ShiftHalfAway(v >> 1, 1);
  constexpr int64_t kOne = 1 << 28, kThreeHalves = kOne + kOne / 2;
  int64_t x = kOne;
  for (int i = 0; i < 5; ++i) {
    const int64_t cube = Saturated(HighProduct(HighProduct(x, x), x) << 6);
    x = Saturated((HighProduct(kThreeHalves, x) - HighProduct(half_v, cube)) << 3);
  }
  constexpr int64_t kHalfSqrt2 = 1518500250;  // sqrt(1/2) 2^31
  int64_t mantissa = HighProduct(x, kHalfSqrt2);
  if (shift < 0) {
    mantissa <<= -shift;
    shift = 0;
  }
  return {static_cast<int32_t>(mantissa), -shift};
}

}  // namespace g4c::evaluator
