#include "passes/isolate.h"

#include "absl/container/flat_hash_map.h"
#include "base/status.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

void CopyQuantization(const ir::Value& from, Graph& graph, ValueId to) {
  graph.SetQuantization(to, from.quantization, from.quant_origin);
}

// Adds a node of another graph, on operands of this one.
std::vector<ValueId> CopyNode(const Graph& from, const ir::Node& node, std::vector<ValueId> inputs,
                              Graph& to) {
  std::vector<std::string> names;
  std::vector<ir::Type> types;
  for (ValueId output : node.outputs) {
    names.push_back(from.value(output).name);
    types.push_back(from.value(output).type);
  }
  const NodeId copy = to.AddNode(node.op, std::move(inputs), names, types, node.provenance);
  const std::vector<ValueId> outputs = to.node(copy).outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    CopyQuantization(from.value(node.outputs[i]), to, outputs[i]);
  }
  return outputs;
}

ValueId CopyConstant(const ir::Value& from, Graph& to) {
  const ValueId copy = to.AddConstant(from.name, from.type, *from.constant);
  CopyQuantization(from, to, copy);
  return copy;
}

// The distinct operands that are no constants, in order.
std::vector<ValueId> OuterOperands(const Graph& graph, const ir::Node& node) {
  std::vector<ValueId> operands;
  for (ValueId id : node.inputs) {
    if (id == ir::kNoValue || graph.IsConstant(id)) continue;
    if (std::find(operands.begin(), operands.end(), id) == operands.end()) operands.push_back(id);
  }
  return operands;
}

}  // namespace

Graph Isolated(const Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  Graph alone;
  absl::flat_hash_map<ValueId, ValueId> copy_of;
  for (ValueId operand : OuterOperands(graph, node)) {
    const ir::Value& value = graph.value(operand);
    copy_of[operand] = alone.AddInput(value.name, value.type);
    CopyQuantization(value, alone, copy_of[operand]);
  }
  std::vector<ValueId> inputs;
  for (ValueId operand : node.inputs) {
    if (operand != ir::kNoValue && !copy_of.contains(operand)) {
      copy_of[operand] = CopyConstant(graph.value(operand), alone);
    }
    inputs.push_back(operand == ir::kNoValue ? operand : copy_of[operand]);
  }
  const std::vector<ValueId> outputs = CopyNode(graph, node, std::move(inputs), alone);
  for (size_t i = 0; i < outputs.size(); ++i) {
    alone.AddOutput(graph.value(node.outputs[i]).name, outputs[i]);
  }
  return alone;
}

void Splice(Graph& graph, NodeId id, const Graph& replacement) {
  absl::flat_hash_map<ValueId, ValueId> copy_of;
  const std::vector<ValueId> operands = OuterOperands(graph, graph.node(id));
  for (size_t i = 0; i < operands.size(); ++i) copy_of[replacement.inputs()[i]] = operands[i];
  const auto copied = [&](ValueId value) {
    if (value == ir::kNoValue) return value;
    const auto known = copy_of.find(value);
    if (known != copy_of.end()) return known->second;
    return copy_of[value] = CopyConstant(replacement.value(value), graph);
  };
  for (NodeId inner : replacement.TopologicalOrder()) {
    const ir::Node& node = replacement.node(inner);
    std::vector<ValueId> inputs;
    for (ValueId input : node.inputs) inputs.push_back(copied(input));
    const std::vector<ValueId> outputs = CopyNode(replacement, node, std::move(inputs), graph);
    for (size_t i = 0; i < outputs.size(); ++i) copy_of[node.outputs[i]] = outputs[i];
  }
  const std::vector<ValueId> results = graph.node(id).outputs;
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueId made = copied(replacement.outputs()[i].value);
    G4C_CHECK(graph.value(made).type == graph.value(results[i]).type &&
              graph.value(made).quantization == graph.value(results[i]).quantization);
    graph.ReplaceAllUsesAcrossTypes(results[i], made);
    if (!graph.IsInput(made) && !graph.IsConstant(made)) graph.SwapNames(results[i], made);
  }
}

}  // namespace g4c::passes
