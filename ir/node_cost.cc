#include "ir/node_cost.h"

#include "ir/quantize_constant.h"

namespace g4c::ir {

int64_t StoredSize(const Value& value) {
  return StoredBytes(value, NumElements(value.type.shape.dims()));
}

int64_t Macs(const Graph& graph, const Node& node) {
  const auto* product = std::get_if<BatchMatMul>(&node.op);
  if (product == nullptr && !std::holds_alternative<FullyConnected>(node.op)) return 0;
  const Dims& left = graph.value(node.inputs[0]).type.shape.dims();
  const int64_t depth = product != nullptr && product->adj_x ? left[left.size() - 2] : left.back();
  return NumElements(graph.value(node.outputs[0]).type.shape.dims()) * depth;
}

int64_t ActivationTraffic(const Graph& graph, const Node& node) {
  int64_t bytes = 0;
  for (ValueId id : node.inputs) {
    if (id != kNoValue && !graph.IsConstant(id)) bytes += StoredSize(graph.value(id));
  }
  for (ValueId id : node.outputs) bytes += StoredSize(graph.value(id));
  return bytes;
}

}  // namespace g4c::ir
