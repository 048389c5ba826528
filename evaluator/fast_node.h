// Fast kernels of the operators that a network spends its time in.
#ifndef EVALUATOR_FAST_NODE_H_
#define EVALUATOR_FAST_NODE_H_

#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// The result of `op`, or nullopt where no fast kernel does it: then EvaluateNode must. operands[i]
// is null where omitted. An operand whose storage nobody else shares may be overwritten with the
// result.
//
// Work is cut into tiles that depend on shapes only, so that results do not depend on the number of
// threads.
absl::optional<ir::Tensor> EvaluateFast(const ir::Op& op, absl::Span<ir::Tensor* const> operands);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_NODE_H_
