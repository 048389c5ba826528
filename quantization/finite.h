// A fast check for NaN and Inf.
#ifndef QUANTIZATION_FINITE_H_
#define QUANTIZATION_FINITE_H_

#include <cstdint>
#include <cstring>

#include "absl/types/span.h"

namespace g4c::quantization {

// Integer compares of the exponent bits, since compilers do not vectorise float reductions.
inline bool AnyNotFinite(absl::Span<const float> elements) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t found = 0;
  for (const float& x : elements) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    found |= (bits & kExponent) == kExponent ? 1u : 0u;
  }
  return found != 0;
}

}  // namespace g4c::quantization

#endif  // QUANTIZATION_FINITE_H_
