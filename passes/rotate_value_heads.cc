#include "passes/rotate_value_heads.h"

#include "absl/container/flat_hash_set.h"
#include "passes/head_rotation.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

bool IsLast(const Graph& graph, ValueId id, int64_t axis) {
  return axis == -1 || axis + 1 == static_cast<int64_t>(DimsOf(graph, id).size());
}

bool AreMultiples(absl::Span<const int64_t> numbers, int64_t d) {
  return std::all_of(numbers.begin(), numbers.end(), [&](int64_t n) { return n % d == 0; });
}

// The width of the heads that a norm without a gain looks at; 0 for any other node.
int64_t NormWidth(const Graph& graph, const Node& node) {
  if (!std::holds_alternative<ir::RmsNorm>(node.op)) return 0;
  if (HasOperand(node, 1) && !UniformFloat(graph, node.inputs[1])) return 0;
  return DimsOf(graph, node.inputs[0]).back();
}

// Whether `node` leaves each stretch of d elements of the last axis together: the stretches of the
// results are those of its first operand (of a concat, of all operands).
bool MovesHeads(const Graph& graph, const Node& node, int64_t d) {
  const ValueId x = node.inputs[0];
  const ir::Dims& from = DimsOf(graph, x);
  const ir::Dims& to = DimsOf(graph, node.outputs[0]);
  if (from.empty() || to.empty() || from.back() % d != 0 || to.back() % d != 0) return false;
  if (std::holds_alternative<ir::Reshape>(node.op) || std::holds_alternative<ir::Tile>(node.op)) {
    return true;
  }
  if (std::holds_alternative<ir::BroadcastTo>(node.op)) return from.back() == to.back();
  if (std::holds_alternative<ir::Transpose>(node.op)) return KeepsRows(graph, node);
  if (std::holds_alternative<ir::Concat>(node.op)) return true;
  if (const auto* split = std::get_if<ir::Split>(&node.op)) {
    return !IsLast(graph, x, split->axis) || AreMultiples(split->sizes, d);
  }
  if (const auto* slice = std::get_if<ir::Slice>(&node.op)) {
    return slice->stride.back() == 1 && slice->begin.back() % d == 0;
  }
  if (const auto* gather = std::get_if<ir::Gather>(&node.op)) {
    return !IsLast(graph, x, gather->axis);
  }
  if (const auto* pack = std::get_if<ir::Pack>(&node.op)) {
    return !IsLast(graph, node.outputs[0], pack->axis);
  }
  if (const auto* unpack = std::get_if<ir::Unpack>(&node.op))
    return !IsLast(graph, x, unpack->axis);
  return NormWidth(graph, node) == d;
}

// All that the stretches of d channels of a linear's result reach, up to the linears that mix them
// again.
class Reach {
 public:
  Reach(const Graph& graph, NodeId linear, int64_t d) : graph_(graph), d_(d) {
    Add(graph.node(linear).outputs[0]);
    while (ok_ && !pending_.empty()) {
      const ValueId id = pending_.back();
      pending_.pop_back();
      ok_ = !graph.IsOutput(id);
      for (const ir::Use& use : graph.Uses(id)) ok_ = ok_ && Follow(use);
    }
    for (NodeId id : joins_) {
      for (ValueId operand : graph.node(id).inputs) ok_ = ok_ && reached_.contains(operand);
    }
    std::sort(ends_.begin(), ends_.end());
  }

  bool ok() const { return ok_ && !ends_.empty(); }
  const std::vector<NodeId>& ends() const { return ends_; }

 private:
  void Add(ValueId id) {
    if (reached_.insert(id).second) pending_.push_back(id);
  }

  bool Follow(const ir::Use& use) {
    const Node& node = graph_.node(use.node);
    if (std::holds_alternative<ir::FullyConnected>(node.op)) {
      ends_.push_back(use.node);
      return use.operand == 0 && IsPlainLinear(graph_, use.node) &&
             DimsOf(graph_, node.inputs[1])[1] % d_ == 0;
    }
    const auto* product = std::get_if<ir::BatchMatMul>(&node.op);
    const bool joins =
        std::holds_alternative<ir::Concat>(node.op) || std::holds_alternative<ir::Pack>(node.op);
    if (joins) joins_.push_back(use.node);
    const bool follows = product != nullptr
                             ? use.operand == 1 && !product->adj_y
                             : (use.operand == 0 || joins) && MovesHeads(graph_, node, d_);
    for (ValueId result : node.outputs) Add(result);
    return follows;
  }

  const Graph& graph_;
  int64_t d_;
  bool ok_ = true;
  std::vector<ValueId> pending_;
  absl::flat_hash_set<ValueId> reached_;
  std::vector<NodeId> joins_;  // all of whose operands must be reached
  std::vector<NodeId> ends_;
};

// The linear whose result a norm's operand is made of.
NodeId LinearBefore(const Graph& graph, ValueId value, int64_t d) {
  while (graph.Producer(value) != nullptr) {
    const NodeId producer = graph.value(value).producer;
    if (IsPlainLinear(graph, producer)) return producer;
    if (!MovesHeads(graph, graph.node(producer), d)) break;
    value = graph.node(producer).inputs[0];
  }
  return ir::kNoNode;
}

}  // namespace

std::vector<RewriteSite> RotateValueHeads::Find(const Graph& graph) const {
  std::vector<RewriteSite> sites;
  absl::flat_hash_set<NodeId> tried;
  for (NodeId id : graph.TopologicalOrder()) {
    const int64_t d = NormWidth(graph, graph.node(id));
    if (d <= 1) continue;
    const NodeId linear = LinearBefore(graph, graph.node(id).inputs[0], d);
    if (linear == ir::kNoNode || !tried.insert(linear).second) continue;
    const Reach reach(graph, linear, d);
    if (!reach.ok()) continue;
    const Node& node = graph.node(linear);
    RewriteSite site{node.outputs[0], {{linear, 1, 0}}, /*factors=*/0, d};
    if (HasOperand(node, 2)) site.operands.push_back({linear, 2, 0});
    for (NodeId end : reach.ends()) site.operands.push_back({end, 1, 1});
    sites.push_back(std::move(site));
  }
  return sites;
}

void RotateValueHeads::Apply(Graph& graph, const RewriteSite& site, absl::Span<const float>) const {
  const HeadRotation rotation(site.width);
  for (const ChannelOperand& at : site.operands) {
    const ir::Tensor data = *graph.value(graph.node(at.node).inputs[at.operand]).constant;
    ReplaceConstant(graph, at.node, at.operand, RotateAxis(data, at.axis, rotation));
  }
}

}  // namespace g4c::passes
