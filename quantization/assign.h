// From observations to the qparams of every activation.
#ifndef QUANTIZATION_ASSIGN_H_
#define QUANTIZATION_ASSIGN_H_

#include "absl/status/status.h"
#include "quantization/calibrate.h"

namespace g4c::quantization {

// Sets the qparams, in dtype `activation`, of all real values that have none and are no constant:
//   - the sums of masked logits and the mask's fill by ChooseMaskFills, fixed ranges by
//   PropagateQparams;
//   - values that data-moving operators tie together share the union of their ranges, constants
//   among them included;
//   - the only operand-reader of a clamp: what is clamped takes the clamp's own range, so that
//   saturation clamps.
// Values that nothing observed stay unknown, for the audit.
absl::Status AssignActivations(ir::Graph& graph, const Observations& observations,
                               ir::DType activation, ir::QuantOrigin origin);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_ASSIGN_H_
