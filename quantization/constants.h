// Qparams of constants: from their own data, or from the operands beside them.
#ifndef QUANTIZATION_CONSTANTS_H_
#define QUANTIZATION_CONSTANTS_H_

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::quantization {

struct ConstantOptions {
  // The dtypes to choose. Without them (a QDQ graph) only what follows from other qparams or is
  // exact is filled in.
  absl::optional<ir::DType> activation;
  absl::optional<ir::DType> weight;
};

// Whether operand `position` of `node` is a weight matrix (quantised per output channel) or a bias.
bool IsWeight(const ir::Node& node, int position);
bool IsBias(const ir::Node& node, int position);

// Fills the qparams of real constants that have none:
//   weights           per output channel from their rows, in options.weight
//   biases            i32, or i64 for i16 activations: scale = s_in * s_w[channel] (product in
//   f32), zero point 0 one number only   exactly: maximum and minimum take the qparams of their
//   other operand where these hold the number
//                     within half a quantum
//   others            per tensor from their range, in options.activation
// A constant that readers want in several ways is split into one value for each. Linear.
absl::Status QuantizeConstants(ir::Graph& graph, const ConstantOptions& options);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_CONSTANTS_H_
