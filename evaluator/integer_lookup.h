// Unary operators by table: entry(q) = saturate(zero_point + round(f(scale_in (q - zero_point_in))
// / scale_out)) with f in double, one entry for each integer of the operand's dtype
// (docs/integer_semantics.md, "Tables").
#ifndef EVALUATOR_INTEGER_LOOKUP_H_
#define EVALUATOR_INTEGER_LOOKUP_H_

#include "absl/functional/function_ref.h"
#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Abs& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Ceil& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Clamp& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Cos& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Erf& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Exp& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Floor& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Gelu& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Log& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Logistic& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Neg& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Relu& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Round& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Rsqrt& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sign& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sin& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sqrt& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Square& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Tanh& op, const IntegerNode& node);
// False everywhere: integers hold no NaN.
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::IsNan& op, const IntegerNode& node);
// The exponent must be a constant of one element.
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Pow& op, const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_LOOKUP_H_
