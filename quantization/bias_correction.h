// Biases that give linears back the means of their outputs.
#ifndef QUANTIZATION_BIAS_CORRECTION_H_
#define QUANTIZATION_BIAS_CORRECTION_H_

#include <vector>

#include "absl/types/span.h"
#include "ir/graph.h"

namespace g4c::quantization {

// Whether the linear `id` has a bias whose data may be changed, or none.
bool HasFreeBias(const ir::Graph& graph, ir::NodeId id);

// What to add to the biases of a linear, by row of its weight: w E[y] - v E[x], with w and v the
// real and the quantised weight, row-major [rows, columns], and y and x the inputs of the float and
// the quantised model. Then both models' outputs have the same means.
std::vector<float> LostMeans(absl::Span<const float> real_weight,
                             absl::Span<const float> given_weight,
                             absl::Span<const double> real_means,
                             absl::Span<const double> given_means);

// Adds to the bias of the linear `id`, or gives it one. Requires HasFreeBias. A bias that other
// operands read is copied first.
void AddToBias(ir::Graph& graph, ir::NodeId id, absl::Span<const float> shift);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_BIAS_CORRECTION_H_
