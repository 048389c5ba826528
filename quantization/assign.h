// From observations to the qparams of every activation.
#ifndef QUANTIZATION_ASSIGN_H_
#define QUANTIZATION_ASSIGN_H_

#include "absl/status/status.h"
#include "quantization/activation_dtypes.h"
#include "quantization/calibrate.h"

namespace g4c::quantization {

// Sets the qparams of all real values that have none and are no constant:
// the sums of masked logits and the mask's fill by ChooseMaskFills, fixed ranges by
// PropagateQparams, then each QparamGroup by the union of its members' ranges. Values that nothing
// observed stay unknown, for the audit.
absl::Status AssignActivations(ir::Graph& graph, const Observations& observations,
                               const ActivationDTypes& activations, ir::QuantOrigin origin);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_ASSIGN_H_
