#include "quantization/shared_qparams.h"

namespace g4c::quantization {

SharedValues SharedValuesOf(const ir::Graph& graph, const ir::Node& node) {
  SharedValues shared;
  if (ir::InfoOf(node.op).rule != ir::QparamRule::kMovesData) return shared;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == ir::kNoValue || !IsReal(graph.value(node.inputs[i]))) continue;
    shared.operands.push_back(static_cast<int>(i));
  }
  for (ir::ValueId result : node.outputs) {
    if (IsReal(graph.value(result))) shared.results.push_back(result);
  }
  if (shared.operands.empty() || shared.results.empty()) return {};
  return shared;
}

void MarkNotApplicable(ir::Graph& graph) {
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    const ir::Value& value = graph.value(id);
    if (IsReal(value) || !std::holds_alternative<ir::QuantUnknown>(value.quantization)) continue;
    const bool is_shape = graph.ProducedBy<ir::ShapeOf>(id) != nullptr;
    const ir::NoQuantReason reason = value.type.dtype == ir::DType::kBool ? ir::NoQuantReason::kBool
                                     : is_shape ? ir::NoQuantReason::kShape
                                                : ir::NoQuantReason::kIndex;
    graph.SetQuantization(id, ir::QuantNone{reason}, ir::QuantOrigin::kNone);
  }
}

}  // namespace g4c::quantization
