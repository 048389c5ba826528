#include "ir/fused_activation.h"

namespace g4c::ir {

absl::optional<Activation> ActivationOf(const Op& op) {
  return std::visit(
      [](const auto& concrete) -> absl::optional<Activation> {
        if constexpr (requires { concrete.activation; }) {
          return concrete.activation;
        } else {
          return absl::nullopt;
        }
      },
      op);
}

Op WithActivation(Op op, Activation activation) {
  std::visit(
      [&](auto& concrete) {
        if constexpr (requires { concrete.activation; }) concrete.activation = activation;
      },
      op);
  return op;
}

}  // namespace g4c::ir
