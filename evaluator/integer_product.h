// fully_connected and batch_matmul (docs/integer_semantics.md, "Products").
#ifndef EVALUATOR_INTEGER_PRODUCT_H_
#define EVALUATOR_INTEGER_PRODUCT_H_

#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::FullyConnected& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::BatchMatMul& op, const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_PRODUCT_H_
