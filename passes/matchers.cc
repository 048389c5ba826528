#include "passes/matchers.h"

#include <algorithm>
#include <cmath>

namespace g4c::passes {

bool Near(double a, double b, double relative) {
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

void Become(ir::Graph& graph, ir::ValueId value, ir::Op op, std::vector<ir::ValueId> inputs) {
  const ir::NodeId node = graph.value(value).producer;
  graph.SetOp(node, std::move(op));
  graph.SetOperands(node, std::move(inputs));
}

bool ReplaceByEqual(ir::Graph& graph, ir::ValueId from, ir::ValueId to) {
  const ir::Quantization own = graph.value(from).quantization;
  const ir::Quantization& other = graph.value(to).quantization;
  if (ir::HasQparams(own) && own != other) {
    if (ir::HasQparams(other)) return false;
    if (graph.IsConstant(to)) {
      const std::string name = graph.value(to).name;
      const ir::Type type = graph.value(to).type;
      const ir::Tensor data = *graph.value(to).constant;
      to = graph.AddConstant(name, type, data);
    } else if (!graph.HasOneUse(to)) {
      return false;
    }
    graph.SetQuantization(to, own, graph.value(from).quant_origin);
  }
  graph.ReplaceAllUsesAcrossTypes(from, to);
  return true;
}

ir::ValueId AddNumber(ir::Graph& graph, absl::string_view name, float number) {
  return graph.AddConstant(name, ir::Tensor::ScalarF32(number));
}

int64_t InnerQparams(const ir::Graph& graph, ir::ValueId root,
                     const std::vector<ir::ValueId>& leaves) {
  std::vector<ir::ValueId> seen = leaves;
  std::vector<ir::ValueId> stack = {root};
  int64_t count = 0;
  while (!stack.empty()) {
    const ir::ValueId value = stack.back();
    stack.pop_back();
    const ir::Node* producer = graph.Producer(value);
    if (producer == nullptr) continue;
    for (ir::ValueId operand : producer->inputs) {
      if (operand == ir::kNoValue || std::find(seen.begin(), seen.end(), operand) != seen.end())
        continue;
      seen.push_back(operand);
      stack.push_back(operand);
      if (graph.value(operand).producer != ir::kNoNode &&
          ir::HasQparams(graph.value(operand).quantization))
        ++count;
    }
  }
  return count;
}

}  // namespace g4c::passes
