#include "base/fixed_point.h"

#include "base/status.h"

namespace g4c {

Multiplier QuantizeMultiplier(double real) {
  G4C_CHECK(std::isfinite(real) && real >= 0);
  if (real == 0) return {};
  int exponent;
  const double fraction = std::frexp(real, &exponent);  // real = fraction * 2^exponent, in [0.5, 1)
  int64_t mantissa = RoundHalfEven(std::ldexp(fraction, 31));
  if (mantissa == int64_t{1} << 31) {
    mantissa /= 2;
    ++exponent;
  }
  return {static_cast<int32_t>(mantissa), exponent};
}

double MultiplierValue(Multiplier multiplier) {
  return std::ldexp(multiplier.mantissa, multiplier.shift - 31);
}

int64_t RoundHalfEven(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1p63) return std::numeric_limits<int64_t>::max();
  if (value < -0x1p63) return std::numeric_limits<int64_t>::lowest();
  return static_cast<int64_t>(std::nearbyint(value));  // the rounding mode is never changed
}

uint32_t FloorSqrt(uint64_t value) {
  // The double's root may be off by one, as value has more digits than a double.
  uint64_t root = static_cast<uint64_t>(std::sqrt(static_cast<double>(value)));
  if (root > 0xffffffff) root = 0xffffffff;
  while (root * root > value) --root;
  while (root < 0xffffffff && (root + 1) * (root + 1) <= value) ++root;
  return static_cast<uint32_t>(root);
}

}  // namespace g4c
