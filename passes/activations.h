// Fused activations that are clamps.
#ifndef PASSES_ACTIVATIONS_H_
#define PASSES_ACTIVATIONS_H_

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// relu, relu6 and relu_n1_to_1 as clamps, and back; nullopt for others.
absl::optional<ir::Clamp> ClampOf(ir::Activation activation);
absl::optional<ir::Activation> ActivationFor(const ir::Clamp& clamp);

}  // namespace g4c::passes

#endif  // PASSES_ACTIVATIONS_H_
