// softmax over the last axis: exponentials of differences from a Q.31 table, an integer sum, one
// rounded division (docs/integer_semantics.md, "Softmax").
#ifndef EVALUATOR_INTEGER_SOFTMAX_H_
#define EVALUATOR_INTEGER_SOFTMAX_H_

#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Softmax& op, const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_SOFTMAX_H_
