#include "evaluator/integer_movement.h"

#include "evaluator/evaluate_node.h"
#include "evaluator/integer_convert.h"
#include "ir/quantize_constant.h"

namespace g4c::evaluator {
namespace {

using Results = absl::StatusOr<std::vector<ir::Tensor>>;
using Operands = absl::Span<const ir::Tensor* const>;

// The float evaluator's own movement, on stored integers.
absl::StatusOr<IntegerKernel> Copy(ir::Op op, const IntegerNode& node) {
  const ir::DType dtype = ir::StoredDType(node.input(0));
  for (int i = 0; i < node.num_outputs(); ++i) {
    if (ir::StoredDType(node.output(i)) != dtype) {
      return node.NoRule("it copies stored integers, so that both sides must have one dtype");
    }
  }
  return IntegerKernel(
      [op = std::move(op), outputs = node.num_outputs()](Operands inputs) -> Results {
        return EvaluateNode(op, inputs, outputs);
      });
}

// The operands from `first_data` on in the result's qparams, then moved.
absl::StatusOr<IntegerKernel> CopyRequantised(ir::Op op, int first_data, const IntegerNode& node) {
  bool all_equal = true;
  for (int i = first_data; i < node.num_inputs(); ++i) {
    all_equal = all_equal && node.input(i).quantization == node.output().quantization;
  }
  std::vector<Affine> from;
  Affine to = {};
  if (!all_equal) {
    for (int i = first_data; i < node.num_inputs(); ++i) {
      ASSIGN_OR_RETURN(from.emplace_back(), node.InputAffine(i));
    }
    ASSIGN_OR_RETURN(to, node.OutputAffine());
  }
  return IntegerKernel([=, op = std::move(op)](Operands inputs) -> Results {
    if (from.empty()) return EvaluateNode(op, inputs, 1);
    std::vector<ir::Tensor> moved;
    for (size_t i = 0; i < from.size(); ++i) {
      moved.push_back(Requantise(*inputs[first_data + i], from[i], to));
    }
    std::vector<const ir::Tensor*> operands(inputs.begin(), inputs.begin() + first_data);
    for (const ir::Tensor& tensor : moved) operands.push_back(&tensor);
    return EvaluateNode(op, operands, 1);
  });
}

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::BroadcastTo& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Gather& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::GatherNd& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Pad& op, const IntegerNode& node) {
  ir::Pad stored = op;
  if (op.mode == ir::PadMode::kConstant) {
    ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
    stored.value = static_cast<double>(out.Quantize(op.value));
  }
  return Copy(std::move(stored), node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Reshape& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Slice& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Split& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Tile& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Transpose& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Unpack& op, const IntegerNode& node) {
  return Copy(op, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Concat& op, const IntegerNode& node) {
  return CopyRequantised(op, /*first_data=*/0, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Pack& op, const IntegerNode& node) {
  return CopyRequantised(op, /*first_data=*/0, node);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Select& op, const IntegerNode& node) {
  return CopyRequantised(op, /*first_data=*/1, node);
}

}  // namespace g4c::evaluator
