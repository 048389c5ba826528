// rms_norm and l2_norm: integer sums of squares, a fixed-point factor for each row, one rounding
// (docs/integer_semantics.md, "Norms").
#ifndef EVALUATOR_INTEGER_NORM_H_
#define EVALUATOR_INTEGER_NORM_H_

#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::RmsNorm& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::L2Norm& op, const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_NORM_H_
