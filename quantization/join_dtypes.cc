#include "quantization/join_dtypes.h"

#include <map>

#include "quantization/fixed_range.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

const ir::QuantPerTensor* PerTensor(const Graph& graph, ValueId id) {
  return id == ir::kNoValue ? nullptr
                            : std::get_if<ir::QuantPerTensor>(&graph.value(id).quantization);
}

// The operator that computed what operators that move data hand on.
const ir::Node* Computer(const Graph& graph, ValueId id) {
  const ir::Node* node = graph.Producer(id);
  while (node != nullptr) {
    const SharedValues shared = SharedValuesOf(graph, *node);
    if (shared.operands.empty()) return node;
    node = graph.Producer(node->inputs[shared.operands[0]]);
  }
  return nullptr;
}

ir::QuantPerTensor QparamsIn(const Graph& graph, ValueId id, ir::DType dtype,
                             const Observations& observations) {
  if (const ir::Node* computer = Computer(graph, id)) {
    if (const auto fixed = FixedRangeQparams(computer->op, dtype)) return *fixed;
  }
  if (id < static_cast<ValueId>(observations.size()) && !observations[id].range.empty()) {
    return ChooseQparams(WithHeadroom(observations[id].range, dtype), dtype);
  }
  return ChooseQparams(RepresentableRange(*PerTensor(graph, id)), dtype);
}

}  // namespace

int JoinDTypes(Graph& graph, const Observations& observations, ir::QuantOrigin origin) {
  std::map<std::pair<ValueId, ir::DType>, ValueId> joined;
  for (NodeId id : graph.TopologicalOrder()) {
    const ir::QparamRule rule = ir::InfoOf(graph.node(id).op).rule;
    if (rule != ir::QparamRule::kComputes && rule != ir::QparamRule::kFixedRange) continue;
    const ir::QuantPerTensor* result = PerTensor(graph, graph.node(id).outputs[0]);
    if (result == nullptr) continue;
    const ir::DType dtype = result->dtype;
    for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
      const ValueId operand = graph.node(id).inputs[i];
      const ir::QuantPerTensor* q = PerTensor(graph, operand);
      if (q == nullptr || q->dtype == dtype || graph.IsConstant(operand)) continue;
      auto [it, inserted] = joined.try_emplace({operand, dtype}, ir::kNoValue);
      if (inserted) {
        const ir::QuantPerTensor wanted = QparamsIn(graph, operand, dtype, observations);
        const ir::Node* producer = graph.Producer(operand);
        const std::string name =
            absl::StrCat(graph.value(operand).name, "_", std::string(ir::DTypeName(dtype)));
        const ir::Type type = graph.value(operand).type;
        const ir::Provenance provenance =
            producer == nullptr ? graph.node(id).provenance : producer->provenance;
        const NodeId quantize =
            graph.AddNode(ir::Quantize{}, {operand}, {name}, {type}, provenance);
        it->second = graph.node(quantize).outputs[0];
        graph.SetQuantization(it->second, wanted, origin);
      }
      graph.SetOperand(id, static_cast<int>(i), it->second);
    }
  }
  return static_cast<int>(joined.size());
}

}  // namespace g4c::quantization
