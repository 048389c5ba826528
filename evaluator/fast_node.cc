#include "evaluator/fast_node.h"

#include <algorithm>

#include "base/status.h"
#include "evaluator/fast_elementwise.h"
#include "evaluator/fast_matmul.h"
#include "evaluator/reference.h"
#include "ir/resolve.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

Tensor Swapped(const Tensor& x, bool swap) {
  return swap ? x.Transposed(ir::FusedMatMulPerm(x.rank(), true, false)) : x;
}

// A rank-1 operand is a row on the left and a column on the right.
Tensor AsMatrix(const Tensor& x, bool left) {
  if (x.rank() != 1) return x;
  const int64_t n = x.dims()[0];
  return x.Reshaped(left ? Dims{1, n} : Dims{n, 1});
}

absl::optional<Tensor> FastProduct(const ir::Op& op, absl::Span<Tensor* const> operands,
                                   const Dims& dims) {
  if (operands.size() < 2 || operands[0] == nullptr || operands[1] == nullptr ||
      !ir::IsFloat(operands[0]->dtype())) {
    return absl::nullopt;
  }
  const Tensor& a = *operands[0];
  const Tensor& b = *operands[1];
  MatMulOptions options;
  if (const auto* product = std::get_if<ir::BatchMatMul>(&op)) {
    return FastMatMul(Swapped(a, product->adj_x), Swapped(b, product->adj_y), dims, options);
  }
  if (std::holds_alternative<ir::MatMul>(op)) {
    return FastMatMul(AsMatrix(a, true), AsMatrix(b, false), dims, options);
  }
  if (const auto* fused = std::get_if<ir::FusedMatMul>(&op)) {
    options.alpha = fused->alpha;
    return FastMatMul(
        AsMatrix(a.Transposed(ir::FusedMatMulPerm(a.rank(), fused->trans_a, fused->trans_batch_a)),
                 true),
        AsMatrix(b.Transposed(ir::FusedMatMulPerm(b.rank(), fused->trans_b, fused->trans_batch_b)),
                 false),
        dims, options);
  }
  const auto* linear = std::get_if<ir::FullyConnected>(&op);
  if (linear == nullptr) return absl::nullopt;
  switch (linear->activation) {
    case ir::Activation::kNone:
      break;
    case ir::Activation::kRelu:
      options.low = 0;
      break;
    case ir::Activation::kRelu6:
      options.low = 0;
      options.high = 6;
      break;
    case ir::Activation::kReluN1To1:
      options.low = -1;
      options.high = 1;
      break;
    case ir::Activation::kTanh:
    case ir::Activation::kSignBit:
      return absl::nullopt;
  }
  if (operands.size() > 2) options.bias = operands[2];
  return FastMatMul(AsMatrix(a, true), b.Transposed({1, 0}), dims, options);
}

}  // namespace

absl::optional<Tensor> EvaluateFast(const ir::Op& op, absl::Span<Tensor* const> operands,
                                    const ir::Type& result) {
  const bool present =
      std::none_of(operands.begin(), operands.end(), [](Tensor* x) { return x == nullptr; });
  if (absl::optional<Tensor> product = FastProduct(op, operands, result.shape.dims()))
    return product;
  if (absl::optional<Tensor> rows = FastRows(op, operands)) return rows;
  if (!present) return absl::nullopt;
  return FastElementwise(op, operands, result.shape.dims());
}

absl::StatusOr<std::vector<Tensor>> EvaluateNodeFast(const ir::Op& op,
                                                     absl::Span<Tensor* const> operands,
                                                     int num_outputs) {
  const std::vector<const Tensor*> inputs(operands.begin(), operands.end());
  ASSIGN_OR_RETURN(const std::vector<ir::Type> types, InferResults(op, inputs, num_outputs));
  if (types.size() == 1 && types[0].shape.IsStatic()) {
    absl::optional<Tensor> fast = EvaluateFast(op, operands, types[0]);
    if (fast.has_value()) return One(*std::move(fast));
  }
  return EvaluateReference(op, inputs, types);
}

}  // namespace g4c::evaluator
