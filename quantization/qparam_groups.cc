#include "quantization/qparam_groups.h"

#include <numeric>

#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

using ir::NodeId;
using ir::ValueId;

class DisjointSets {
 public:
  explicit DisjointSets(int size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), 0); }

  int Find(int id) {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];
    return id;
  }
  void Join(int a, int b) { parent_[Find(a)] = Find(b); }

 private:
  std::vector<int> parent_;
};

}  // namespace

std::vector<QparamGroup> FindQparamGroups(const ir::Graph& graph, Grouped grouped) {
  const auto is_grouped = [&](ValueId id) {
    return id != ir::kNoValue && IsReal(graph.value(id)) &&
           (grouped == Grouped::kAll ||
            std::holds_alternative<ir::QuantUnknown>(graph.value(id).quantization));
  };
  DisjointSets sets(graph.num_values());
  std::vector<bool> limited(graph.num_values(), false);
  const std::vector<NodeId> order = graph.TopologicalOrder();
  for (NodeId id : order) {
    const ir::Node& node = graph.node(id);
    const SharedValues shared = SharedValuesOf(graph, node);
    for (int position : shared.operands) {
      const ValueId operand = node.inputs[position];
      if (is_grouped(operand) && is_grouped(shared.results[0]))
        sets.Join(operand, shared.results[0]);
    }
    for (ValueId result : shared.results) {
      if (is_grouped(result) && is_grouped(shared.results[0])) sets.Join(result, shared.results[0]);
    }
    if (std::holds_alternative<ir::Clamp>(node.op) && graph.HasOneUse(node.inputs[0]) &&
        is_grouped(node.inputs[0]) && is_grouped(node.outputs[0]) &&
        graph.Producer(node.inputs[0]) != nullptr &&
        ir::InfoOf(graph.Producer(node.inputs[0])->op).rule == ir::QparamRule::kComputes) {
      sets.Join(node.inputs[0], node.outputs[0]);
      limited[node.inputs[0]] = true;
    }
  }

  std::vector<QparamGroup> groups;
  std::vector<int> group_of(graph.num_values(), -1);  // by representative
  std::vector<bool> listed(graph.num_values(), false);
  const auto add = [&](ValueId id) {
    if (!is_grouped(id) || listed[id]) return;
    listed[id] = true;
    int& group = group_of[sets.Find(id)];
    if (group < 0) {
      group = static_cast<int>(groups.size());
      groups.emplace_back();
    }
    groups[group].members.push_back(id);
    groups[group].limited.push_back(limited[id]);
  };
  for (ValueId input : graph.inputs()) add(input);
  for (NodeId id : order) {
    const ir::Node& node = graph.node(id);
    for (int position : SharedValuesOf(graph, node).operands) {
      if (graph.IsConstant(node.inputs[position])) add(node.inputs[position]);
    }
    for (ValueId result : node.outputs) add(result);
  }
  return groups;
}

}  // namespace g4c::quantization
