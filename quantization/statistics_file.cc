#include "quantization/statistics_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "ir/digest.h"
#include "ir/text.h"

namespace g4c::quantization {
namespace {

using Json = nlohmann::ordered_json;

std::string Quoted(const std::string& text) {
  // Names come from the model's file and need not be UTF-8.
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Decimal(Int128 number) {
  const bool negative = number < 0;
  unsigned __int128 rest = static_cast<unsigned __int128>(number);
  if (negative) rest = -rest;
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

absl::optional<Int128> ParseDecimal(absl::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  // 2^127 has 39 digits.
  if (text.empty() || text.size() > 39) return absl::nullopt;
  unsigned __int128 number = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return absl::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return static_cast<Int128>(negative ? -number : number);
}

std::string Decimals(const std::vector<Int128>& numbers) {
  return absl::StrJoin(numbers, " ",
                       [](std::string* out, Int128 n) { absl::StrAppend(out, Decimal(n)); });
}

// Stretches of buckets with counts: [[first bucket, count, count, ...], ...].
std::string HistogramText(const Histogram& histogram) {
  std::string text = "[";
  bool open = false;
  for (size_t i = 0; i < histogram.size(); ++i) {
    if (histogram[i] == 0) {
      if (open) absl::StrAppend(&text, "]");
      open = false;
      continue;
    }
    if (!open) absl::StrAppend(&text, text.size() > 1 ? ", [" : "[", i);
    open = true;
    absl::StrAppend(&text, ", ", histogram[i]);
  }
  if (open) absl::StrAppend(&text, "]");
  return text + "]";
}

std::string ValueText(const ValueStatistics& value) {
  std::vector<std::string> members;
  if (value.count > 0) {
    members.push_back(absl::StrCat("\"count\": ", value.count,
                                   ", \"min\": ", FormatFloat(value.range.lo),
                                   ", \"max\": ", FormatFloat(value.range.hi)));
    if (std::isfinite(value.lowest_row_max)) {
      members.push_back(absl::StrCat("\"lowest_row_max\": ", FormatFloat(value.lowest_row_max)));
    }
    members.push_back(absl::StrCat("\"histogram\": ", HistogramText(value.histogram)));
  }
  if (!value.channels.empty()) {
    members.push_back(absl::StrCat("\"rows\": ", value.channels.rows, ", \"sums\": \"",
                                   Decimals(value.channels.sum), "\", \"squares\": \"",
                                   Decimals(value.channels.square), "\""));
  }
  return absl::StrCat("{", absl::StrJoin(members, ", "), "}");
}

// ---- Reading ----

template <typename... Parts>
absl::Status Damaged(const Parts&... parts) {
  return InvalidInput("statistics file: ", parts...);
}

absl::Status CheckKeys(const Json& json, absl::Span<const absl::string_view> known,
                       absl::Span<const absl::string_view> needed, absl::string_view where) {
  if (!json.is_object()) return Damaged(where, " is no object");
  for (const auto& item : json.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      return Damaged("unknown key '", item.key(), "' in ", where);
    }
  }
  for (absl::string_view key : needed) {
    if (!json.contains(key)) return Damaged("no '", key, "' in ", where);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> CountOf(const Json& json, absl::string_view where) {
  if (!json.is_number_unsigned() || json.get<uint64_t>() == 0) {
    return Damaged(where, " is no count: ", json.dump());
  }
  return json.get<uint64_t>();
}

absl::StatusOr<float> FloatOf(const Json& json, absl::string_view where) {
  const float number = json.is_number() ? json.get<float>() : NAN;
  if (!std::isfinite(number)) return Damaged(where, " is no finite number: ", json.dump());
  return number;
}

absl::StatusOr<std::string> TextOf(const Json& json, absl::string_view where) {
  if (!json.is_string()) return Damaged(where, " is no text: ", json.dump());
  return json.get<std::string>();
}

absl::Status ReadHistogram(const Json& json, absl::string_view where, ValueStatistics& value) {
  if (!json.is_array()) return Damaged("the histogram of ", where, " is no list");
  value.histogram.resize(kBuckets);
  uint64_t total = 0;
  for (const Json& stretch : json) {
    if (!stretch.is_array() || stretch.size() < 2 || !stretch[0].is_number_unsigned() ||
        stretch[0].get<uint64_t>() + stretch.size() - 1 > kBuckets) {
      return Damaged("the histogram of ", where, " has a stretch that is none of ", kBuckets,
                     " buckets: ", stretch.dump());
    }
    size_t bucket = stretch[0].get<size_t>();
    for (size_t i = 1; i < stretch.size(); ++i, ++bucket) {
      ASSIGN_OR_RETURN(value.histogram[bucket], CountOf(stretch[i], where));
      total += value.histogram[bucket];
    }
  }
  if (total != value.count) {
    return Damaged("the histogram of ", where, " holds ", total, " of ", value.count, " elements");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Int128>> ReadSums(const Json& json, int64_t channels,
                                             absl::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(json, where));
  std::vector<Int128> sums;
  for (absl::string_view part : absl::StrSplit(text, ' ')) {
    const absl::optional<Int128> sum = ParseDecimal(part);
    if (!sum) return Damaged("the sums of ", where, " hold '", part, "', which is no integer");
    sums.push_back(*sum);
  }
  if (static_cast<int64_t>(sums.size()) != channels) {
    return Damaged(sums.size(), " sums of ", where, ", which has ", channels, " channels");
  }
  return sums;
}

constexpr absl::string_view kValueKeys[] = {"count",     "min",  "max",  "lowest_row_max",
                                            "histogram", "rows", "sums", "squares"};

absl::Status ReadValue(const Json& json, const ir::Value& described,
                       const StatisticsPlan::Entry& plan, ValueStatistics& value) {
  const std::string where = absl::StrCat("value '", described.name, "'");
  RETURN_IF_ERROR(CheckKeys(json, kValueKeys, {}, where));
  if (json.contains("count") != plan.elements || json.contains("rows") != plan.channels) {
    return Damaged(where, " lacks what is gathered of it, or has what is not");
  }
  if (plan.elements) {
    RETURN_IF_ERROR(CheckKeys(json, kValueKeys, {"min", "max", "histogram"}, where));
    ASSIGN_OR_RETURN(value.count, CountOf(json["count"], where));
    ASSIGN_OR_RETURN(value.range.lo, FloatOf(json["min"], where));
    ASSIGN_OR_RETURN(value.range.hi, FloatOf(json["max"], where));
    if (value.range.empty()) return Damaged("the minimum of ", where, " is above its maximum");
    RETURN_IF_ERROR(ReadHistogram(json["histogram"], where, value));
  }
  if (json.contains("lowest_row_max") != plan.row_maxima) {
    return Damaged(where, plan.row_maxima ? " lacks" : " has", " a lowest_row_max");
  }
  if (plan.row_maxima) {
    ASSIGN_OR_RETURN(value.lowest_row_max, FloatOf(json["lowest_row_max"], where));
  }
  if (plan.channels) {
    RETURN_IF_ERROR(CheckKeys(json, kValueKeys, {"sums", "squares"}, where));
    ASSIGN_OR_RETURN(value.channels.rows, CountOf(json["rows"], where));
    const int64_t channels = described.type.shape.dims().back();
    ASSIGN_OR_RETURN(value.channels.sum, ReadSums(json["sums"], channels, where));
    ASSIGN_OR_RETURN(value.channels.square, ReadSums(json["squares"], channels, where));
  }
  return absl::OkStatus();
}

absl::Status CheckOrigin(const Json& json, const StatisticsOrigin& origin) {
  ASSIGN_OR_RETURN(const std::string tool, TextOf(json["tool"], "tool"));
  if (tool != origin.tool) {
    return Damaged("made by ", tool, "; this is ", origin.tool, ": gather them again");
  }
  RETURN_IF_ERROR(
      CheckKeys(json["model"], {"hash", "weight_bytes"}, {"hash", "weight_bytes"}, "model"));
  ASSIGN_OR_RETURN(const std::string hash, TextOf(json["model"]["hash"], "the model's hash"));
  if (!json["model"]["weight_bytes"].is_number_integer()) {
    return Damaged("the model's weight_bytes is no integer");
  }
  const int64_t weight_bytes = json["model"]["weight_bytes"].get<int64_t>();
  if (hash != origin.model_hash || weight_bytes != origin.weight_bytes) {
    return Damaged("made for another model (graph ", hash, " with ", weight_bytes,
                   " bytes of weights; this one is ", origin.model_hash, " with ",
                   origin.weight_bytes, ")");
  }
  ASSIGN_OR_RETURN(const std::string graph, TextOf(json["graph"], "graph"));
  if (graph != origin.graph) {
    return Damaged(
        "made for this model, but with other weights, inputs bound in another way "
        "(--grid, --bind, --shape), or other rewrites (",
        graph, "; this is ", origin.graph, ")");
  }
  return absl::OkStatus();
}

}  // namespace

std::string GraphDigest(const ir::Graph& graph) {
  const std::string text = ir::PrintGraph(graph);
  ir::Digest digest;
  digest.Update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  return digest.Hex();
}

std::string PrintStatistics(const ir::Graph& graph, const StatisticsOrigin& origin, bool complete,
                            const Statistics& statistics, bool has_hessians) {
  std::vector<std::string> samples;
  for (const auto& [digest, times] : statistics.samples) {
    samples.push_back(absl::StrCat("\"", digest, "\": ", times));
  }
  std::vector<std::string> values;
  for (size_t i = 0; i < statistics.values.size(); ++i) {
    const ValueStatistics& value = statistics.values[i];
    if (value.count == 0 && value.channels.empty()) continue;
    const std::string& name = graph.value(static_cast<ir::ValueId>(i)).name;
    values.push_back(absl::StrCat(Quoted(name), ": ", ValueText(value)));
  }
  return absl::StrCat(
      "{\"schema_version\": 1,\n \"tool\": ", Quoted(origin.tool),
      ",\n \"isa\": ", Quoted(origin.isa), ",\n \"model\": {\"hash\": ", Quoted(origin.model_hash),
      ", \"weight_bytes\": ", origin.weight_bytes, "},\n \"graph\": ", Quoted(origin.graph),
      ",\n \"complete\": ", complete ? "true" : "false",
      has_hessians ? ",\n \"hessians\": true" : "", ",\n \"samples\": {",
      absl::StrJoin(samples, ",\n  "), "},\n \"values\": {\n  ", absl::StrJoin(values, ",\n  "),
      "}}\n");
}

absl::StatusOr<StatisticsFile> ParseStatistics(absl::string_view text, const ir::Graph& graph,
                                               const StatisticsOrigin& origin) {
  text = text.substr(0, text.find('\0'));
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Damaged("not JSON");
  if (!json.is_object() || !json.contains("schema_version") || json["schema_version"] != 1) {
    return Damaged(
        "schema_version is not 1: written by another version of this tool, or no "
        "statistics");
  }
  constexpr absl::string_view kKeys[] = {"hessians", "schema_version", "tool",    "isa",   "model",
                                         "graph",    "complete",       "samples", "values"};
  RETURN_IF_ERROR(CheckKeys(json, kKeys, absl::MakeConstSpan(kKeys).subspan(1), "the file"));
  RETURN_IF_ERROR(CheckOrigin(json, origin));
  StatisticsFile file;
  ASSIGN_OR_RETURN(file.isa, TextOf(json["isa"], "isa"));
  for (const auto& [key, flag] :
       {std::pair("complete", &file.complete), std::pair("hessians", &file.has_hessians)}) {
    if (!json.contains(key)) continue;
    if (!json[key].is_boolean()) return Damaged(key, " is neither true nor false");
    *flag = json[key].get<bool>();
  }

  const StatisticsPlan plan(graph);
  file.statistics = plan.Empty();
  if (!json["samples"].is_object() || !json["values"].is_object()) {
    return Damaged("samples and values must be objects");
  }
  for (const auto& item : json["samples"].items()) {
    ASSIGN_OR_RETURN(const uint64_t times, CountOf(item.value(), "a sample"));
    file.statistics.samples[item.key()] = static_cast<int64_t>(times);
  }
  absl::flat_hash_map<std::string, ir::ValueId> by_name;
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) by_name[graph.value(id).name] = id;
  for (const auto& item : json["values"].items()) {
    const auto found = by_name.find(item.key());
    if (found == by_name.end()) return Damaged("the model has no value '", item.key(), "'");
    RETURN_IF_ERROR(ReadValue(item.value(), graph.value(found->second), plan.entries[found->second],
                              file.statistics.values[found->second]));
  }
  return file;
}

}  // namespace g4c::quantization
