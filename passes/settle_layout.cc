#include "passes/settle_layout.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "passes/matchers.h"
#include "passes/region.h"
#include "passes/relayout.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::Op;
using ir::Tensor;
using ir::ValueId;

// Movement around one region is rarely longer; a longer chain is settled piece by piece.
constexpr size_t kMaxChain = 6;

bool IsRelayout(const Op& op) {
  return std::holds_alternative<ir::Reshape>(op) || std::holds_alternative<ir::Transpose>(op);
}

// Region::Admits of what does not depend on how the axes before the last are laid out.
absl::optional<std::vector<ValueId>> OperandsOfLastAxis(const Graph& graph, const ir::Node& node) {
  const Dims& dims = DimsOf(graph, node.outputs[0]);
  if (dims.empty()) return absl::nullopt;
  const int64_t last = static_cast<int64_t>(dims.size()) - 1;
  const auto* split = std::get_if<ir::Split>(&node.op);
  const auto* concat = std::get_if<ir::Concat>(&node.op);
  const bool along_last =
      (split != nullptr && split->axis == last) || (concat != nullptr && concat->axis == last) ||
      std::holds_alternative<ir::RmsNorm>(node.op) || std::holds_alternative<ir::Softmax>(node.op);
  if (!along_last && !IsElementwise(node.op)) return absl::nullopt;
  std::vector<ValueId> operands;
  for (ValueId operand : node.inputs) {
    if (operand == ir::kNoValue) continue;
    if (graph.IsConstant(operand)) {
      if (std::holds_alternative<ir::QuantPerChannel>(graph.value(operand).quantization))
        return absl::nullopt;
      continue;
    }
    // No broadcasting between activations.
    const Dims& own = DimsOf(graph, operand);
    if (own.size() != dims.size() || !std::equal(own.begin(), own.end() - 1, dims.begin()))
      return absl::nullopt;
    if (!along_last && own != dims) return absl::nullopt;
    operands.push_back(operand);
  }
  return operands;
}

// The operator that undoes one on a value of shape `dims`.
Op Inverse(const Op& op, const Dims& dims) {
  const auto* transpose = std::get_if<ir::Transpose>(&op);
  if (transpose == nullptr) return ir::Reshape{dims};
  Ints perm(transpose->perm.size());
  for (size_t i = 0; i < perm.size(); ++i) perm[transpose->perm[i]] = static_cast<int64_t>(i);
  return ir::Transpose{std::move(perm)};
}

// Whether the last axis of `from` stays the last one, unchanged, through the whole chain.
bool KeepsLastAxis(const Dims& from, const std::vector<Op>& chain) {
  if (from.empty()) return false;
  for (const Op& op : chain) {
    if (const auto* reshape = std::get_if<ir::Reshape>(&op)) {
      if (reshape->shape.empty() || reshape->shape.back() != from.back()) return false;
    } else {
      const Ints& perm = std::get<ir::Transpose>(op).perm;
      if (perm.back() != static_cast<int64_t>(perm.size()) - 1) return false;
    }
  }
  return true;
}

Tensor Moved(Tensor data, const std::vector<Op>& chain) {
  for (const Op& op : chain) {
    if (const auto* reshape = std::get_if<ir::Reshape>(&op)) {
      Dims dims = reshape->shape;
      dims.back() = data.dims().back();
      data = data.Reshaped(std::move(dims));
    } else {
      const Ints& perm = std::get<ir::Transpose>(op).perm;
      data = data.Transposed(std::vector<int>(perm.begin(), perm.end()));
    }
  }
  return data;
}

class Settler {
 public:
  explicit Settler(Graph& graph) : graph_(graph), positions_(PositionsOf(graph)) {}

  absl::StatusOr<int> Run() {
    int settled = 0;
    for (NodeId id : graph_.TopologicalOrder()) {
      // Ends of regions: what movement or a product reads.
      const Op& op = graph_.node(id).op;
      if (!IsRelayout(op) && !std::holds_alternative<ir::BatchMatMul>(op)) continue;
      for (ValueId y : std::vector<ValueId>(graph_.node(id).inputs)) {
        const NodeId producer = graph_.value(y).producer;
        // What this run has added is looked at by the next one.
        if (producer == ir::kNoNode || producer >= static_cast<NodeId>(positions_.size())) continue;
        ASSIGN_OR_RETURN(const bool changed, SettleAt(y));
        settled += changed;
      }
    }
    return settled;
  }

 private:
  // Movement before the region: the value that it starts from, and its operators in order.
  struct Before {
    ValueId x;
    std::vector<Op> chain;
  };
  // Movement behind it: the value that it ends in.
  struct After {
    ValueId z;
    std::vector<Op> chain;
  };

  bool SameNumbers(ValueId value, ValueId operand) const {
    const ir::Quantization& own = graph_.value(value).quantization;
    return !ir::HasQparams(own) || own == graph_.value(operand).quantization;
  }

  Before BeforeRegion(const Region& region) const {
    Before before{region.source(), {}};
    if (region.Leak(/*with_source=*/true) != ir::kNoValue) return before;
    while (before.chain.size() < kMaxChain) {
      const ir::Node* node = graph_.Producer(before.x);
      if (node == nullptr || !IsRelayout(node->op) || graph_.IsConstant(node->inputs[0])) break;
      if (!SameNumbers(before.x, node->inputs[0])) break;
      if (!before.chain.empty() && !graph_.HasOneUse(before.x)) break;
      before.chain.insert(before.chain.begin(), node->op);
      before.x = node->inputs[0];
    }
    return before;
  }

  After AfterRegion(ValueId y) const {
    After after{y, {}};
    while (after.chain.size() < kMaxChain && graph_.HasOneUse(after.z)) {
      const ir::Node& user = graph_.node(graph_.Uses(after.z)[0].node);
      if (!IsRelayout(user.op) || !SameNumbers(user.outputs[0], after.z)) break;
      after.chain.push_back(user.op);
      after.z = user.outputs[0];
    }
    return after;
  }

  absl::StatusOr<bool> SettleAt(ValueId y) {
    Region region(graph_, y, positions_, OperandsOfLastAxis);
    // The largest region that nobody else sees.
    absl::optional<Region> widest;
    while (region.NextSource()) {
      if (region.Leak(/*with_source=*/false) != ir::kNoValue) break;
      widest.emplace(region);
    }
    if (!widest) return false;
    const Before before = BeforeRegion(*widest);
    const After after = AfterRegion(y);
    if (before.chain.empty() && after.chain.empty()) return false;

    std::vector<Op> whole = before.chain;
    whole.insert(whole.end(), after.chain.begin(), after.chain.end());
    const Dims x_dims = DimsOf(graph_, before.x);
    absl::optional<std::vector<Op>> rest = ShortestChain(x_dims, whole);
    if (!rest || rest->size() > whole.size()) return false;
    std::vector<Op> first;
    if (!rest->empty() && std::holds_alternative<ir::Reshape>(rest->front())) {
      first.push_back(rest->front());
      rest->erase(rest->begin());
    }
    if (first == before.chain && *rest == after.chain) return false;
    return Rewrite(*widest, y, before, after, first, *rest);
  }

  absl::StatusOr<bool> Rewrite(const Region& region, ValueId y, const Before& before,
                               const After& after, const std::vector<Op>& first,
                               const std::vector<Op>& rest) {
    // From the layout of the region as it is to the one that it gets.
    const Dims old_dims = DimsOf(graph_, region.source());
    std::vector<Op> back;
    Dims dims = DimsOf(graph_, before.x);
    for (const Op& op : before.chain) {
      back.insert(back.begin(), Inverse(op, dims));
      dims = DimsAfter(dims, op);
    }
    back.insert(back.end(), first.begin(), first.end());
    const absl::optional<std::vector<Op>> relayout = ShortestChain(old_dims, back);
    if (!relayout || !KeepsLastAxis(old_dims, *relayout)) return false;

    Dims lead = DimsOf(graph_, before.x);
    for (const Op& op : first) lead = DimsAfter(lead, op);
    lead.pop_back();
    const auto dims_of = [&](ValueId value) {
      Dims own = lead;
      own.push_back(DimsOf(graph_, value).back());
      return own;
    };
    absl::flat_hash_map<ValueId, Tensor> constants;
    if (!MoveConstants(region, old_dims, *relayout, lead, constants)) return false;

    RewriteBuilder build(graph_, after.z);
    const ir::Quantization q = graph_.value(before.x).quantization;
    const ir::QuantOrigin origin = graph_.value(before.x).quant_origin;
    ValueId source = before.x;
    for (const Op& op : first) {
      source = build.Add(op, {source});
      RETURN_IF_ERROR(build.status());
      graph_.SetQuantization(source, q, origin);
    }
    const ir::Type old_type = graph_.value(y).type;
    const int axis = static_cast<int>(lead.size());
    for (NodeId id : region.nodes()) {
      for (size_t i = 0; i < graph_.node(id).inputs.size(); ++i) {
        const ValueId operand = graph_.node(id).inputs[i];
        if (operand == region.source()) graph_.SetOperand(id, static_cast<int>(i), source);
        const auto constant = constants.find(operand);
        if (constant != constants.end())
          graph_.SetOperand(id, static_cast<int>(i), AddMoved(operand, constant->second));
      }
      Op op = graph_.node(id).op;
      if (auto* split = std::get_if<ir::Split>(&op)) split->axis = axis;
      if (auto* concat = std::get_if<ir::Concat>(&op)) concat->axis = axis;
      graph_.SetOp(id, std::move(op));
      for (ValueId value : graph_.node(id).outputs)
        graph_.SetType(value, {graph_.value(value).type.dtype, ir::Shape(dims_of(value))});
    }
    return Finish(y, old_type, after, rest);
  }

  // Puts `rest` behind the region, which ends in y.
  absl::StatusOr<bool> Finish(ValueId y, const ir::Type& old_type, const After& after,
                              const std::vector<Op>& rest) {
    const ir::Quantization q = graph_.value(y).quantization;
    const ir::QuantOrigin origin = graph_.value(y).quant_origin;
    if (after.z != y) {
      // The last operator behind it stays in place and keeps its result.
      if (rest.empty()) {
        graph_.ReplaceAllUsesAcrossTypes(after.z, y);
        return true;
      }
      RewriteBuilder build(graph_, after.z);
      ValueId moved = y;
      for (size_t i = 0; i + 1 < rest.size(); ++i) {
        moved = build.Add(rest[i], {moved});
        RETURN_IF_ERROR(build.status());
        graph_.SetQuantization(moved, q, origin);
      }
      Become(graph_, after.z, rest.back(), {moved});
      return true;
    }
    if (rest.empty()) return true;
    const std::vector<ir::Use> readers = graph_.Uses(y);
    const ir::Provenance provenance = graph_.Producer(y)->provenance;
    ValueId moved = y;
    for (const Op& op : rest) {
      ASSIGN_OR_RETURN(moved, graph_.AddInferred(op, {moved}, graph_.value(y).name, provenance));
      graph_.SetQuantization(moved, q, origin);
    }
    G4C_CHECK(graph_.value(moved).type == old_type);
    for (const ir::Use& use : readers) graph_.SetOperand(use.node, use.operand, moved);
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      if (graph_.outputs()[i].value == y) graph_.SetOutput(static_cast<int>(i), moved);
    }
    return true;
  }

  static Dims DimsAfter(const Dims& dims, const Op& op) {
    if (const auto* reshape = std::get_if<ir::Reshape>(&op)) return reshape->shape;
    Dims moved;
    for (int64_t axis : std::get<ir::Transpose>(op).perm) moved.push_back(dims[axis]);
    return moved;
  }

  // The constants of the region that vary along axes before the last, in the new layout. false: one
  // would grow.
  bool MoveConstants(const Region& region, const Dims& old_dims, const std::vector<Op>& relayout,
                     const Dims& lead, absl::flat_hash_map<ValueId, Tensor>& constants) const {
    for (NodeId id : region.nodes()) {
      const ir::Node& node = graph_.node(id);
      if (!IsElementwise(node.op)) continue;
      for (ValueId operand : node.inputs) {
        if (operand == ir::kNoValue || !graph_.IsConstant(operand)) continue;
        const Tensor& data = *graph_.value(operand).constant;
        if (data.rank() <= 1) continue;
        Dims full = old_dims;
        full.back() = data.dims().back();
        const Tensor moved = DistinctPart(Compacted(Moved(data.BroadcastTo(full), relayout)));
        if (moved.NumBytes() > data.NumBytes()) return false;
        G4C_CHECK(moved.rank() == static_cast<int>(lead.size()) + 1);
        constants[operand] = moved;
      }
    }
    return true;
  }

  ValueId AddMoved(ValueId constant, const Tensor& data) {
    const ir::Value value = graph_.value(constant);
    ir::Type type = value.type;
    type.shape = data.dims();
    const ValueId moved = graph_.AddConstant(value.name, std::move(type), data);
    graph_.SetQuantization(moved, value.quantization, value.quant_origin);
    graph_.SwapNames(constant, moved);
    return moved;
  }

  Graph& graph_;
  const std::vector<int> positions_;
};

}  // namespace

absl::StatusOr<bool> SettleLayout::Run(Graph& graph, Report& report) {
  ASSIGN_OR_RETURN(const int settled, Settler(graph).Run());
  report.Count(name(), settled);
  if (settled > 0) graph.EraseDead();
  return settled > 0;
}

}  // namespace g4c::passes
