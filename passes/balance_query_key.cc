#include "passes/balance_query_key.h"

#include <cmath>
#include <map>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

// The channels of a norm that the last axis of a value runs over.
struct Channels {
  NodeId norm;
  std::vector<int> classes;  // by element of the axis
};

// All channels of all norms with gains, one pass over the graph.
class Trace {
 public:
  explicit Trace(const Graph& graph) : graph_(graph) {
    for (NodeId id : graph.TopologicalOrder()) {
      const Node& node = graph.node(id);
      bool reached = false;
      for (ValueId operand : node.inputs) reached = reached || at_.contains(operand);
      if (reached && !Follow(id)) {
        for (ValueId operand : node.inputs) Spoil(operand);
      }
      Begin(id);
    }
    for (const ir::GraphOutput& output : graph.outputs()) Spoil(output.value);
  }

  // The other norm, where all products of one go there; kNoNode else.
  NodeId PartnerOf(NodeId norm) const {
    const auto found = partners_.find(norm);
    if (found == partners_.end() || spoilt_.contains(norm) || spoilt_.contains(found->second)) {
      return ir::kNoNode;
    }
    return found->second;
  }
  int ClassOf(NodeId norm, int64_t channel) {
    return Find(first_.at(norm) + static_cast<int>(channel));
  }

 private:
  int64_t Width(ValueId id) const { return graph_.value(id).type.shape.dims().back(); }

  void Begin(NodeId id) {
    const Node& node = graph_.node(id);
    if (!std::holds_alternative<ir::RmsNorm>(node.op) || !HasOperand(node, 1)) return;
    const int64_t channels = Width(node.outputs[0]);
    const ValueId gain = node.inputs[1];
    if (!IsRealConstant(graph_, gain) || graph_.value(gain).type.shape.dims() != ir::Dims{channels})
      return;
    first_[id] = static_cast<int>(parent_.size());
    std::vector<int> classes(channels);
    std::iota(classes.begin(), classes.end(), first_[id]);
    parent_.insert(parent_.end(), classes.begin(), classes.end());
    at_[node.outputs[0]] = {id, std::move(classes)};
  }

  void Spoil(ValueId id) {
    const auto found = at_.find(id);
    if (found != at_.end()) spoilt_.insert(found->second.norm);
  }

  bool Follow(NodeId id) {
    const Node& node = graph_.node(id);
    const ValueId result = node.outputs[0];
    if (const auto* product = std::get_if<ir::BatchMatMul>(&node.op)) return Meet(node, *product);
    if (std::holds_alternative<ir::Concat>(node.op)) return Join(node);
    if (OperandsOf<ir::Add>(graph_, result)) return Sum(node);
    // What remains has one operand that matters.
    ValueId operand = node.inputs[0];
    if (const auto factors = OperandsOf<ir::Mul>(graph_, result)) {
      if (graph_.IsConstant(operand)) operand = factors->b;
      if (!graph_.IsConstant(operand == factors->a ? factors->b : factors->a)) return false;
    }
    const auto found = at_.find(operand);
    if (found == at_.end()) return false;
    const Channels from = found->second;
    if (const auto* split = std::get_if<ir::Split>(&node.op)) return Part(node, *split, from);
    const bool keeps =
        KeepsRows(graph_, node) || std::holds_alternative<ir::BroadcastTo>(node.op) ||
        std::holds_alternative<ir::Neg>(node.op) || std::holds_alternative<ir::Mul>(node.op);
    if (!keeps || Width(result) != Width(operand)) return false;
    at_[result] = from;
    return true;
  }

  bool Part(const Node& node, const ir::Split& split, const Channels& from) {
    const int64_t rank = graph_.value(node.inputs[0]).type.shape.rank();
    const bool last = split.axis == -1 || split.axis == rank - 1;
    int64_t begin = 0;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const int64_t size = last ? split.sizes[i] : Width(node.inputs[0]);
      at_[node.outputs[i]] = {from.norm,
                              {from.classes.begin() + begin, from.classes.begin() + begin + size}};
      if (last) begin += size;
    }
    return true;
  }

  // All operands, of one norm, one behind the other.
  bool Join(const Node& node) {
    const int64_t axis = std::get<ir::Concat>(node.op).axis;
    const int64_t rank = graph_.value(node.outputs[0]).type.shape.rank();
    if (axis != -1 && axis != rank - 1) return false;
    Channels joined{ir::kNoNode, {}};
    for (ValueId operand : node.inputs) {
      const auto found = at_.find(operand);
      if (found == at_.end()) return false;
      if (joined.norm != ir::kNoNode && joined.norm != found->second.norm) return false;
      joined.norm = found->second.norm;
      const std::vector<int>& classes = found->second.classes;
      joined.classes.insert(joined.classes.end(), classes.begin(), classes.end());
    }
    at_[node.outputs[0]] = std::move(joined);
    return true;
  }

  // Both operands, of one norm.
  bool Sum(const Node& node) {
    const auto a = at_.find(node.inputs[0]);
    const auto b = at_.find(node.inputs[1]);
    if (a == at_.end() || b == at_.end() || a->second.norm != b->second.norm) return false;
    if (!Unite(a->second.classes, b->second.classes)) return false;
    const Channels sum = a->second;
    at_[node.outputs[0]] = sum;
    return true;
  }

  // q and k, summed over the last axis of both.
  bool Meet(const Node& node, const ir::BatchMatMul& product) {
    const auto q = at_.find(node.inputs[0]);
    const auto k = at_.find(node.inputs[1]);
    if (q == at_.end() || k == at_.end() || product.adj_x || !product.adj_y) return false;
    const NodeId a = q->second.norm;
    const NodeId b = k->second.norm;
    if (a == b || partners_.try_emplace(a, b).first->second != b ||
        partners_.try_emplace(b, a).first->second != a) {
      return false;
    }
    return Unite(q->second.classes, k->second.classes);
  }

  bool Unite(const std::vector<int>& a, const std::vector<int>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) parent_[Find(a[i])] = Find(b[i]);
    return true;
  }

  int Find(int channel) {
    while (parent_[channel] != channel) {
      parent_[channel] = parent_[parent_[channel]];
      channel = parent_[channel];
    }
    return channel;
  }

  const Graph& graph_;
  absl::flat_hash_map<ValueId, Channels> at_;
  absl::flat_hash_map<NodeId, int> first_;  // the class of a norm's channel 0
  std::vector<int> parent_;
  absl::flat_hash_map<NodeId, NodeId> partners_;
  absl::flat_hash_set<NodeId> spoilt_;
};

}  // namespace

std::vector<RewriteSite> BalanceQueryKey::Find(const Graph& graph) const {
  Trace trace(graph);
  std::vector<RewriteSite> sites;
  absl::flat_hash_set<NodeId> done;
  for (NodeId id : graph.TopologicalOrder()) {
    const NodeId partner = trace.PartnerOf(id);
    if (partner == ir::kNoNode || !done.insert(id).second || !done.insert(partner).second) continue;
    const ValueId q = graph.node(id).outputs[0];
    RewriteSite site{q, {{id, 1, 0}, {partner, 1, 0, /*divides=*/true}}};
    site.factors = graph.value(q).type.shape.dims().back();
    bool agree = true;
    for (int64_t c = 0; c < site.factors; ++c) {
      site.classes.push_back(trace.ClassOf(id, c));
      agree = agree && trace.ClassOf(partner, c) == site.classes.back();
    }
    if (agree) sites.push_back(std::move(site));
  }
  return sites;
}

absl::optional<std::vector<float>> BalanceQueryKey::Choose(const Graph& graph,
                                                           const RewriteSite& site,
                                                           const RewriteLog&) const {
  // Sums of squares over each class, of both gains.
  std::map<int, std::pair<double, double>> squares;
  const auto gain = [&](size_t side) {
    const Node& norm = graph.node(site.operands[side].node);
    return graph.value(norm.inputs[1]).constant->Floats();
  };
  const std::vector<float> g = gain(0);
  const std::vector<float> h = gain(1);
  for (size_t c = 0; c < g.size(); ++c) {
    auto& [of_g, of_h] = squares[site.classes[c]];
    of_g += static_cast<double>(g[c]) * g[c];
    of_h += static_cast<double>(h[c]) * h[c];
  }
  std::vector<double> factors;
  for (int id : site.classes) {
    const auto& [of_g, of_h] = squares.at(id);
    if (!(of_g > 0) || !(of_h > 0)) return absl::nullopt;
    factors.push_back(std::pow(of_h / of_g, 0.25));
  }
  return Balanced(factors);
}

}  // namespace g4c::passes
