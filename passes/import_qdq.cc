#include "passes/import_qdq.h"

#include <cmath>

#include "base/text.h"
#include "evaluator/quantize.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

absl::Status Refuse(const Graph& graph, NodeId node, absl::string_view what) {
  return Unsupported(ir::Describe(graph, node), ": ", what);
}

// The qparams that a quantize_linear or dequantize_linear holds in its operands. `dtype` is the
// integers' dtype.
absl::StatusOr<ir::Quantization> QparamsOf(const Graph& graph, NodeId id, int64_t axis,
                                           ir::DType dtype) {
  const Node& node = graph.node(id);
  const auto fail = [&](const auto&... parts) {
    return InvalidInput(ir::Describe(graph, id), ": ", parts...);
  };
  const bool has_zero_point = node.inputs.size() > 2 && node.inputs[2] != ir::kNoValue;
  if (!graph.IsConstant(node.inputs[1]) || (has_zero_point && !graph.IsConstant(node.inputs[2]))) {
    return Refuse(graph, id,
                  "its scale or zero point is not a constant; export with static quantisation");
  }
  const std::vector<float> scales = graph.value(node.inputs[1]).constant->Floats();
  std::vector<int64_t> zero_points(scales.size(), 0);
  if (has_zero_point) {
    const ir::Tensor& data = *graph.value(node.inputs[2]).constant;
    if (ir::IsFloat(data.dtype()) || data.NumElements() != static_cast<int64_t>(scales.size())) {
      return fail("zero point ", ir::DTypeName(data.dtype()), ir::ShapeText(data.dims()),
                  " does not fit ", scales.size(), " scales");
    }
    zero_points = data.Ints();
  }
  for (float scale : scales) {
    if (!(scale > 0) || !std::isfinite(scale)) {
      return fail("scale ", FormatFloat(scale), " is not a positive finite number");
    }
  }
  // A scale of one element is per tensor whatever the axis says, as in ONNX.
  if (scales.size() == 1) return ir::QuantPerTensor{dtype, scales[0], zero_points[0]};
  const ir::Shape& shape = graph.value(node.inputs[0]).type.shape;
  if (!shape.has_rank()) return fail("per-channel scales on a value of unknown rank");
  absl::StatusOr<int> channel_axis = ir::NormalizeAxis(axis, shape.rank());
  if (!channel_axis.ok()) return fail(channel_axis.status().message());
  if (shape.dim(*channel_axis) != static_cast<int64_t>(scales.size())) {
    return fail(scales.size(), " scales along axis ", *channel_axis, " of shape ",
                ir::ShapeText(shape));
  }
  return ir::QuantPerChannel{dtype, *channel_axis, scales, std::move(zero_points)};
}

absl::Status CheckDType(const Graph& graph, NodeId id, ir::DType dtype) {
  switch (dtype) {
    case ir::DType::kU4:
    case ir::DType::kI4:
    case ir::DType::kU8:
    case ir::DType::kI8:
    case ir::DType::kU16:
    case ir::DType::kI16:
    case ir::DType::kI32:
      return absl::OkStatus();
    default:
      return Refuse(graph, id,
                    absl::StrCat("quantisation to ", ir::DTypeName(dtype), " has no Circle type"));
  }
}

class Importer {
 public:
  explicit Importer(Graph& graph, Report& report) : graph_(graph), report_(report) {}

  absl::StatusOr<bool> Run() {
    int pairs = 0;
    for (NodeId id : graph_.TopologicalOrder()) {
      if (!std::holds_alternative<ir::DequantizeLinear>(graph_.node(id).op)) continue;
      RETURN_IF_ERROR(ImportOne(id));
      ++pairs;
    }
    for (NodeId id : graph_.TopologicalOrder()) {
      if (!std::holds_alternative<ir::QuantizeLinear>(graph_.node(id).op)) continue;
      return Refuse(
          graph_, id,
          "its integers are used without DequantizeLinear; export the QDQ form (QuantFormat.QDQ)");
    }
    if (pairs == 0) return false;
    graph_.EraseDead();
    report_.Note(absl::StrCat("imported ", pairs, " Q/DQ pairs"));
    return true;
  }

 private:
  absl::Status ImportOne(NodeId id) {
    const Node& node = graph_.node(id);
    const ValueId integers = node.inputs[0];
    const ir::DType dtype = graph_.value(integers).type.dtype;
    RETURN_IF_ERROR(CheckDType(graph_, id, dtype));
    const auto& attributes = std::get<ir::DequantizeLinear>(node.op);
    ASSIGN_OR_RETURN(ir::Quantization q, QparamsOf(graph_, id, attributes.axis, dtype));
    const ValueId result = node.outputs[0];

    if (graph_.IsConstant(integers)) {
      // Shared integers get a value of their own for each set of qparams.
      const ir::Value& source = graph_.value(integers);
      const ir::Type real{ir::DType::kF32, source.type.shape};
      const std::string name = source.name;
      const ir::Tensor data = *source.constant;
      const ValueId constant = graph_.AddConstant(name, real, data);
      graph_.SetQuantization(constant, std::move(q), ir::QuantOrigin::kQdq);
      graph_.ReplaceAllUsesAcrossTypes(result, constant);
      return absl::OkStatus();
    }

    const NodeId quantizer = graph_.value(integers).producer;
    const auto* quantize = graph_.ProducedBy<ir::QuantizeLinear>(integers);
    if (quantize == nullptr) {
      return Refuse(graph_, id,
                    "it dequantises integers that no QuantizeLinear made and that are no constant");
    }
    ASSIGN_OR_RETURN(const ir::Quantization made,
                     QparamsOf(graph_, quantizer, quantize->axis, dtype));
    if (made != q) {
      return InvalidInput(ir::Describe(graph_, id),
                          ": its qparams differ from those of the QuantizeLinear '",
                          graph_.value(integers).name, "' that it reads");
    }
    return Attach(graph_.node(quantizer).inputs[0], result, std::move(q),
                  graph_.node(quantizer).provenance);
  }

  // Gives `source` the qparams, and its users of `result`.
  absl::Status Attach(ValueId source, ValueId result, ir::Quantization q,
                      const ir::Provenance& provenance) {
    const ir::Quantization& present = graph_.value(source).quantization;
    if (std::holds_alternative<ir::QuantUnknown>(present)) {
      graph_.SetQuantization(source, std::move(q), ir::QuantOrigin::kQdq);
      graph_.ReplaceAllUsesAcrossTypes(result, source);
      return absl::OkStatus();
    }
    if (present == q) {
      graph_.ReplaceAllUsesAcrossTypes(result, source);
      return absl::OkStatus();
    }
    if (graph_.IsConstant(source)) {
      // Quantised again from the same real numbers, not from the first pair's integers.
      const std::string name = graph_.value(source).name;
      const ir::Type type = graph_.value(source).type;
      const ir::Tensor data = *graph_.value(source).constant;
      const ValueId twin = graph_.AddConstant(name, type, data);
      graph_.SetQuantization(twin, std::move(q), ir::QuantOrigin::kQdq);
      graph_.ReplaceAllUsesAcrossTypes(result, twin);
      return absl::OkStatus();
    }
    const std::string name = graph_.value(result).name;
    const ir::Provenance origin = provenance;
    ASSIGN_OR_RETURN(const ValueId again,
                     graph_.AddInferred(ir::Quantize{}, {source}, name, origin));
    graph_.SetQuantization(again, std::move(q), ir::QuantOrigin::kQdq);
    graph_.ReplaceAllUsesAcrossTypes(result, again);
    return absl::OkStatus();
  }

  Graph& graph_;
  Report& report_;
};

}  // namespace

bool HasQdq(const Graph& graph) {
  for (NodeId id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = graph.node(id);
    if (!node.erased && std::holds_alternative<ir::DequantizeLinear>(node.op)) return true;
  }
  return false;
}

absl::StatusOr<bool> ImportQdq::Run(Graph& graph, Report& report) {
  return Importer(graph, report).Run();
}

absl::StatusOr<bool> DropQdq::Run(Graph& graph, Report& report) {
  int pairs = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    const Node& node = graph.node(id);
    const auto* dequantize = std::get_if<ir::DequantizeLinear>(&node.op);
    if (dequantize == nullptr) continue;
    const ValueId integers = node.inputs[0];
    const ValueId result = node.outputs[0];
    if (graph.IsConstant(integers)) {
      const ir::DType dtype = graph.value(integers).type.dtype;
      ASSIGN_OR_RETURN(const ir::Quantization q, QparamsOf(graph, id, dequantize->axis, dtype));
      ir::Tensor real = evaluator::DequantizeTensor(*graph.value(integers).constant, q);
      const std::string name = graph.value(integers).name;
      graph.ReplaceAllUsesAcrossTypes(result, graph.AddConstant(name, std::move(real)));
    } else if (graph.ProducedBy<ir::QuantizeLinear>(integers) != nullptr) {
      graph.ReplaceAllUsesAcrossTypes(result, graph.Producer(integers)->inputs[0]);
    } else {
      return Refuse(graph, id,
                    "it dequantises integers that no QuantizeLinear made and that are no constant");
    }
    ++pairs;
  }
  if (pairs == 0) return false;
  graph.EraseDead();
  report.Note(absl::StrCat("dropped ", pairs, " Q/DQ pairs"));
  return true;
}

}  // namespace g4c::passes
