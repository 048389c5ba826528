#include "passes/shift_zero_points.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace g4c::passes {
namespace {

using ir::DType;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// i8 = u8 - 128: the same bits with the highest one flipped.
ir::Tensor ShiftedData(const ir::Tensor& data, DType to) {
  const ir::Tensor source = data.Contiguous();
  ir::Tensor shifted = ir::Tensor::Allocate(to, data.dims());
  const absl::Span<const uint8_t> bytes = source.ContiguousBytes();
  auto* out = shifted.mutable_data<uint8_t>();
  for (size_t i = 0; i < bytes.size(); ++i) out[i] = bytes[i] ^ 0x80;
  return shifted;
}

bool Stores(const ir::Value& value, DType dtype) {
  return ir::HasQparams(value.quantization) && ir::QuantDType(value.quantization) == dtype;
}

// quantize(value) with `value`'s type and other qparams.
ValueId AddQuantize(Graph& graph, ValueId value, absl::string_view suffix,
                    const ir::Quantization& quantization) {
  const std::string name = absl::StrCat(graph.value(value).name, suffix);
  const ir::Type type = graph.value(value).type;
  const ir::Node* producer = graph.Producer(value);
  const ir::Provenance provenance = producer == nullptr ? ir::Provenance() : producer->provenance;
  const NodeId node = graph.AddNode(ir::Quantize{}, {value}, {name}, {type}, provenance);
  const ValueId result = graph.node(node).outputs[0];
  graph.SetQuantization(result, quantization, ir::QuantOrigin::kPropagated);
  return result;
}

}  // namespace

ir::Quantization Shifted(const ir::Quantization& quantization, DType from, DType to) {
  if (!ir::HasQparams(quantization) || ir::QuantDType(quantization) != from) return quantization;
  const int64_t shift = to == DType::kI8 ? -128 : 128;
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&quantization)) {
    return ir::QuantPerTensor{to, q->scale, q->zero_point + shift};
  }
  ir::QuantPerChannel channels = std::get<ir::QuantPerChannel>(quantization);
  channels.dtype = to;
  for (int64_t& zero_point : channels.zero_points) zero_point += shift;
  return channels;
}

void ShiftConstant(Graph& graph, ValueId id, DType from, DType to) {
  const ir::Value& value = graph.value(id);
  const ir::Quantization shifted = Shifted(value.quantization, from, to);
  const ir::QuantOrigin origin = value.quant_origin;
  const bool integers = value.constant->dtype() == from;
  const ir::Tensor data = integers ? ShiftedData(*value.constant, to) : *value.constant;
  graph.SetQuantization(id, shifted, origin);
  if (integers) graph.SetConstant(id, data);
}

bool ShiftZeroPoints(Graph& graph, DType from, DType to) {
  const std::vector<ValueId> inputs = graph.inputs();
  const std::vector<ir::GraphOutput> outputs = graph.outputs();
  std::vector<ValueId> shifted;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    if (Stores(graph.value(id), from) && !graph.IsInput(id)) shifted.push_back(id);
  }
  bool changed = false;
  for (ValueId id : inputs) {
    const ir::Quantization q = graph.value(id).quantization;
    if (!Stores(graph.value(id), from) || graph.Uses(id).empty()) continue;
    const ValueId inner = AddQuantize(graph, id, "_shifted", Shifted(q, from, to));
    const NodeId quantizer = graph.value(inner).producer;
    graph.ReplaceAllUsesAcrossTypes(id, inner);
    graph.SetOperand(quantizer, 0, id);
    changed = true;
  }
  for (ValueId id : shifted) {
    if (graph.IsConstant(id)) {
      ShiftConstant(graph, id, from, to);
    } else {
      graph.SetQuantization(id, Shifted(graph.value(id).quantization, from, to),
                            graph.value(id).quant_origin);
    }
    changed = true;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId value = outputs[i].value;
    if (graph.IsInput(value)) {
      graph.SetOutput(static_cast<int>(i), value);
    } else if (std::binary_search(shifted.begin(), shifted.end(), value)) {
      const ir::Quantization q = Shifted(graph.value(value).quantization, to, from);
      const ValueId restored = AddQuantize(graph, value, "_shifted", q);
      graph.SwapNames(value, restored);
      graph.SetOutput(static_cast<int>(i), restored);
    }
  }
  return changed;
}

}  // namespace g4c::passes
