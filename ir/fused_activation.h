// The activation that some operators have fused, as Circle has them.
#ifndef IR_FUSED_ACTIVATION_H_
#define IR_FUSED_ACTIVATION_H_

#include "absl/types/optional.h"
#include "ir/op.h"

namespace g4c::ir {

// nullopt for an operator that cannot have one.
absl::optional<Activation> ActivationOf(const Op& op);
// The same operator with another activation. Requires that it can have one.
Op WithActivation(Op op, Activation activation);

}  // namespace g4c::ir

#endif  // IR_FUSED_ACTIVATION_H_
