// Fused activations that are clamps.
#ifndef PASSES_ACTIVATIONS_H_
#define PASSES_ACTIVATIONS_H_

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// The fused activation of an operator that can have one; null for others.
const ir::Activation* ActivationOf(const ir::Op& op);
// The same operator with another activation. Requires that it can have one.
ir::Op WithActivation(ir::Op op, ir::Activation activation);

// relu, relu6 and relu_n1_to_1 as clamps, and back; nullopt for others.
absl::optional<ir::Clamp> ClampOf(ir::Activation activation);
absl::optional<ir::Activation> ActivationFor(const ir::Clamp& clamp);

}  // namespace g4c::passes

#endif  // PASSES_ACTIVATIONS_H_
