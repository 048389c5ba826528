// Reductions and what else works along axes.
#include "frontend/op_registry.h"

namespace g4c::frontend {
namespace {

// `axes_input_since`: the opset from which the axes are an input.
absl::Status Reduce(NodeContext& node, ir::ReduceKind kind, int64_t axes_input_since,
                    ir::ValueId x) {
  ir::DynamicReduce op;
  op.kind = kind;
  op.keep_dims = node.Int("keepdims", 1) != 0;
  ir::ValueId axes = ir::kNoValue;
  if (node.opset() >= axes_input_since) {
    op.noop_with_empty_axes = node.Int("noop_with_empty_axes", 0) != 0;
    axes = node.Input(1);
  } else if (const auto list = node.Ints("axes"); !list.empty()) {
    axes = node.graph().AddConstant("axes", ir::Tensor::I64(list));
  }
  std::vector<ir::ValueId> operands{x};
  if (axes != ir::kNoValue) operands.push_back(axes);
  // ReduceMax and ReduceMin of Booleans (opset 20): any and all, on 0 and 1.
  if (node.TypeOf(x).dtype != ir::DType::kBool) return node.Return(op, std::move(operands));
  ASSIGN_OR_RETURN(operands[0], node.Emit(ir::Cast{ir::DType::kI32}, {x}));
  ASSIGN_OR_RETURN(const ir::ValueId reduced, node.Emit(op, std::move(operands)));
  return node.Return(ir::Cast{ir::DType::kBool}, {reduced});
}

}  // namespace

absl::Status ImportReduceSum(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kSum, 13, node.Input(0));
}
absl::Status ImportReduceMean(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kMean, 18, node.Input(0));
}
absl::Status ImportReduceMax(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kMax, 18, node.Input(0));
}
absl::Status ImportReduceMin(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kMin, 18, node.Input(0));
}
absl::Status ImportReduceProd(NodeContext& node) {
  return Reduce(node, ir::ReduceKind::kProd, 18, node.Input(0));
}

absl::Status ImportReduceSumSquare(NodeContext& node) {
  ASSIGN_OR_RETURN(const ir::ValueId square, node.Emit(ir::Mul{}, {node.Input(0), node.Input(0)}));
  return Reduce(node, ir::ReduceKind::kSum, 18, square);
}

absl::Status ImportSoftmax(NodeContext& node) {
  return node.Return(ir::SoftmaxAxis{node.Int("axis", -1)}, {node.Input(0)});
}

absl::Status ImportCumSum(NodeContext& node) {
  return node.Return(ir::CumSum{node.Int("exclusive", 0) != 0, node.Int("reverse", 0) != 0},
                     node.Inputs(2));
}

absl::Status ImportLayerNorm(NodeContext& node) {
  node.Ignore("stash_type");  // the type in which the statistics are computed
  RETURN_IF_ERROR(node.RequireOutputs(1));
  return node.Return(ir::LayerNorm{node.Int("axis", -1), node.Float("epsilon", 1e-5f)},
                     node.Inputs(3));
}

absl::Status ImportRmsNorm(NodeContext& node) {
  node.Ignore("stash_type");
  RETURN_IF_ERROR(node.RequireOutputs(1));
  return node.Return(ir::RmsNormAxes{node.Int("axis", -1), node.Float("epsilon", 1e-5f)},
                     node.Inputs(2));
}

// (input, skip, gamma, bias): s = input + skip + bias; results: rms_norm(s) gamma, -, -, s
absl::Status ImportSkipRmsNorm(NodeContext& node) {
  if (node.Wants(1) || node.Wants(2)) return Unsupported("its mean or inv_std_var is used");
  ASSIGN_OR_RETURN(ir::ValueId sum, node.Emit(ir::Add{}, {node.Input(0), node.Input(1)}));
  if (node.Has(3)) {
    ASSIGN_OR_RETURN(sum, node.Emit(ir::Add{}, {sum, node.Input(3)}));
  }
  const float epsilon = node.Float("epsilon", 1e-12f);
  RETURN_IF_ERROR(node.Return(ir::RmsNormAxes{-1, epsilon}, {sum, node.Input(2)}));
  if (node.Wants(3)) return node.Forward(sum, 3);
  return absl::OkStatus();
}

}  // namespace g4c::frontend
