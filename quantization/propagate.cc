#include "quantization/propagate.h"

#include <algorithm>

#include "quantization/fixed_range.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

bool IsUnknown(const ir::Graph& graph, ir::ValueId id) {
  return std::holds_alternative<ir::QuantUnknown>(graph.value(id).quantization);
}

const ir::QuantPerTensor* PerTensor(const ir::Graph& graph, ir::ValueId id) {
  return std::get_if<ir::QuantPerTensor>(&graph.value(id).quantization);
}

bool FillFixedRange(ir::Graph& graph, const ir::Node& node, const ActivationDTypes* activations) {
  const ir::ValueId result = node.outputs[0];
  if (ir::InfoOf(node.op).rule != ir::QparamRule::kFixedRange || !IsUnknown(graph, result))
    return false;
  absl::optional<ir::DType> dtype;
  if (activations != nullptr) {
    dtype = activations->Of(result);
  } else {
    const ir::QuantPerTensor* operand = PerTensor(graph, node.inputs[0]);
    if (operand == nullptr) return false;
    dtype = operand->dtype;
  }
  const absl::optional<ir::QuantPerTensor> q = FixedRangeQparams(node.op, *dtype);
  if (!q) return false;
  graph.SetQuantization(result, *q, ir::QuantOrigin::kFixedRange);
  return true;
}

int FillForwards(ir::Graph& graph, const ir::Node& node) {
  const SharedValues shared = SharedValuesOf(graph, node);
  const ir::QuantPerTensor* known = nullptr;
  for (int operand : shared.operands) {
    if (known == nullptr) known = PerTensor(graph, node.inputs[operand]);
  }
  if (known == nullptr) return 0;
  int filled = 0;
  const ir::QuantPerTensor q = *known;
  for (ir::ValueId result : shared.results) {
    if (!IsUnknown(graph, result)) continue;
    graph.SetQuantization(result, q, ir::QuantOrigin::kPropagated);
    ++filled;
  }
  return filled;
}

int FillBackwards(ir::Graph& graph, const ir::Node& node) {
  const SharedValues shared = SharedValuesOf(graph, node);
  const ir::QuantPerTensor* known = nullptr;
  for (ir::ValueId result : shared.results) {
    if (known == nullptr) known = PerTensor(graph, result);
  }
  if (known == nullptr) return 0;
  int filled = 0;
  const ir::QuantPerTensor q = *known;
  for (int position : shared.operands) {
    const ir::ValueId operand = node.inputs[position];
    if (!IsUnknown(graph, operand) || !graph.HasOneUse(operand)) continue;
    graph.SetQuantization(operand, q, ir::QuantOrigin::kPropagated);
    ++filled;
  }
  return filled;
}

}  // namespace

int PropagateQparams(ir::Graph& graph, const ActivationDTypes* activations) {
  const std::vector<ir::NodeId> order = graph.TopologicalOrder();
  int filled = 0;
  const auto forwards = [&] {
    for (ir::NodeId id : order) {
      filled += FillFixedRange(graph, graph.node(id), activations);
      filled += FillForwards(graph, graph.node(id));
    }
  };
  forwards();
  for (auto id = order.rbegin(); id != order.rend(); ++id)
    filled += FillBackwards(graph, graph.node(*id));
  // What was filled backwards may reach the other results of its producer, and these nothing new
  // backwards: a value filled forwards has its producer's operand known already.
  forwards();
  return filled;
}

ir::NodeId PropagationStop(const ir::Graph& graph, ir::ValueId id) {
  const auto any_known = [&](const ir::Node& node) {
    const SharedValues shared = SharedValuesOf(graph, node);
    return std::any_of(
               shared.results.begin(), shared.results.end(),
               [&](ir::ValueId v) { return ir::HasQparams(graph.value(v).quantization); }) ||
           std::any_of(shared.operands.begin(), shared.operands.end(), [&](int position) {
             return ir::HasQparams(graph.value(node.inputs[position]).quantization);
           });
  };
  const ir::NodeId producer = graph.value(id).producer;
  if (producer != ir::kNoNode && any_known(graph.node(producer))) return producer;
  for (const ir::Use& use : graph.Uses(id)) {
    if (any_known(graph.node(use.node))) return use.node;
  }
  return ir::kNoNode;
}

}  // namespace g4c::quantization
