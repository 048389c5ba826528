#include "passes/decompose_composites.h"

#include <type_traits>

#include "ir/resolve.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// reduce(x, axes, keep_dims false) -> reshape(reduce(x, axes, keep_dims true))
template <typename ReduceOp>
absl::StatusOr<bool> KeepDims(Graph& graph, ValueId y, const ReduceOp& op) {
  if (op.keep_dims) return false;
  ReduceOp kept = op;
  kept.keep_dims = true;
  RewriteBuilder build(graph, y);
  const ValueId x = graph.Producer(y)->inputs[0];
  const ir::Dims dims = graph.value(y).type.shape.dims();
  const ValueId reduced = build.Add(kept, {x});
  RETURN_IF_ERROR(build.status());
  // With the same rank on both sides nothing was reduced; the reshape then keeps the name.
  RETURN_IF_ERROR(build.Finish(build.Add(ir::Reshape{dims}, {reduced})));
  // The reduced numbers are the same, so are their qparams.
  graph.SetQuantization(reduced, graph.value(y).quantization, graph.value(y).quant_origin);
  return true;
}

struct Visitor {
  Graph& graph;
  ValueId y;

  template <typename OpType>
  absl::StatusOr<bool> operator()(const OpType& op) const {
    constexpr bool kReduce =
        std::is_same_v<OpType, ir::ReduceSum> || std::is_same_v<OpType, ir::ReduceMean> ||
        std::is_same_v<OpType, ir::ReduceMax> || std::is_same_v<OpType, ir::ReduceMin> ||
        std::is_same_v<OpType, ir::ReduceProd>;
    constexpr bool kComposite =
        std::is_same_v<OpType, ir::Attention> || std::is_same_v<OpType, ir::Einsum> ||
        std::is_same_v<OpType, ir::Conv> || std::is_same_v<OpType, ir::LayerNorm> ||
        std::is_same_v<OpType, ir::RmsNormAxes> || std::is_same_v<OpType, ir::RotaryEmbedding> ||
        std::is_same_v<OpType, ir::MatMul> || std::is_same_v<OpType, ir::FusedMatMul> ||
        std::is_same_v<OpType, ir::SoftmaxAxis>;
    if constexpr (kReduce) {
      return KeepDims(graph, y, op);
    } else if constexpr (kComposite) {
      return Decompose(graph, y, op);
    } else {
      return false;
    }
  }
};

bool HasStaticOperands(const Graph& graph, const ir::Node& node) {
  for (ValueId input : node.inputs) {
    if (input != ir::kNoValue && !graph.value(input).type.shape.IsStatic()) return false;
  }
  for (ValueId output : node.outputs) {
    if (!graph.value(output).type.shape.IsStatic()) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::MatMul&) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  const ir::Dims dims = graph.value(y).type.shape.dims();
  RewriteBuilder build(graph, y);
  const auto matrix = [&](ValueId x, bool row) {
    if (build.DimsOf(x).size() != 1) return x;
    const int64_t k = build.DimsOf(x)[0];
    return build.Reshape(x, row ? ir::Dims{1, k} : ir::Dims{k, 1});
  };
  const ValueId a = matrix(inputs[0], true);
  const ValueId b = matrix(inputs[1], false);
  const ValueId product = build.Add(ir::BatchMatMul{}, {a, b});
  RETURN_IF_ERROR(build.Finish(build.Reshape(product, dims)));
  return true;
}

absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::FusedMatMul& op) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  RewriteBuilder build(graph, y);
  const auto permuted = [&](ValueId x, bool trans, bool trans_batch) {
    const std::vector<int> perm =
        ir::FusedMatMulPerm(static_cast<int>(build.DimsOf(x).size()), trans, trans_batch);
    return build.Transpose(x, ir::Ints(perm.begin(), perm.end()));
  };
  const ValueId a = permuted(inputs[0], op.trans_a, op.trans_batch_a);
  const ValueId b = permuted(inputs[1], op.trans_b, op.trans_batch_b);
  const ValueId product = build.Add(ir::MatMul{}, {a, b});
  RETURN_IF_ERROR(build.Finish(build.Scale(product, op.alpha)));
  return Decompose(graph, product, ir::MatMul{});
}

absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::SoftmaxAxis& op) {
  const ValueId x = graph.Producer(y)->inputs[0];
  const int rank = graph.value(x).type.shape.rank();
  ASSIGN_OR_RETURN(const int axis, ir::NormalizeAxis(op.axis, rank));
  ir::Ints perm;
  for (int i = 0; i < rank; ++i) perm.push_back(i);
  std::swap(perm[axis], perm[rank - 1]);
  RewriteBuilder build(graph, y);
  const ValueId softmax = build.Add(ir::Softmax{}, {build.Transpose(x, perm)});
  RETURN_IF_ERROR(build.Finish(build.Transpose(softmax, perm)));
  return true;
}

absl::StatusOr<bool> DecomposeComposites::Run(Graph& graph, Report& report) {
  int decomposed = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (node.outputs.size() != 1 || !HasStaticOperands(graph, node)) continue;
    const ir::Op op = node.op;
    const ValueId y = node.outputs[0];
    absl::StatusOr<bool> done = std::visit(Visitor{graph, y}, op);
    if (done.status().code() == absl::StatusCode::kUnimplemented) {
      // A run evaluates what stays; an export ends on it, with this reason.
      report.Declined(name(), ir::Describe(graph, id), done.status().message());
      continue;
    }
    if (!done.ok()) return Prefixed(done.status(), absl::StrCat(ir::Describe(graph, id), ": "));
    decomposed += *done;
  }
  report.Count(name(), decomposed);
  if (decomposed > 0) graph.EraseDead();
  return decomposed > 0;
}

}  // namespace g4c::passes
