// From an operator to its integer kernel.
#ifndef EVALUATOR_INTEGER_RULES_H_
#define EVALUATOR_INTEGER_RULES_H_

#include "evaluator/integer_node.h"

namespace g4c::evaluator {

// The kernel of a node whose f32 operands and results all have qparams, or of a quantize,
// dequantize or cast that has some. Unsupported, naming node and dtypes, where there is no rule.
absl::StatusOr<IntegerKernel> PrepareInteger(const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_RULES_H_
