// A fast check for NaN and Inf.
#ifndef QUANTIZATION_FINITE_H_
#define QUANTIZATION_FINITE_H_

#include "absl/types/span.h"

namespace g4c::quantization {

bool AnyNotFinite(absl::Span<const float> elements);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_FINITE_H_
