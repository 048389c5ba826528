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

// Whether the activation of a fully_connected is a clamp, and which.
bool SetActivation(ir::Activation activation, MatMulOptions& options) {
  switch (activation) {
    case ir::Activation::kNone:
      return true;
    case ir::Activation::kRelu:
      options.low = 0;
      return true;
    case ir::Activation::kRelu6:
      options.low = 0;
      options.high = 6;
      return true;
    case ir::Activation::kReluN1To1:
      options.low = -1;
      options.high = 1;
      return true;
    case ir::Activation::kTanh:
    case ir::Activation::kSignBit:
      return false;
  }
  return false;
}

bool IsProduct(const ir::Op& op) {
  MatMulOptions options;
  const auto* linear = std::get_if<ir::FullyConnected>(&op);
  if (linear != nullptr) return SetActivation(linear->activation, options);
  return std::holds_alternative<ir::BatchMatMul>(op) || std::holds_alternative<ir::MatMul>(op) ||
         std::holds_alternative<ir::FusedMatMul>(op);
}

}  // namespace

bool IsFastProduct(const ir::Op& op, int rank_a, int rank_b) {
  const bool linear = std::holds_alternative<ir::FullyConnected>(op);
  return IsProduct(op) && (linear || (rank_a >= 2 && rank_b >= 2));
}

Tensor EvaluateProduct(
    const ir::Op& op, absl::Span<Tensor* const> operands, const Dims& dims,
    std::function<void(float* run, int64_t row, int64_t column, int64_t count)> epilogue) {
  const Tensor& a = *operands[0];
  const Tensor& b = *operands[1];
  MatMulOptions options;
  options.epilogue = std::move(epilogue);
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
  const auto& linear = std::get<ir::FullyConnected>(op);
  G4C_CHECK(SetActivation(linear.activation, options));
  if (operands.size() > 2) options.bias = operands[2];
  return FastMatMul(AsMatrix(a, true), b.Transposed({1, 0}), dims, options);
}

absl::optional<Tensor> EvaluateFast(const ir::Op& op, absl::Span<Tensor* const> operands,
                                    const ir::Type& result) {
  const bool present =
      std::none_of(operands.begin(), operands.end(), [](Tensor* x) { return x == nullptr; });
  if (IsProduct(op) && operands[0] != nullptr && operands[1] != nullptr &&
      ir::IsFloat(operands[0]->dtype())) {
    return EvaluateProduct(op, operands, result.shape.dims(), nullptr);
  }
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
