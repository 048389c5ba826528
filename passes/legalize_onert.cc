#include "passes/legalize_onert.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "passes/matchers.h"
#include "passes/rewrite_builder.h"
#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::ValueId;

const Dims& DimsOf(const Graph& graph, ValueId value) {
  return graph.value(value).type.shape.dims();
}

// The qparams of the node's result also hold for a value that has the same numbers in another
// shape.
void SameQparams(Graph& graph, ValueId value, ValueId as) {
  graph.SetQuantization(value, graph.value(as).quantization, graph.value(as).quant_origin);
}

absl::StatusOr<bool> SwapConstantProduct(Graph& graph, NodeId id) {
  const auto* product = std::get_if<ir::BatchMatMul>(&graph.node(id).op);
  if (product == nullptr || !graph.IsConstant(graph.node(id).inputs[0])) return false;
  const ValueId a = graph.node(id).inputs[0];
  const ValueId b = graph.node(id).inputs[1];
  const ValueId y = graph.node(id).outputs[0];
  const ir::BatchMatMul op = *product;
  const Dims a_dims = DimsOf(graph, a);
  const bool per_channel = std::holds_alternative<ir::QuantPerChannel>(graph.value(a).quantization);
  if (per_channel || graph.IsConstant(b)) return false;
  RewriteBuilder build(graph, y);
  ValueId swapped;
  const size_t rank = a_dims.size();
  if (ir::NumElements(Dims(a_dims.begin(), a_dims.end() - 2)) == 1 &&
      DimsOf(graph, b).size() >= rank) {
    ir::Tensor weight = graph.value(a).constant->Reshaped({a_dims[rank - 2], a_dims[rank - 1]});
    if (op.adj_x) weight = weight.Transposed({1, 0});
    const ValueId constant = build.Constant(std::move(weight));
    SameQparams(graph, constant, a);
    ValueId rows = b;
    if (!op.adj_y) {
      rows = build.Swap(b);
      RETURN_IF_ERROR(build.status());
      SameQparams(graph, rows, b);
    }
    swapped = build.Add(ir::FullyConnected{}, {rows, constant, ir::kNoValue});
  } else {
    swapped = build.Add(ir::BatchMatMul{!op.adj_y, !op.adj_x}, {b, a});
  }
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, swapped, y);
  RETURN_IF_ERROR(build.Finish(build.Swap(swapped)));
  return true;
}

absl::StatusOr<bool> NarrowProduct(Graph& graph, NodeId id) {
  const auto* product = std::get_if<ir::BatchMatMul>(&graph.node(id).op);
  if (product == nullptr) return false;
  const ValueId y = graph.node(id).outputs[0];
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ir::BatchMatMul op = *product;
  const Dims dims = DimsOf(graph, y);
  if (dims.size() <= 4) return false;
  RewriteBuilder build(graph, y);
  std::vector<ValueId> narrow;
  for (ValueId input : inputs) {
    const Dims& own = DimsOf(graph, input);
    if (!std::equal(own.begin(), own.end() - 2, dims.begin(), dims.end() - 2)) {
      return Unsupported("onert multiplies matrices of rank at most 4; the batches ",
                         ir::ShapeText(own), " and ", ir::ShapeText(dims), " cannot be one axis");
    }
    const int64_t batch = ir::NumElements(Dims(own.begin(), own.end() - 2));
    const ValueId reshaped = build.Reshape(input, {batch, own[own.size() - 2], own.back()});
    RETURN_IF_ERROR(build.status());
    SameQparams(graph, reshaped, input);
    narrow.push_back(reshaped);
  }
  const ValueId result = build.Add(op, narrow);
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, result, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(result, dims)));
  return true;
}

absl::StatusOr<bool> SplitAsSlices(Graph& graph, NodeId id) {
  const auto* op = std::get_if<ir::Split>(&graph.node(id).op);
  if (op == nullptr) return false;
  const ir::Split split = *op;
  if (std::all_of(split.sizes.begin(), split.sizes.end(),
                  [&](int64_t size) { return size == split.sizes[0]; })) {
    return false;
  }
  const ValueId x = graph.node(id).inputs[0];
  const std::vector<ValueId> pieces = graph.node(id).outputs;
  int64_t begin = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    RewriteBuilder build(graph, pieces[i]);
    const ValueId piece = build.Slice(x, static_cast<int>(split.axis), begin, split.sizes[i]);
    RETURN_IF_ERROR(build.Finish(piece));
    begin += split.sizes[i];
  }
  return true;
}

absl::StatusOr<bool> NormOfRank3(Graph& graph, NodeId id) {
  const auto* op = std::get_if<ir::RmsNorm>(&graph.node(id).op);
  if (op == nullptr) return false;
  const ir::RmsNorm norm = *op;
  std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId y = graph.node(id).outputs[0];
  const Dims dims = DimsOf(graph, y);
  if (dims.size() == 3 || dims.size() == 4) return false;
  RewriteBuilder build(graph, y);
  const ValueId flat = build.Reshape(
      inputs[0], {1, ir::NumElements(dims) / std::max<int64_t>(1, dims.back()), dims.back()});
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, flat, inputs[0]);
  inputs[0] = flat;
  const ValueId normed = build.Add(norm, inputs);
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, normed, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(normed, dims)));
  return true;
}

template <typename ReduceOp>
absl::StatusOr<bool> NarrowReduceOf(Graph& graph, NodeId id, const ReduceOp& reduce) {
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  const Dims dims = DimsOf(graph, x);
  if (dims.size() <= 4 || reduce.axes.empty()) return false;
  const size_t first = reduce.axes.front();
  const size_t last = reduce.axes.back();
  if (last - first + 1 != reduce.axes.size()) {
    return Unsupported("onert reduces tensors of rank at most 4; the axes of rank ", dims.size(),
                       " are not adjacent");
  }
  const auto product = [&](size_t begin, size_t end) {
    return ir::NumElements(Dims(dims.begin() + begin, dims.begin() + end));
  };
  RewriteBuilder build(graph, y);
  const ValueId flat = build.Reshape(
      x, {product(0, first), product(first, last + 1), product(last + 1, dims.size())});
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, flat, x);
  const ValueId reduced = build.Add(ReduceOp{{1}, true}, {flat});
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, reduced, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(reduced, DimsOf(graph, y))));
  return true;
}

absl::StatusOr<bool> NarrowReduce(Graph& graph, NodeId id) {
  const ir::Op op = graph.node(id).op;
  if (const auto* sum = std::get_if<ir::ReduceSum>(&op)) return NarrowReduceOf(graph, id, *sum);
  if (const auto* mean = std::get_if<ir::ReduceMean>(&op)) return NarrowReduceOf(graph, id, *mean);
  if (const auto* max = std::get_if<ir::ReduceMax>(&op)) return NarrowReduceOf(graph, id, *max);
  if (const auto* min = std::get_if<ir::ReduceMin>(&op)) return NarrowReduceOf(graph, id, *min);
  return false;
}

// Values that have fewer dims at run time than the file says, and the reshapes that give them back.
class RankRestorer {
 public:
  explicit RankRestorer(Graph& graph) : graph_(graph) {}

  int Run() {
    const std::vector<NodeId> order = graph_.TopologicalOrder();
    flat_.resize(graph_.num_values(), false);
    for (NodeId id : order) {
      if (!TakesFlat(id)) {
        for (size_t i = 0; i < graph_.node(id).inputs.size(); ++i) {
          const ValueId operand = graph_.node(id).inputs[i];
          if (operand != ir::kNoValue && IsFlat(operand)) {
            graph_.SetOperand(id, static_cast<int>(i), Restored(operand));
          }
        }
      }
      for (ValueId output : graph_.node(id).outputs) flat_[output] = GivesFlat(id);
    }
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      const ValueId value = graph_.outputs()[i].value;
      if (IsFlat(value)) graph_.SetOutput(static_cast<int>(i), Restored(value));
    }
    return added_;
  }

 private:
  bool IsFlat(ValueId value) const {
    return value < static_cast<ValueId>(flat_.size()) && flat_[value];
  }

  // Whether every operand with more than one dim of a node is flat, or so small that broadcasting
  // puts it right.
  bool OperandsAgree(const ir::Node& node) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId operand) {
      return operand == ir::kNoValue || IsFlat(operand) || DimsOf(graph_, operand).size() <= 1;
    });
  }

  bool TakesFlat(NodeId id) const {
    const ir::Node& node = graph_.node(id);
    if (std::holds_alternative<ir::FullyConnected>(node.op) ||
        std::holds_alternative<ir::Reshape>(node.op))
      return true;
    const bool pointwise =
        IsElementwise(node.op) || ir::InfoOf(node.op).rule == ir::QparamRule::kConverts;
    return pointwise && OperandsAgree(node);
  }

  bool GivesFlat(NodeId id) const {
    const ir::Node& node = graph_.node(id);
    if (std::holds_alternative<ir::FullyConnected>(node.op))
      return DimsOf(graph_, node.outputs[0]).size() > 2;
    if (std::holds_alternative<ir::Reshape>(node.op)) return false;
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId operand) { return operand != ir::kNoValue && IsFlat(operand); });
  }

  ValueId Restored(ValueId value) {
    const auto [it, inserted] = restored_.try_emplace(value, ir::kNoValue);
    if (!inserted) return it->second;
    const ir::Type type = graph_.value(value).type;
    const ir::Provenance provenance = graph_.Producer(value)->provenance;
    const NodeId node =
        graph_.AddNode(ir::Reshape{type.shape.dims()}, {value},
                       {absl::StrCat(graph_.value(value).name, "_shaped")}, {type}, provenance);
    it->second = graph_.node(node).outputs[0];
    SameQparams(graph_, it->second, value);
    ++added_;
    return it->second;
  }

  Graph& graph_;
  std::vector<bool> flat_;
  absl::flat_hash_map<ValueId, ValueId> restored_;
  int added_ = 0;
};

constexpr Rewrite kRules[] = {
    {"swap-constant-product", SwapConstantProduct},
    {"narrow-product", NarrowProduct},
    {"split-as-slices", SplitAsSlices},
    {"norm-of-rank-3", NormOfRank3},
    {"narrow-reduce", NarrowReduce},
};

}  // namespace

absl::StatusOr<bool> LegalizeOnert::Run(Graph& graph, Report& report) {
  bool changed = false;
  for (NodeId id : graph.TopologicalOrder()) {
    for (const Rewrite& rule : kRules) {
      absl::StatusOr<bool> done = rule.run(graph, id);
      if (!done.ok()) return Prefixed(done.status(), absl::StrCat(ir::Describe(graph, id), ": "));
      report.Count(rule.name, *done);
      changed |= *done;
    }
  }
  if (changed) graph.EraseDead();
  const int restored = RankRestorer(graph).Run();
  report.Count("restore-rank", restored);
  return changed || restored > 0;
}

}  // namespace g4c::passes
