// quantize, dequantize and cast of quantised values (docs/integer_semantics.md, "Conversions").
#ifndef EVALUATOR_INTEGER_CONVERT_H_
#define EVALUATOR_INTEGER_CONVERT_H_

#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Quantize& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Dequantize& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Cast& op, const IntegerNode& node);

// saturate(to.zero_point + round((q - from.zero_point) from.scale / to.scale)); equal qparams give
// the same tensor.
ir::Tensor Requantise(const ir::Tensor& stored, const Affine& from, const Affine& to);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_CONVERT_H_
