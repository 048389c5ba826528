#include "evaluator/fast_node.h"

namespace g4c::evaluator {

absl::optional<ir::Tensor> EvaluateFast(const ir::Op&, absl::Span<ir::Tensor* const>) {
  return absl::nullopt;
}

}  // namespace g4c::evaluator
