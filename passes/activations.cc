#include "passes/activations.h"

#include <limits>

namespace g4c::passes {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct ClampName {
  ir::Activation activation;
  ir::Clamp clamp;
};

const ClampName kClamps[] = {
    {ir::Activation::kRelu, {0, kInf}},
    {ir::Activation::kRelu6, {0, 6}},
    {ir::Activation::kReluN1To1, {-1, 1}},
};

}  // namespace

absl::optional<ir::Clamp> ClampOf(ir::Activation activation) {
  for (const ClampName& known : kClamps) {
    if (known.activation == activation) return known.clamp;
  }
  return absl::nullopt;
}

absl::optional<ir::Activation> ActivationFor(const ir::Clamp& clamp) {
  for (const ClampName& known : kClamps) {
    if (known.clamp == clamp) return known.activation;
  }
  return absl::nullopt;
}

}  // namespace g4c::passes
