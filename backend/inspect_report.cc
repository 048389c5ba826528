// The two forms of an Inspection.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "backend/inspect.h"
#include "base/text.h"

namespace g4c::backend {
namespace {

using Json = nlohmann::ordered_json;

std::string QuantText(const InspectedTensor& tensor) {
  if (tensor.scales.empty()) return "";
  if (tensor.axis.has_value()) {
    return absl::StrCat(" q(per channel of axis ", *tensor.axis, ")");
  }
  return absl::StrCat(" q(", FormatFloat(tensor.scales[0]), ":", tensor.zero_points[0], ")");
}

std::string TensorText(const InspectedTensor& tensor) {
  return absl::StrCat(tensor.name, ": ", tensor.dtype, DimsText(tensor.shape), QuantText(tensor));
}

std::string CountsText(const std::vector<std::pair<std::string, int>>& counts) {
  return absl::StrJoin(counts, ", ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.second, " ", entry.first);
  });
}

// Scales as doubles that print as the float's shortest form.
Json TensorJson(const InspectedTensor& tensor) {
  Json json = {{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}};
  if (tensor.scales.empty()) return json;
  Json scales = Json::array();
  for (float scale : tensor.scales) scales.push_back(Json::parse(FormatFloat(scale)));
  json["scale"] = scales;
  json["zero_point"] = tensor.zero_points;
  json["axis"] = tensor.axis.has_value() ? Json(*tensor.axis) : Json();
  return json;
}

Json TensorsJson(const std::vector<InspectedTensor>& tensors) {
  Json json = Json::array();
  for (const InspectedTensor& tensor : tensors) json.push_back(TensorJson(tensor));
  return json;
}

Json CountsJson(const std::vector<std::pair<std::string, int>>& counts) {
  Json json = Json::object();
  for (const auto& [name, count] : counts) json[name] = count;
  return json;
}

}  // namespace

std::string InspectionText(const Inspection& inspection, bool operators) {
  std::string text = absl::StrCat(
      inspection.format, " version ", inspection.version, ", ", HumanBytes(inspection.file_bytes),
      inspection.description.empty() ? "" : absl::StrCat(", '", inspection.description, "'"), "\n");
  absl::StrAppend(
      &text, "subgraph    ", inspection.subgraph,
      inspection.subgraphs > 1 ? absl::StrCat(" (1 of ", inspection.subgraphs, ")") : "", "\n",
      "signature   ", inspection.signature.empty() ? "none" : inspection.signature, "\n");
  for (const InspectedTensor& tensor : inspection.inputs) {
    absl::StrAppend(&text, "input       ", TensorText(tensor), "\n");
  }
  for (const InspectedTensor& tensor : inspection.outputs) {
    absl::StrAppend(&text, "output      ", TensorText(tensor), "\n");
  }
  absl::StrAppend(&text, "operators   ", inspection.operators.size(), ": ",
                  CountsText(inspection.operator_counts), "\n");
  absl::StrAppend(&text, "tensors     ", CountsText(inspection.tensor_counts), "\n");
  absl::StrAppend(&text, "constants   ", HumanBytes(inspection.constant_bytes),
                  inspection.offset_buffers ? " by Buffer.offset" : "",
                  inspection.shared_constants == 0
                      ? ""
                      : absl::StrCat(", ", inspection.shared_constants, " shared"),
                  "\n");
  if (!operators) return text;
  for (size_t i = 0; i < inspection.operators.size(); ++i) {
    const InspectedOperator& op = inspection.operators[i];
    absl::StrAppend(&text, i, "  ", op.name, "(", absl::StrJoin(op.inputs, ", "), ") -> ",
                    absl::StrJoin(op.outputs, ", ",
                                  [](std::string* out, const InspectedTensor& tensor) {
                                    out->append(TensorText(tensor));
                                  }),
                    "\n");
  }
  return text;
}

std::string InspectionJson(const Inspection& inspection, bool operators) {
  Json json = {{"schema_version", 1},
               {"format", inspection.format},
               {"version", inspection.version},
               {"description", inspection.description},
               {"subgraph", inspection.subgraph},
               {"subgraphs", inspection.subgraphs},
               {"signature", inspection.signature},
               {"file_bytes", inspection.file_bytes},
               {"constant_bytes", inspection.constant_bytes},
               {"shared_constants", inspection.shared_constants},
               {"offset_buffers", inspection.offset_buffers}};
  json["inputs"] = TensorsJson(inspection.inputs);
  json["outputs"] = TensorsJson(inspection.outputs);
  json["operator_counts"] = CountsJson(inspection.operator_counts);
  json["tensor_counts"] = CountsJson(inspection.tensor_counts);
  if (operators) {
    Json list = Json::array();
    for (const InspectedOperator& op : inspection.operators) {
      list.push_back(
          {{"name", op.name}, {"inputs", op.inputs}, {"outputs", TensorsJson(op.outputs)}});
    }
    json["operators"] = list;
  }
  // Names in a file need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace g4c::backend
