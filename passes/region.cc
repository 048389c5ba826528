#include "passes/region.h"

#include <algorithm>

namespace g4c::passes {

using ir::NodeId;
using ir::ValueId;

std::vector<int> PositionsOf(const ir::Graph& graph) {
  std::vector<int> positions(graph.num_nodes(), -1);
  int next = 0;
  for (NodeId id : graph.TopologicalOrder()) positions[id] = next++;
  return positions;
}

Region::Region(const ir::Graph& graph, ValueId y, const std::vector<int>& positions, Admits admits)
    : graph_(graph), y_(y), positions_(positions), admits_(admits), frontier_{y} {}

bool Region::NextSource() {
  const auto place_of = [&](ValueId value) {
    const NodeId producer = graph_.value(value).producer;
    const bool known = producer >= 0 && producer < static_cast<NodeId>(positions_.size());
    return std::pair(known ? positions_[producer] : -1, value);
  };
  while (nodes_.size() < kMaxNodes) {
    const NodeId id = graph_.value(frontier_.back()).producer;
    if (id == ir::kNoNode) return false;
    const absl::optional<std::vector<ValueId>> operands = admits_(graph_, graph_.node(id));
    if (!operands || operands->empty()) return false;
    std::erase_if(frontier_, [&](ValueId value) { return graph_.value(value).producer == id; });
    nodes_.insert(nodes_.begin(), id);
    for (ValueId operand : *operands) {
      const auto place =
          std::lower_bound(frontier_.begin(), frontier_.end(), operand,
                           [&](ValueId a, ValueId b) { return place_of(a) < place_of(b); });
      if (place == frontier_.end() || *place != operand) frontier_.insert(place, operand);
    }
    if (frontier_.size() == 1) {
      source_ = frontier_[0];
      return true;
    }
  }
  return false;
}

ValueId Region::Leak(bool with_source) const {
  const auto leaks = [&](ValueId value) {
    const std::vector<ir::Use>& uses = graph_.Uses(value);
    return graph_.IsOutput(value) ||
           !std::all_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
             return std::find(nodes_.begin(), nodes_.end(), use.node) != nodes_.end();
           });
  };
  if (with_source && leaks(source_)) return source_;
  for (NodeId id : nodes_) {
    for (ValueId value : graph_.node(id).outputs) {
      if (value != y_ && leaks(value)) return value;
    }
  }
  return ir::kNoValue;
}

}  // namespace g4c::passes
