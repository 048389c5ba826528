// Reductions, softmax and norms.
#include "frontend/op_registry.h"

namespace g4c::frontend {
namespace {

// Reduces `x`. Axes are an attribute before opset `axes_input_since`, from then on input 1.
absl::Status Reduce(NodeContext& node, ir::ReduceKind kind, ir::ValueId x,
                    int64_t axes_input_since = 18) {
  ir::DynamicReduce op;
  op.kind = kind;
  op.keep_dims = node.Flag("keepdims", true);
  ir::ValueId axes = ir::kNoValue;
  if (node.opset() >= axes_input_since) {
    op.noop_with_empty_axes = node.Flag("noop_with_empty_axes", false);
    axes = node.Input(1);
  } else if (const auto list = node.Ints("axes"); !list.empty()) {
    axes = node.IntList(list);
  }
  std::vector<ir::ValueId> operands{x};
  if (axes != ir::kNoValue) operands.push_back(axes);
  if (node.TypeOf(x).dtype != ir::DType::kBool || node.opset() < 20)
    return node.Return(op, std::move(operands));
  // Of Booleans (ReduceMax and ReduceMin since opset 20): false is 0, true is 1.
  ASSIGN_OR_RETURN(operands[0], node.CastTo(x, ir::DType::kI32));
  ASSIGN_OR_RETURN(const ir::ValueId reduced, node.Emit(op, std::move(operands)));
  return node.Return(ir::Cast{ir::DType::kBool}, {reduced});
}

}  // namespace

absl::Status ImportReduceSum(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kSum, node.Input(0), 13);
}
absl::Status ImportReduceMean(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kMean, node.Input(0));
}
absl::Status ImportReduceMax(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kMax, node.Input(0));
}
absl::Status ImportReduceMin(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kMin, node.Input(0));
}
absl::Status ImportReduceProd(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kProd, node.Input(0));
}

// sum(x x)
absl::Status ImportReduceSumSquare(NodeContext& node) {
  ASSIGN_OR_RETURN(const ir::ValueId square, node.Emit(ir::Mul{}, {node.Input(0), node.Input(0)}));
  return Reduce(node, ir::ReduceKind::kSum, square);
}

absl::Status ImportSoftmax(NodeContext& node) {
  return node.Return(ir::SoftmaxAxis{node.Int("axis", -1)}, {node.Input(0)});
}

absl::Status ImportCumSum(NodeContext& node) {
  return node.Return(ir::CumSum{node.Flag("exclusive", false), node.Flag("reverse", false)},
                     node.Inputs(2));
}

// stash_type is the dtype in which the norms compute their statistics, which is f32 here.

absl::Status ImportLayerNorm(NodeContext& node) {
  node.Ignore("stash_type");
  return node.Return(ir::LayerNorm{node.Int("axis", -1), node.Float("epsilon", 1e-5f)},
                     node.Inputs(3));
}

absl::Status ImportRmsNorm(NodeContext& node) {
  node.Ignore("stash_type");
  return node.Return(ir::RmsNormAxes{node.Int("axis", -1), node.Float("epsilon", 1e-5f)},
                     node.Inputs(2));
}

// (input, skip, gamma, bias): s = input + skip + bias; results: rms_norm(s) gamma, -, -, s
absl::Status ImportSkipRmsNorm(NodeContext& node) {
  std::vector<ir::ValueId> addends{node.Input(1)};
  if (node.Has(3)) addends.push_back(node.Input(3));
  ir::ValueId sum = node.Input(0);
  for (size_t i = 0; i < addends.size(); ++i) {
    const bool is_result = i + 1 == addends.size() && node.Wants(3);
    if (is_result) {
      RETURN_IF_ERROR(node.Return(ir::Add{}, {sum, addends[i]}, 3));
      sum = node.results()[3].value;
    } else {
      ASSIGN_OR_RETURN(sum, node.Emit(ir::Add{}, {sum, addends[i]}));
    }
  }
  return node.Return(ir::RmsNormAxes{-1, node.Float("epsilon", 1e-12f)}, {sum, node.Input(2)});
}

}  // namespace g4c::frontend
