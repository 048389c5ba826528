#include "quantization/assign.h"

#include <numeric>

#include "quantization/mask_fill.h"
#include "quantization/propagate.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

// Values that share one set of qparams.
class Groups {
 public:
  explicit Groups(int values) : parent_(values) { std::iota(parent_.begin(), parent_.end(), 0); }

  ir::ValueId Find(ir::ValueId id) {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];
    return id;
  }
  void Join(ir::ValueId a, ir::ValueId b) { parent_[Find(a)] = Find(b); }

 private:
  std::vector<ir::ValueId> parent_;
};

}  // namespace

absl::Status AssignActivations(ir::Graph& graph, const Observations& observations,
                               ir::DType activation, ir::QuantOrigin origin) {
  RETURN_IF_ERROR(ChooseMaskFills(graph, observations, activation, origin));
  PropagateQparams(graph, activation);

  const auto unknown = [&](ir::ValueId id) {
    return IsReal(graph.value(id)) &&
           std::holds_alternative<ir::QuantUnknown>(graph.value(id).quantization);
  };
  Groups groups(graph.num_values());
  // What a clamp limits does not count: beyond the clamp's range its operand may saturate.
  std::vector<bool> limited(graph.num_values(), false);
  const std::vector<ir::NodeId> order = graph.TopologicalOrder();
  for (ir::NodeId id : order) {
    const ir::Node& node = graph.node(id);
    const SharedValues shared = SharedValuesOf(graph, node);
    for (int position : shared.operands) {
      const ir::ValueId operand = node.inputs[position];
      if (unknown(operand) && unknown(shared.results[0])) groups.Join(operand, shared.results[0]);
    }
    for (ir::ValueId result : shared.results) {
      if (unknown(result) && unknown(shared.results[0])) groups.Join(result, shared.results[0]);
    }
    if (std::holds_alternative<ir::Clamp>(node.op) && graph.HasOneUse(node.inputs[0]) &&
        unknown(node.inputs[0]) && graph.Producer(node.inputs[0]) != nullptr &&
        ir::InfoOf(graph.Producer(node.inputs[0])->op).rule == ir::QparamRule::kComputes) {
      groups.Join(node.inputs[0], node.outputs[0]);
      limited[node.inputs[0]] = true;
    }
  }

  std::vector<Range> ranges(graph.num_values());
  std::vector<ir::ValueId> members;
  const auto add = [&](ir::ValueId id) {
    if (id == ir::kNoValue || !unknown(id)) return;
    members.push_back(id);
    if (limited[id]) return;
    if (id < static_cast<ir::ValueId>(observations.size())) {
      ranges[groups.Find(id)].Add(observations[id].range);
    }
  };
  for (ir::ValueId input : graph.inputs()) add(input);
  for (ir::NodeId id : order) {
    const ir::Node& node = graph.node(id);
    for (ir::ValueId result : node.outputs) add(result);
    // A constant that an operator moves together with activations.
    for (int position : SharedValuesOf(graph, node).operands) {
      const ir::ValueId operand = node.inputs[position];
      if (!graph.IsConstant(operand) || !unknown(operand)) continue;
      members.push_back(operand);
      ranges[groups.Find(operand)].Add(RangeOf(*graph.value(operand).constant));
    }
  }
  for (ir::ValueId id : members) {
    const Range& range = ranges[groups.Find(id)];
    if (range.empty() || !unknown(id)) continue;
    graph.SetQuantization(id, ChooseQparams(range, activation), origin);
  }
  PropagateQparams(graph, activation);
  return absl::OkStatus();
}

}  // namespace g4c::quantization
