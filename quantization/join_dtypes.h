// Makes the operands of every operator that computes agree in dtype with its result.
#ifndef QUANTIZATION_JOIN_DTYPES_H_
#define QUANTIZATION_JOIN_DTYPES_H_

#include "quantization/calibrate.h"

namespace g4c::quantization {

// Puts a quantize in front of an operand that is quantised in another dtype than the first result
// of an operator that computes: one for each value and dtype, whoever reads it. Its qparams are the
// fixed ones of the value where it has a fixed range, else those of the observed range, else those
// of what the value's own qparams represent. Weights, biases and other constants are left to
// QuantizeConstants. Returns how many were added. Linear.
int JoinDTypes(ir::Graph& graph, const Observations& observations, ir::QuantOrigin origin);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_JOIN_DTYPES_H_
