#include "passes/insert_conversions.h"

#include "absl/container/flat_hash_map.h"
#include "quantization/shared_qparams.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

bool Quantised(const Graph& graph, ValueId id) {
  return ir::HasQparams(graph.value(id).quantization);
}

bool IsConversion(const ir::Op& op) { return ir::InfoOf(op).rule == ir::QparamRule::kConverts; }

// Adds quantize or dequantize after `source`; the result has `source`'s type.
ValueId AddConversion(Graph& graph, ir::Op op, ValueId source, absl::string_view suffix,
                      const ir::Provenance& provenance) {
  const std::string name = absl::StrCat(graph.value(source).name, suffix);
  const ir::Type type = graph.value(source).type;
  const ir::Provenance origin = provenance;
  const NodeId node = graph.AddNode(std::move(op), {source}, {name}, {type}, origin);
  return graph.node(node).outputs[0];
}

// Puts a quantize behind `value`: the new value takes its name, qparams and users; what remains of
// `value` is called
// "<name>_raw" and is quantised as `raw` says.
void QuantizeBehind(Graph& graph, ValueId value, ir::Quantization raw, ir::QuantOrigin raw_origin) {
  const ir::Provenance provenance = graph.node(graph.value(value).producer).provenance;
  const ir::Quantization q = graph.value(value).quantization;
  const ir::QuantOrigin origin = graph.value(value).quant_origin;
  const ValueId after = AddConversion(graph, ir::Quantize{}, value, "_raw", provenance);
  const NodeId quantizer = graph.value(after).producer;
  graph.ReplaceAllUsesAcrossTypes(value, after);
  graph.SetOperand(quantizer, 0, value);
  graph.SwapNames(value, after);
  graph.SetQuantization(after, q, origin);
  graph.SetQuantization(value, std::move(raw), raw_origin);
}

// Conversions in front of operands, one for each (value, qparams), whoever reads it.
class OperandConverter {
 public:
  explicit OperandConverter(Graph& graph) : graph_(graph) {}

  ValueId Requantised(ValueId source, const ir::Quantization& q, ir::QuantOrigin origin,
                      const ir::Provenance& provenance) {
    for (ValueId known : requantised_[source]) {
      if (graph_.value(known).quantization == q) return known;
    }
    if (graph_.IsConstant(source)) {
      // A constant is quantised again from its real numbers rather than requantised at run time.
      const std::string name = graph_.value(source).name;
      const ir::Type type = graph_.value(source).type;
      const ir::Tensor data = *graph_.value(source).constant;
      if (ir::IsFloat(data.dtype())) {
        const ValueId twin = graph_.AddConstant(name, type, data);
        graph_.SetQuantization(twin, q, origin);
        requantised_[source].push_back(twin);
        return twin;
      }
    }
    const ValueId result =
        AddConversion(graph_, ir::Quantize{}, source, "_requantised", provenance);
    graph_.SetQuantization(result, q, origin);
    requantised_[source].push_back(result);
    return result;
  }

  ValueId Dequantised(ValueId source, const ir::Provenance& provenance) {
    auto [it, inserted] = dequantised_.try_emplace(source, ir::kNoValue);
    if (inserted) {
      it->second = AddConversion(graph_, ir::Dequantize{}, source, "_float", provenance);
      graph_.SetQuantization(it->second, ir::QuantNone{ir::NoQuantReason::kFloatKept},
                             ir::QuantOrigin::kNone);
    }
    return it->second;
  }

 private:
  Graph& graph_;
  absl::flat_hash_map<ValueId, std::vector<ValueId>> requantised_;
  absl::flat_hash_map<ValueId, ValueId> dequantised_;
};

}  // namespace

absl::StatusOr<bool> InsertRequantise::Run(Graph& graph, Report& report) {
  OperandConverter converter(graph);
  int added = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    const quantization::SharedValues shared = quantization::SharedValuesOf(graph, graph.node(id));
    if (shared.results.empty()) continue;
    if (shared.operands.size() == 1) {
      const ValueId operand = graph.node(id).inputs[shared.operands[0]];
      if (!Quantised(graph, operand)) continue;
      for (ValueId result : shared.results) {
        if (!Quantised(graph, result)) continue;
        if (graph.value(result).quantization == graph.value(operand).quantization) continue;
        // Per-channel qparams move with their axis; their agreement is the verifier's matter.
        if (!std::holds_alternative<ir::QuantPerTensor>(graph.value(operand).quantization))
          continue;
        QuantizeBehind(graph, result, graph.value(operand).quantization,
                       ir::QuantOrigin::kPropagated);
        ++added;
      }
      continue;
    }
    const ValueId result = shared.results[0];
    if (!Quantised(graph, result)) continue;
    const ir::Quantization q = graph.value(result).quantization;
    const ir::QuantOrigin origin = graph.value(result).quant_origin;
    for (int position : shared.operands) {
      const ValueId operand = graph.node(id).inputs[position];
      if (!Quantised(graph, operand) || graph.value(operand).quantization == q) continue;
      const ir::Provenance provenance = graph.node(id).provenance;
      graph.SetOperand(id, position, converter.Requantised(operand, q, origin, provenance));
      ++added;
    }
  }
  if (added > 0) report.Note(absl::StrCat(added, " requantisations around data-moving operators"));
  return added > 0;
}

absl::StatusOr<bool> InsertFloatIslands::Run(Graph& graph, Report& report) {
  OperandConverter converter(graph);
  int islands = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    if (IsConversion(graph.node(id).op)) continue;
    int quantised = 0;
    int real = 0;
    const auto count = [&](ValueId value) {
      if (value == ir::kNoValue || !quantization::IsReal(graph.value(value))) return;
      ++(Quantised(graph, value) ? quantised : real);
    };
    for (ValueId value : graph.node(id).inputs) count(value);
    for (ValueId value : graph.node(id).outputs) count(value);
    if (quantised == 0 || real == 0) continue;
    ++islands;
    const ir::Provenance provenance = graph.node(id).provenance;
    for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
      const ValueId operand = graph.node(id).inputs[i];
      if (operand == ir::kNoValue || !Quantised(graph, operand)) continue;
      graph.SetOperand(id, static_cast<int>(i), converter.Dequantised(operand, provenance));
    }
    const std::vector<ValueId> results = graph.node(id).outputs;
    for (ValueId result : results) {
      if (!Quantised(graph, result)) continue;
      QuantizeBehind(graph, result, ir::QuantNone{ir::NoQuantReason::kFloatKept},
                     ir::QuantOrigin::kNone);
    }
  }
  if (islands > 0) report.Note(absl::StrCat(islands, " operators compute in float"));
  return islands > 0;
}

absl::StatusOr<bool> FloatIo::Run(Graph& graph, Report& report) {
  (void)report;
  bool changed = false;
  const std::vector<ValueId> inputs = graph.inputs();
  for (ValueId input : inputs) {
    if (!Quantised(graph, input)) continue;
    const ir::Quantization q = graph.value(input).quantization;
    const ir::QuantOrigin origin = graph.value(input).quant_origin;
    const ValueId quantised = AddConversion(graph, ir::Quantize{}, input, "_quantised", {});
    const NodeId quantizer = graph.value(quantised).producer;
    graph.ReplaceAllUsesAcrossTypes(input, quantised);
    graph.SetOperand(quantizer, 0, input);
    graph.SetQuantization(quantised, q, origin);
    graph.SetQuantization(input, ir::QuantNone{ir::NoQuantReason::kFloatKept},
                          ir::QuantOrigin::kNone);
    changed = true;
  }
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const ValueId output = graph.outputs()[i].value;
    if (!Quantised(graph, output)) continue;
    const ir::Node* producer = graph.Producer(output);
    const ValueId real =
        AddConversion(graph, ir::Dequantize{}, output, "_float",
                      producer == nullptr ? ir::Provenance() : producer->provenance);
    graph.SetQuantization(real, ir::QuantNone{ir::NoQuantReason::kFloatKept},
                          ir::QuantOrigin::kNone);
    graph.SetOutput(static_cast<int>(i), real);
    changed = true;
  }
  return changed;
}

}  // namespace g4c::passes
