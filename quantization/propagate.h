// Qparams that follow from others without data.
#ifndef QUANTIZATION_PROPAGATE_H_
#define QUANTIZATION_PROPAGATE_H_

#include "quantization/activation_dtypes.h"

namespace g4c::quantization {

// Fills qparams that are not known, and never overwrites any:
//   fixed ranges   the result of softmax and its like, in its dtype of `activations` (or, where
//   that is null, in the dtype of its operand) forwards       through an operator that moves data,
//   from its first operand that has qparams to its results backwards      from a result (or a
//   sibling operand) to an operand, but only where that operand has no other reader
// Per-tensor qparams pass through every data-moving operator; per-channel ones stay where they are.
// Runs to a fixed point in a number of sweeps that does not grow with the graph: forwards in
// topological order, then backwards in reverse. Returns how many values were filled.
int PropagateQparams(ir::Graph& graph, const ActivationDTypes* activations);

// Why propagation did not reach a value that has no qparams: the operator at which it stopped, if a
// neighbour that moves data has qparams on its other side.
ir::NodeId PropagationStop(const ir::Graph& graph, ir::ValueId value);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_PROPAGATE_H_
