#include "quantization/qparams_file.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "quantization/constants.h"
#include "quantization/join_dtypes.h"
#include "quantization/mask_fill.h"
#include "quantization/qparams.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

using Json = nlohmann::json;
// What is printed keeps its order; finding a key in it is linear.
using OrderedJson = nlohmann::ordered_json;

absl::StatusOr<ir::DType> DTypeOf(const Json& json, absl::string_view where) {
  const absl::optional<ir::DType> dtype =
      json.is_string() ? ir::ParseDType(json.get_ref<const std::string&>()) : absl::nullopt;
  if (!dtype || !ir::IsInteger(*dtype)) {
    return InvalidInput("qparams file: ", where, " needs an integer dtype such as \"u8\", not ",
                        json.dump());
  }
  return *dtype;
}

absl::StatusOr<float> ScaleOf(const Json& json, absl::string_view where) {
  const float scale = json.is_number() ? json.get<float>() : NAN;
  if (!(scale > 0) || !std::isfinite(scale)) {
    return InvalidInput("qparams file: ", where, " needs a positive finite scale, not ",
                        json.dump());
  }
  return scale;
}

absl::StatusOr<int64_t> ZeroPointOf(const Json& json, ir::DType dtype, absl::string_view where) {
  if (!json.is_number_integer() || json.get<int64_t>() < ir::MinOf(dtype) ||
      json.get<int64_t>() > ir::MaxOf(dtype)) {
    return InvalidInput("qparams file: ", where, " needs a zero point in the range of ",
                        ir::DTypeName(dtype), ", not ", json.dump());
  }
  return json.get<int64_t>();
}

absl::Status CheckKeys(const Json& json, absl::Span<const absl::string_view> known,
                       absl::string_view where) {
  if (!json.is_object()) return InvalidInput("qparams file: ", where, " is no object");
  for (const auto& item : json.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      return InvalidInput("qparams file: unknown key '", item.key(), "' in ", where, "; known are ",
                          absl::StrJoin(known, ", "));
    }
  }
  return absl::OkStatus();
}

bool KeptInFloat(const ir::Quantization& q) {
  const auto* none = std::get_if<ir::QuantNone>(&q);
  return none != nullptr && none->reason == ir::NoQuantReason::kFloatKept;
}

absl::StatusOr<ir::Quantization> QuantizationOf(const Json& json, const std::string& name) {
  const std::string where = absl::StrCat("value '", name, "'");
  RETURN_IF_ERROR(CheckKeys(json, {"dtype", "axis", "scale", "zero_point"}, where));
  if (json.size() == 1 && json.value("dtype", Json()) == "float") {
    return ir::QuantNone{ir::NoQuantReason::kFloatKept};
  }
  for (const char* key : {"dtype", "scale", "zero_point"}) {
    if (!json.contains(key)) return InvalidInput("qparams file: ", where, " has no '", key, "'");
  }
  ASSIGN_OR_RETURN(const ir::DType dtype, DTypeOf(json["dtype"], where));
  if (!json.contains("axis")) {
    ASSIGN_OR_RETURN(const float scale, ScaleOf(json["scale"], where));
    ASSIGN_OR_RETURN(const int64_t zero_point, ZeroPointOf(json["zero_point"], dtype, where));
    return ir::QuantPerTensor{dtype, scale, zero_point};
  }
  const Json& scales = json["scale"];
  const Json& zero_points = json["zero_point"];
  if (!json["axis"].is_number_integer() || !scales.is_array() || !zero_points.is_array() ||
      scales.size() != zero_points.size()) {
    return InvalidInput("qparams file: ", where,
                        " has an axis, so scale and zero_point must be lists of one length");
  }
  ir::QuantPerChannel q{dtype, json["axis"].get<int>(), {}, {}};
  for (size_t i = 0; i < scales.size(); ++i) {
    ASSIGN_OR_RETURN(const float scale, ScaleOf(scales[i], where));
    ASSIGN_OR_RETURN(const int64_t zero_point, ZeroPointOf(zero_points[i], dtype, where));
    q.scales.push_back(scale);
    q.zero_points.push_back(zero_point);
  }
  return q;
}

absl::StatusOr<AppliedRewrite> RewriteOf(const Json& json) {
  RETURN_IF_ERROR(CheckKeys(json, {"name", "value", "factors"}, "a rewrite"));
  if (!json.value("name", Json()).is_string() || !json.value("value", Json()).is_string() ||
      !json.value("factors", Json()).is_array()) {
    return InvalidInput(
        "qparams file: a rewrite needs a 'name', the name of a 'value', and a list of 'factors'");
  }
  AppliedRewrite rewrite{json["name"].get<std::string>(), json["value"].get<std::string>(), {}};
  const std::string where = absl::StrCat("rewrite '", rewrite.name, "'");
  for (const Json& factor : json["factors"]) {
    ASSIGN_OR_RETURN(rewrite.factors.emplace_back(), ScaleOf(factor, where));
  }
  return rewrite;
}

// As few digits as read back to the same float; a JSON number is a double, which needs twice as
// many.
OrderedJson Number(float value) {
  double shortest;
  const bool same =
      absl::SimpleAtod(FormatFloat(value), &shortest) && static_cast<float>(shortest) == value;
  return same ? shortest : static_cast<double>(value);
}

OrderedJson Numbers(const std::vector<float>& values) {
  OrderedJson json = OrderedJson::array();
  for (float value : values) json.push_back(Number(value));
  return json;
}

OrderedJson ToJson(const ir::Quantization& quantization) {
  if (KeptInFloat(quantization)) return {{"dtype", "float"}};
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&quantization)) {
    return {{"dtype", std::string(ir::DTypeName(q->dtype))},
            {"scale", Number(q->scale)},
            {"zero_point", q->zero_point}};
  }
  const auto& q = std::get<ir::QuantPerChannel>(quantization);
  return {{"dtype", std::string(ir::DTypeName(q.dtype))},
          {"axis", q.axis},
          {"scale", Numbers(q.scales)},
          {"zero_point", q.zero_points}};
}

// Names come from the model's file and need not be UTF-8.
std::string OneLine(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// A line for each value and each rewrite: what changed can be seen by comparing lines.
std::string Lines(const OrderedJson& json) {
  std::string text = "{";
  absl::string_view next = "\n ";
  for (const auto& item : json.items()) {
    absl::StrAppend(&text, next, OneLine(item.key()), ": ");
    next = ",\n ";
    const OrderedJson& content = item.value();
    const bool nests = std::any_of(content.begin(), content.end(), [](const OrderedJson& element) {
      return element.is_structured();
    });
    if (!nests) {
      text += OneLine(content);
      continue;
    }
    text += content.is_object() ? "{" : "[";
    absl::string_view next_element = "\n  ";
    for (const auto& element : content.items()) {
      absl::StrAppend(&text, next_element);
      next_element = ",\n  ";
      if (content.is_object()) absl::StrAppend(&text, OneLine(element.key()), ": ");
      text += OneLine(element.value());
    }
    text += content.is_object() ? "\n }" : "\n ]";
  }
  return text + "\n}\n";
}

}  // namespace

QparamsFile CollectQparams(const ir::Graph& graph) {
  QparamsFile file;
  const auto add = [&](ir::ValueId id) {
    const ir::Value& value = graph.value(id);
    const bool kept_in_float = IsReal(value) && KeptInFloat(value.quantization);
    if (ir::HasQparams(value.quantization) || kept_in_float) {
      file.values[value.name] = value.quantization;
    }
  };
  for (ir::ValueId input : graph.inputs()) add(input);
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    for (ir::ValueId result : node.outputs) add(result);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (IsWeight(node, static_cast<int>(i)) && graph.IsConstant(node.inputs[i]))
        add(node.inputs[i]);
    }
  }
  for (const MaskedLogits& masked : FindMaskedLogits(graph)) {
    if (!ir::HasQparams(graph.value(masked.sum).quantization)) continue;
    file.mask_fills[graph.value(masked.sum).name] = RangeOf(*graph.value(masked.mask).constant).lo;
  }
  return file;
}

absl::Status ApplyQparams(const QparamsFile& file, ir::Graph& graph) {
  std::map<std::string, ir::ValueId> by_name;
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) by_name[graph.value(id).name] = id;
  const auto apply = [&](ir::ValueId id, const std::string& name,
                         const ir::Quantization& q) -> absl::Status {
    if (const auto* channels = std::get_if<ir::QuantPerChannel>(&q)) {
      const ir::Shape& shape = graph.value(id).type.shape;
      if (!shape.IsStatic() || channels->axis < 0 || channels->axis >= shape.rank() ||
          shape.dim(channels->axis) != static_cast<int64_t>(channels->scales.size())) {
        return InvalidInput("qparams file: ", channels->scales.size(), " channels on axis ",
                            channels->axis, " do not fit value '", name, "' of shape ",
                            ir::ShapeText(shape));
      }
    }
    graph.SetQuantization(id, q, ir::QuantOrigin::kFile);
    return absl::OkStatus();
  };
  for (const auto& [name, q] : file.values) {
    const auto it = by_name.find(name);
    if (it != by_name.end()) RETURN_IF_ERROR(apply(it->second, name, q));
  }
  std::map<std::pair<ir::ValueId, float>, ir::ValueId> filled;
  for (const MaskedLogits& masked : FindMaskedLogits(graph)) {
    const auto fill = file.mask_fills.find(graph.value(masked.sum).name);
    if (fill == file.mask_fills.end()) continue;
    auto [it, inserted] = filled.try_emplace({masked.mask, fill->second}, ir::kNoValue);
    if (inserted) {
      const ir::Quantization& sum = graph.value(masked.sum).quantization;
      const ir::DType sum_dtype = ir::HasQparams(sum) ? ir::QuantDType(sum) : file.activation;
      const std::string name = graph.value(masked.mask).name;
      const ir::Tensor mask = *graph.value(masked.mask).constant;
      it->second = graph.AddConstant(name, MaskWithFill(mask, fill->second));
      graph.SetQuantization(it->second, ChooseQparams({fill->second, 0}, sum_dtype),
                            ir::QuantOrigin::kDerived);
    }
    graph.SetOperand(masked.add, graph.node(masked.add).inputs[0] == masked.mask ? 0 : 1,
                     it->second);
  }
  // Conversions between dtypes are put back where they were, under the same names.
  const int known = graph.num_values();
  JoinDTypes(graph, {}, ir::QuantOrigin::kFile);
  for (ir::ValueId id = known; id < graph.num_values(); ++id) by_name[graph.value(id).name] = id;
  for (const auto& [name, q] : file.values) {
    const auto it = by_name.find(name);
    if (it == by_name.end())
      return InvalidInput("qparams file: the model has no value '", name, "'");
    if (it->second >= known) RETURN_IF_ERROR(apply(it->second, name, q));
  }
  return absl::OkStatus();
}

std::string PrintQparams(const QparamsFile& file) {
  OrderedJson json = {{"schema_version", 1},
                      {"model", {{"hash", file.model_hash}, {"weight_bytes", file.weight_bytes}}},
                      {"activation", std::string(ir::DTypeName(file.activation))},
                      {"weight", std::string(ir::DTypeName(file.weight))}};
  json["rewrites"] = OrderedJson::array();
  for (const AppliedRewrite& rewrite : file.rewrites) {
    json["rewrites"].push_back(
        {{"name", rewrite.name}, {"value", rewrite.value}, {"factors", Numbers(rewrite.factors)}});
  }
  json["values"] = OrderedJson::object();
  for (const auto& [name, q] : file.values) json["values"][name] = ToJson(q);
  json["mask_fill"] = OrderedJson::object();
  for (const auto& [name, fill] : file.mask_fills) json["mask_fill"][name] = Number(fill);
  return Lines(json);
}

absl::StatusOr<QparamsFile> ParseQparams(absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return InvalidInput("qparams file: not JSON");
  RETURN_IF_ERROR(CheckKeys(
      json, {"schema_version", "model", "activation", "weight", "rewrites", "values", "mask_fill"},
      "the file"));
  if (!json.contains("schema_version") || json["schema_version"] != 1) {
    return InvalidInput(
        "qparams file: schema_version is not 1; it was written by another version of this tool");
  }
  for (const char* key : {"model", "activation", "weight", "values"}) {
    if (!json.contains(key)) return InvalidInput("qparams file: no '", key, "'");
  }
  QparamsFile file;
  RETURN_IF_ERROR(CheckKeys(json["model"], {"hash", "weight_bytes"}, "model"));
  if (!json["model"].value("hash", Json()).is_string() ||
      !json["model"].value("weight_bytes", Json()).is_number_integer()) {
    return InvalidInput("qparams file: model needs a 'hash' and a number of 'weight_bytes'");
  }
  file.model_hash = json["model"]["hash"].get<std::string>();
  file.weight_bytes = json["model"]["weight_bytes"].get<int64_t>();
  ASSIGN_OR_RETURN(file.activation, DTypeOf(json["activation"], "activation"));
  ASSIGN_OR_RETURN(file.weight, DTypeOf(json["weight"], "weight"));
  if (json.contains("rewrites")) {
    if (!json["rewrites"].is_array()) return InvalidInput("qparams file: rewrites is no list");
    for (const Json& entry : json["rewrites"]) {
      ASSIGN_OR_RETURN(file.rewrites.emplace_back(), RewriteOf(entry));
    }
  }
  if (!json["values"].is_object()) return InvalidInput("qparams file: values is no object");
  for (const auto& item : json["values"].items()) {
    ASSIGN_OR_RETURN(file.values[item.key()], QuantizationOf(item.value(), item.key()));
  }
  if (json.contains("mask_fill")) {
    if (!json["mask_fill"].is_object()) return InvalidInput("qparams file: mask_fill is no object");
    for (const auto& item : json["mask_fill"].items()) {
      if (!item.value().is_number() || !(item.value().get<float>() < 0) ||
          !std::isfinite(item.value().get<float>())) {
        return InvalidInput("qparams file: mask_fill of '", item.key(),
                            "' is no finite negative number");
      }
      file.mask_fills[item.key()] = item.value().get<float>();
    }
  }
  return file;
}

}  // namespace g4c::quantization
