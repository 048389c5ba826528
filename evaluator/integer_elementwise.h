// Binary operators element by element, with broadcasting: the rules are in
// docs/integer_semantics.md, "Element by element".
#ifndef EVALUATOR_INTEGER_ELEMENTWISE_H_
#define EVALUATOR_INTEGER_ELEMENTWISE_H_

#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Add& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sub& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Mul& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Div& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Maximum& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Minimum& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::SquaredDifference& op,
                                             const IntegerNode& node);
// Comparisons of quantised operands: a plain bool result.
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Equal& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::NotEqual& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Greater& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::GreaterEqual& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Less& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::LessEqual& op, const IntegerNode& node);

// The integers that a fused activation leaves of `out`: real bounds 0, 6, -1, 1 quantised by its
// qparams. Unsupported for tanh and sign_bit.
absl::StatusOr<StoredRange> ActivationRange(ir::Activation activation, const Affine& out,
                                            const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_ELEMENTWISE_H_
