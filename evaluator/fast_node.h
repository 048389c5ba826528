// Fast kernels of the operators that a network spends its time in.
#ifndef EVALUATOR_FAST_NODE_H_
#define EVALUATOR_FAST_NODE_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/graph.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// The result of `op`, or nullopt where no fast kernel does it: then EvaluateNode must. operands[i]
// is null where omitted. An operand whose storage nobody else shares may be overwritten with the
// result.
//
// Work is cut into tiles that depend on shapes only, so that results do not depend on the number of
// threads.
absl::optional<ir::Tensor> EvaluateFast(const ir::Op& op, absl::Span<ir::Tensor* const> operands,
                                        const ir::Type& result);

// Whether `op` is a product that EvaluateProduct does where its operands are f32 of the given ranks
// and the last two axes of its result (the last one of fully_connected's) are those of the product.
bool IsFastProduct(const ir::Op& op, int rank_a, int rank_b);

// The product, of f32 operands. `epilogue` (may be null) is that of MatMulOptions.
ir::Tensor EvaluateProduct(
    const ir::Op& op, absl::Span<ir::Tensor* const> operands, const ir::Dims& dims,
    std::function<void(float* run, int64_t row, int64_t column, int64_t count)> epilogue);

// EvaluateNode that takes the fast kernels where there are some. Operands may be overwritten as
// above.
absl::StatusOr<std::vector<ir::Tensor>> EvaluateNodeFast(const ir::Op& op,
                                                         absl::Span<ir::Tensor* const> operands,
                                                         int num_outputs);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_NODE_H_
