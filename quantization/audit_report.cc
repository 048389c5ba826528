#include "quantization/audit_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "ir/quantize_constant.h"

namespace g4c::quantization {
namespace {

using Json = nlohmann::ordered_json;

constexpr FindingKind kKinds[] = {FindingKind::kMissing, FindingKind::kInconsistent,
                                  FindingKind::kDegenerate, FindingKind::kSuspicious,
                                  FindingKind::kSynthetic};

Json ProvenanceOf(const ir::Graph& graph, ir::ValueId id) {
  const ir::NodeId node = NodeOf(graph, id);
  const ir::Origin empty;
  const ir::Origin& origin = node == ir::kNoNode ? empty : graph.node(node).provenance.lead();
  return {{"node", origin.node},
          {"op_type", origin.op_type},
          {"module", origin.module},
          {"stack", origin.stack}};
}

Json FindingJson(const ir::Graph& graph, const Audit& audit, const Finding& finding) {
  const ir::Value& value = graph.value(finding.value);
  Json also = Json::array();
  for (FindingKind kind : finding.also) also.push_back(std::string(FindingKindName(kind)));
  return {{"value", value.name},
          {"op", AuditOp(graph, audit, finding.value)},
          {"dtype", std::string(ir::DTypeName(ir::StoredDType(value)))},
          {"shape", value.type.shape.dims()},
          {"kind", std::string(FindingKindName(finding.kind))},
          {"also", std::move(also)},
          {"reason", finding.reason},
          {"fix", finding.fix},
          {"nearest", finding.nearest},
          {"provenance", ProvenanceOf(graph, finding.value)}};
}

Json ValueJson(const ir::Graph& graph, const Audit& audit, ir::ValueId id) {
  const ir::Value& value = graph.value(id);
  Json json = {{"value", value.name},
               {"op", AuditOp(graph, audit, id)},
               {"dtype", std::string(ir::DTypeName(ir::StoredDType(value)))},
               {"shape", value.type.shape.dims()}};
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&value.quantization)) {
    json["scale"] = {q->scale};
    json["zero_point"] = {q->zero_point};
    json["axis"] = nullptr;
  } else if (const auto* channels = std::get_if<ir::QuantPerChannel>(&value.quantization)) {
    json["scale"] = channels->scales;
    json["zero_point"] = channels->zero_points;
    json["axis"] = channels->axis;
  } else {
    json["scale"] = Json::array();
    json["zero_point"] = Json::array();
    json["axis"] = nullptr;
  }
  json["origin"] = std::string(ir::QuantOriginName(value.quant_origin));
  return json;
}

}  // namespace

std::string AuditOp(const ir::Graph& graph, const Audit& audit, ir::ValueId value) {
  const ir::Node* producer = graph.Producer(value);
  if (producer == nullptr) return graph.IsConstant(value) ? "CONSTANT" : "INPUT";
  // A reader of Circle files keeps the operator's own name as the node's origin.
  if (audit.foreign && !producer->provenance.lead().op_type.empty())
    return producer->provenance.lead().op_type;
  return absl::AsciiStrToUpper(ir::OpName(producer->op));
}

std::string AuditSummary(const Audit& audit) {
  std::string text = absl::StrCat(audit.values, " values: ", audit.quantised, " quantised");
  for (FindingKind kind : kKinds) {
    const int count = audit.Count(kind);
    const bool always = kind == FindingKind::kMissing || kind == FindingKind::kInconsistent;
    if (always || count > 0) absl::StrAppend(&text, ", ", count, " ", FindingKindName(kind));
  }
  absl::StrAppend(&text, ", ", audit.not_applicable, " not applicable");
  return text;
}

std::string AuditText(const ir::Graph& graph, const Audit& audit, absl::string_view model) {
  std::string text = absl::StrCat(model, "\n", AuditSummary(audit), "\n");
  for (const Finding& finding : audit.findings) {
    if (finding.kind == FindingKind::kSynthetic) continue;
    const ir::Value& value = graph.value(finding.value);
    absl::StrAppend(&text, "\n", FindingKindName(finding.kind), "  ", value.name, "  ",
                    AuditOp(graph, audit, finding.value), " ",
                    ir::DTypeName(ir::StoredDType(value)), ir::ShapeText(value.type.shape), "\n");
    absl::StrAppend(&text, "  why      ", finding.reason, "\n");
    for (FindingKind kind : finding.also)
      absl::StrAppend(&text, "  also     ", FindingKindName(kind), "\n");
    absl::StrAppend(&text, "  fix      ", finding.fix, "\n");
    if (!finding.nearest.empty()) absl::StrAppend(&text, "  nearest  ", finding.nearest, "\n");
    const ir::NodeId node = NodeOf(graph, finding.value);
    if (node == ir::kNoNode) continue;
    absl::StrAppend(&text, "  source   ", ir::Describe(graph, node), "\n");
    for (const std::string& frame : graph.node(node).provenance.lead().stack) {
      absl::StrAppend(&text, "           ", frame, "\n");
    }
  }
  if (const int synthetic = audit.Count(FindingKind::kSynthetic); synthetic > 0) {
    absl::StrAppend(
        &text, "\nsynthetic  ", synthetic,
        " values calibrated on made-up samples: pass --calibration for real accuracy\n");
  }
  return text;
}

std::string AuditJson(const ir::Graph& graph, const Audit& audit, absl::string_view model) {
  Json summary = {{"values", audit.values}, {"quantised", audit.quantised}};
  for (FindingKind kind : kKinds) summary[std::string(FindingKindName(kind))] = audit.Count(kind);
  summary["not_applicable"] = audit.not_applicable;
  Json json = {
      {"schema_version", 1}, {"model", std::string(model)}, {"summary", std::move(summary)}};
  json["findings"] = Json::array();
  for (const Finding& finding : audit.findings)
    json["findings"].push_back(FindingJson(graph, audit, finding));
  json["values"] = Json::array();
  for (ir::ValueId id : audit.listed) json["values"].push_back(ValueJson(graph, audit, id));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace g4c::quantization
