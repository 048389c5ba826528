#include "quantization/finite.h"

#include <cstdint>
#include <cstring>

namespace g4c::quantization {

// Integer compares of the exponent bits, since compilers do not vectorise float reductions.
bool AnyNotFinite(absl::Span<const float> elements) {
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
