// reduce_sum, reduce_mean, reduce_max, reduce_min (docs/integer_semantics.md, "Reductions").
#ifndef EVALUATOR_INTEGER_REDUCE_H_
#define EVALUATOR_INTEGER_REDUCE_H_

#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceSum& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMean& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMax& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMin& op, const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_REDUCE_H_
