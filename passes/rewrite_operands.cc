#include <algorithm>
#include <numeric>

#include "evaluator/evaluate_node.h"
#include "passes/matchers.h"
#include "passes/rewrite_builder.h"
#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

// The result's shape if operand `changed` had shape `dims` instead.
bool KeepsResult(const Graph& graph, const ir::Node& node, size_t changed, const Dims& dims) {
  ir::Shape shape = dims;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (i == changed) continue;
    const absl::StatusOr<ir::Shape> joined =
        ir::BroadcastShapes(shape, graph.value(node.inputs[i]).type.shape);
    if (!joined.ok()) return false;
    shape = *joined;
  }
  return shape == graph.value(node.outputs[0]).type.shape;
}

//   op(x, k) -> op(x, k')
//   k' = k with one element along each axis on which k does not vary, where op broadcasts it back;
//   a k of one number gets shape []
absl::StatusOr<bool> ShrinkConstants(Graph& graph, NodeId id) {
  if (!IsElementwise(graph.node(id).op) || graph.node(id).inputs.size() < 2) return false;
  bool changed = false;
  for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
    const ValueId operand = graph.node(id).inputs[i];
    if (!graph.IsConstant(operand)) continue;
    const ir::Value& value = graph.value(operand);
    // Its axis would have to move; no exporter writes such a constant as a broadcast operand.
    if (std::holds_alternative<ir::QuantPerChannel>(value.quantization)) continue;
    const Tensor full = Compacted(*value.constant);
    if (full.rank() == 0 || full.NumElements() == 0) continue;
    Tensor small = full;
    for (int axis = 0; axis < full.rank(); ++axis) {
      if (small.dims()[axis] == 1 || small.strides()[axis] != 0) continue;
      const Tensor candidate = small.Sliced(axis, 0, 1);
      if (KeepsResult(graph, graph.node(id), i, candidate.dims())) small = candidate;
    }
    if (small.NumElements() == 1 && KeepsResult(graph, graph.node(id), i, {}))
      small = small.Reshaped({});
    if (small.dims() == full.dims()) continue;
    ir::Type type = value.type;
    type.shape = small.dims();
    const std::string name = value.name;
    const ir::Quantization q = value.quantization;
    const ir::QuantOrigin origin = value.quant_origin;
    const ValueId twin = graph.AddConstant(name, std::move(type), std::move(small));
    graph.SetQuantization(twin, q, origin);
    graph.SetOperand(id, static_cast<int>(i), twin);
    graph.SwapNames(operand, twin);
    changed = true;
  }
  return changed;
}

//   op(broadcast_to(x), b) -> op(x, b), where op broadcasts x itself
absl::StatusOr<bool> AbsorbBroadcast(Graph& graph, NodeId id) {
  if (!IsElementwise(graph.node(id).op)) return false;
  bool changed = false;
  for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
    const ValueId operand = graph.node(id).inputs[i];
    const ValueId x = OperandOf<ir::BroadcastTo>(graph, operand);
    if (x == ir::kNoValue ||
        !KeepsResult(graph, graph.node(id), i, graph.value(x).type.shape.dims()))
      continue;
    const ir::Quantization& own = graph.value(operand).quantization;
    if (ir::HasQparams(own) && own != graph.value(x).quantization) continue;
    graph.SetOperand(id, static_cast<int>(i), x);
    changed = true;
  }
  return changed;
}

//   batch_matmul(a, transpose(b, p)) -> batch_matmul(a, transpose(b, p'), adj_y)
//   p' = p with its last two swapped, and the same for a. Only where p' leaves the last axis in
//   place and p does not: rows are then copied whole, or the transpose vanishes.
absl::StatusOr<bool> AbsorbTranspose(Graph& graph, NodeId id) {
  if (!std::holds_alternative<ir::BatchMatMul>(graph.node(id).op)) return false;
  bool changed = false;
  for (int i = 0; i < 2; ++i) {
    const ValueId operand = graph.node(id).inputs[i];
    const auto* transpose = graph.ProducedBy<ir::Transpose>(operand);
    if (transpose == nullptr || !graph.HasOneUse(operand)) continue;
    Ints perm = transpose->perm;
    const int64_t last = static_cast<int64_t>(perm.size()) - 1;
    if (last < 1 || perm[last - 1] != last) continue;
    if (std::holds_alternative<ir::QuantPerChannel>(graph.value(operand).quantization)) continue;
    std::swap(perm[last - 1], perm[last]);
    Dims dims = graph.value(operand).type.shape.dims();
    std::swap(dims[last - 1], dims[last]);
    // The transpose is this node's alone: it is changed where it stands.
    graph.SetOp(graph.value(operand).producer, ir::Transpose{std::move(perm)});
    graph.SetType(operand, {graph.value(operand).type.dtype, ir::Shape(std::move(dims))});
    ir::BatchMatMul op = std::get<ir::BatchMatMul>(graph.node(id).op);
    bool& adjoint = i == 0 ? op.adj_x : op.adj_y;
    adjoint = !adjoint;
    graph.SetOp(id, op);
    changed = true;
  }
  return changed;
}

//   batch_matmul(k, select(c, 0, x)) -> batch_matmul(select(c^T, 0, k), x)
//   and the same with the branches swapped, where the constant c chooses whole rows of x: a row of
//   zeros adds what a column of zeros does. (Rows of Inf or NaN would differ; what is chosen away
//   is padding.)
absl::StatusOr<bool> AbsorbRowMask(Graph& graph, NodeId id) {
  const auto* product = std::get_if<ir::BatchMatMul>(&graph.node(id).op);
  if (product == nullptr || product->adj_y) return false;
  const ValueId k = graph.node(id).inputs[0];
  const ValueId masked = graph.node(id).inputs[1];
  if (!graph.IsConstant(k) || graph.ProducedBy<ir::Select>(masked) == nullptr ||
      !graph.HasOneUse(masked))
    return false;
  if (!ir::IsFloat(graph.value(k).constant->dtype())) return false;
  if (std::holds_alternative<ir::QuantPerChannel>(graph.value(k).quantization)) return false;
  const std::vector<ValueId> inputs = graph.Producer(masked)->inputs;
  const bool zero_first = UniformFloat(graph, inputs[1]) == 0.0f;
  if (!zero_first && UniformFloat(graph, inputs[2]) != 0.0f) return false;
  const ValueId x = inputs[zero_first ? 2 : 1];
  if (!graph.IsConstant(inputs[0]) || graph.value(x).type != graph.value(masked).type) return false;
  const Tensor condition = DistinctPart(Compacted(*graph.value(inputs[0]).constant));
  // [.., S, 1]: one choice for each row.
  const Dims& rows = graph.value(x).type.shape.dims();
  const int rank = condition.rank();
  if (rank < 2 || condition.dims()[rank - 1] != 1 ||
      condition.dims()[rank - 2] != rows[rows.size() - 2])
    return false;
  std::vector<int> perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  if (!product->adj_x) std::swap(perm[rank - 2], perm[rank - 1]);
  const Tensor columns = condition.Transposed(perm);
  const Tensor zero = Tensor::ScalarF32(0);
  const Tensor& weights = *graph.value(k).constant;
  const Tensor* operands[] = {&columns, zero_first ? &zero : &weights,
                              zero_first ? &weights : &zero};
  ASSIGN_OR_RETURN(std::vector<Tensor> result, evaluator::EvaluateNode(ir::Select{}, operands, 1));
  const ir::BatchMatMul op = *product;
  const std::string name = graph.value(k).name;
  const ir::Quantization q = graph.value(k).quantization;
  const ir::QuantOrigin origin = graph.value(k).quant_origin;
  const ir::Provenance provenance = graph.Producer(masked)->provenance;
  graph.MergeProvenance(id, provenance);
  const ValueId masked_k = graph.AddConstant(name, std::move(result[0]));
  graph.SetQuantization(masked_k, q, origin);
  Become(graph, graph.node(id).outputs[0], op, {masked_k, x});
  return true;
}

}  // namespace

absl::Span<const Rewrite> OperandRewrites() {
  static constexpr Rewrite kRewrites[] = {
      {"shrink-constants", ShrinkConstants},
      {"absorb-broadcast", AbsorbBroadcast},
      {"absorb-transpose", AbsorbTranspose},
      {"absorb-row-mask", AbsorbRowMask},
  };
  return kRewrites;
}

}  // namespace g4c::passes
