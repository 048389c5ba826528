// Quantisation simulated in floats: what a value is after it was stored with some qparams.
#ifndef QUANTIZATION_SIMULATE_H_
#define QUANTIZATION_SIMULATE_H_

#include "absl/types/span.h"
#include "ir/graph.h"

namespace g4c::quantization {

// scale * (saturate(round_half_even(x / scale) + zero_point) - zero_point) for every element of an
// f32 tensor of any strides; row-major. The quotient is a product with the inverse scale, so that
// an element on the border of two integers may become the other one.
ir::Tensor Simulate(const ir::Tensor& data, const ir::QuantPerTensor& q);

// The same for elements in place.
void SimulateRun(absl::Span<float> elements, const ir::QuantPerTensor& q);

// How a value is stored; null where it has no qparams, or qparams per channel.
const ir::QuantPerTensor* StorageOf(const ir::Value& value);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_SIMULATE_H_
