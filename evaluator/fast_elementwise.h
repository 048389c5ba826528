// Element by element on f32, and along rows.
#ifndef EVALUATOR_FAST_ELEMENTWISE_H_
#define EVALUATOR_FAST_ELEMENTWISE_H_

#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/graph.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// As EvaluateFast; nullopt for operators that these kernels do not do and operands that are not
// f32. For rounding see fast_runs.h and fast_rows.h.
absl::optional<ir::Tensor> FastElementwise(const ir::Op& op, absl::Span<ir::Tensor* const> operands,
                                           const ir::Dims& dims);

// softmax, softmax_axis over the last axis, and rms_norm.
absl::optional<ir::Tensor> FastRows(const ir::Op& op, absl::Span<ir::Tensor* const> operands);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_ELEMENTWISE_H_
