#include "backend/target_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "ir/circle_name.h"

namespace g4c::backend {
namespace {

using Json = nlohmann::ordered_json;
using ir::DType;
using ir::OperatorForm;
using ir::ValueClause;

// Reads the keys of one JSON object. The first error sticks; Finish also refuses keys that nobody
// asked for.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json_.is_object()) Fail("is no object");
  }

  const Json* Find(const std::string& key) {
    known_.push_back(key);
    if (!status_.ok()) return nullptr;
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

  template <typename T>
  void Take(const std::string& key, T& out) {
    const Json* json = Find(key);
    if (json == nullptr) return;
    if (!Holds<T>(*json)) return Fail(absl::StrCat(key, " has the wrong type"));
    out = json->get<T>();
  }
  template <typename T>
  void Take(const std::string& key, absl::optional<T>& out) {
    if (Find(key) == nullptr) return;
    T taken{};
    Take(key, taken);
    out = taken;
  }

  // Runs `read` on the value of a key, with its place.
  template <typename Read>
  void With(const std::string& key, Read&& read) {
    const Json* json = Find(key);
    if (json != nullptr) Adopt(read(*json, absl::StrCat(where_, ".", key)));
  }

  void Adopt(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  void Fail(absl::string_view what) { Adopt(InvalidInput(where_, ": ", what)); }

  absl::Status Finish() {
    if (!status_.ok()) return status_;
    for (const auto& item : json_.items()) {
      if (std::find(known_.begin(), known_.end(), item.key()) != known_.end()) continue;
      return InvalidInput(where_, ": unknown key '", item.key(), "'; known are ",
                          absl::StrJoin(known_, ", "));
    }
    return absl::OkStatus();
  }

 private:
  template <typename T>
  static bool Holds(const Json& json) {
    if constexpr (std::is_same_v<T, bool>) return json.is_boolean();
    if constexpr (std::is_same_v<T, std::string>) return json.is_string();
    if constexpr (std::is_unsigned_v<T>) return json.is_number_unsigned();
    if constexpr (std::is_integral_v<T>) return json.is_number_integer();
    return json.is_number();
  }

  const Json& json_;
  std::string where_;
  std::vector<std::string> known_;
  absl::Status status_;
};

absl::Status ReadDTypes(absl::string_view text, const std::string& where,
                        std::vector<DType>& dtypes) {
  for (absl::string_view name : absl::StrSplit(text, '|')) {
    const absl::optional<DType> dtype = ir::ParseDType(name);
    if (!dtype) return InvalidInput(where, ": unknown dtype '", name, "'");
    dtypes.push_back(*dtype);
  }
  return absl::OkStatus();
}

// "f32", "u8|i8", "-|i32", "=", "any"
absl::Status ReadTypes(const std::string& text, const std::string& where, ValueClause& clause) {
  std::vector<std::string> names = absl::StrSplit(text, '|');
  const auto omitted = std::find(names.begin(), names.end(), "-");
  if (omitted != names.end()) {
    clause.may_be_omitted = true;
    names.erase(omitted);
  }
  if (names.empty()) clause.absent = true;
  if (names.empty() || names == std::vector<std::string>{"any"}) return absl::OkStatus();
  if (names == std::vector<std::string>{"="}) {
    clause.same = true;
    return absl::OkStatus();
  }
  return ReadDTypes(absl::StrJoin(names, "|"), where, clause.dtypes);
}

absl::Status ReadGranularity(const Json& json, const std::string& where, bool& per_channel) {
  if (json != "tensor" && json != "channel") {
    return InvalidInput(where, ": ", json.dump(), " is none of \"tensor\", \"channel\"");
  }
  per_channel = json == "channel";
  return absl::OkStatus();
}

// The keys that an operand, a result, or a form of one dtype may have.
void ReadConditions(Reader& reader, ValueClause& clause) {
  reader.With("granularity", [&](const Json& json, const std::string& where) {
    return ReadGranularity(json, where, clause.per_channel);
  });
  reader.Take("zero_point", clause.zero_point);
  reader.Take("scale", clause.scale);
  reader.Take("max_span", clause.max_span);
}

absl::Status ReadValueClause(const Json& json, const std::string& where, ValueClause& clause) {
  if (json.is_string()) return ReadTypes(json.get<std::string>(), where, clause);
  Reader reader(json, where);
  std::string dtype = "any";
  reader.Take("dtype", dtype);
  reader.Adopt(ReadTypes(dtype, where + ".dtype", clause));
  reader.Take("constant", clause.constant);
  ReadConditions(reader, clause);
  return reader.Finish();
}

absl::Status ReadClauses(const Json& json, const std::string& where,
                         std::vector<ValueClause>& clauses) {
  if (!json.is_array() || json.empty()) return InvalidInput(where, ": is no list of operands");
  for (size_t i = 0; i < json.size(); ++i) {
    RETURN_IF_ERROR(
        ReadValueClause(json[i], absl::StrCat(where, "[", i, "]"), clauses.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status ReadRank(const Json& json, const std::string& where, OperatorForm& form) {
  if (!json.is_array() || json.size() != 2 || !json[0].is_number_unsigned() ||
      !json[1].is_number_unsigned()) {
    return InvalidInput(where, ": is no pair [lowest, highest]");
  }
  form.min_rank = json[0].get<int>();
  form.max_rank = json[1].get<int>();
  return absl::OkStatus();
}

absl::Status ReadActivations(const Json& json, const std::string& where, OperatorForm& form) {
  const absl::Span<const absl::string_view> names = ir::EnumNames(ir::Activation());
  if (!json.is_array()) return InvalidInput(where, ": is no list");
  for (const Json& item : json) {
    const std::string name = item.is_string() ? item.get<std::string>() : item.dump();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      return InvalidInput(where, ": '", name, "' is none of ", absl::StrJoin(names, ", "));
    }
    form.activations.push_back(static_cast<ir::Activation>(found - names.begin()));
  }
  return absl::OkStatus();
}

absl::Status ReadForm(const Json& json, const std::string& where, OperatorForm& form) {
  Reader reader(json, where);
  const bool uniform = json.is_object() && json.contains("dtype");
  if (uniform && (json.contains("operands") || json.contains("results"))) {
    reader.Fail("has dtype, which excludes operands and results");
  }
  if (uniform) {
    // One dtype, with these conditions, for all operands and results.
    ValueClause result;
    std::string dtype;
    reader.Take("dtype", dtype);
    reader.Adopt(ReadTypes(dtype, where + ".dtype", result));
    ReadConditions(reader, result);
    ValueClause operand = result;
    operand.dtypes.clear();
    operand.same = true;
    form.operands = {operand};
    form.results = {result, operand};
  } else {
    reader.With("operands", [&](const Json& list, const std::string& place) {
      return ReadClauses(list, place, form.operands);
    });
    reader.With("results", [&](const Json& list, const std::string& place) {
      return ReadClauses(list, place, form.results);
    });
    if (form.operands.empty() != form.results.empty()) {
      reader.Fail("has only one of operands and results");
    }
    if (form.operands.empty()) {
      ValueClause any;
      any.per_channel = true;
      any.may_be_omitted = true;
      form.operands = {any};
      form.results = {any};
    }
  }
  reader.With("rank", [&](const Json& pair, const std::string& place) {
    return ReadRank(pair, place, form);
  });
  reader.Take("max_last_dim", form.max_last_dim);
  reader.Take("equal_qparams", form.equal_qparams);
  reader.With("activations", [&](const Json& list, const std::string& place) {
    return ReadActivations(list, place, form);
  });
  reader.Take("result_rank", form.result_rank);
  reader.Take("why", form.why);
  return reader.Finish();
}

absl::Status ReadOperators(const Json& json, const std::string& where, ir::Target& target) {
  if (!json.is_object()) return InvalidInput(where, ": is no object");
  for (const auto& item : json.items()) {
    const std::string place = absl::StrCat(where, ".", item.key());
    if (!ir::IsCircleName(item.key())) return InvalidInput(place, ": unknown operator");
    if (!item.value().is_array() || item.value().empty()) {
      return InvalidInput(place, ": is no list of forms");
    }
    std::vector<OperatorForm>& forms = target.operators[item.key()];
    for (size_t i = 0; i < item.value().size(); ++i) {
      RETURN_IF_ERROR(
          ReadForm(item.value()[i], absl::StrCat(place, "[", i, "]"), forms.emplace_back()));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadFile(const Json& json, const std::string& where, ir::Target& target) {
  Reader reader(json, where);
  reader.Take("identifier", target.identifier);
  if (target.identifier != "CIR0" && target.identifier != "TFL3") {
    reader.Fail(absl::StrCat("identifier '", target.identifier, "' is none of CIR0, TFL3"));
  }
  reader.Take("offset_constants", target.offset_constants);
  reader.Take("max_bytes", target.max_file_bytes);
  return reader.Finish();
}

absl::Status ReadIo(const Json& json, const std::string& where, ir::Target& target) {
  Reader reader(json, where);
  std::string dtypes;
  reader.Take("dtype", dtypes);
  if (!dtypes.empty()) reader.Adopt(ReadDTypes(dtypes, where + ".dtype", target.io_dtypes));
  reader.Take("max_rank", target.io_max_rank);
  return reader.Finish();
}

absl::Status ReadDefaults(const Json& json, const std::string& where, ir::Target& target) {
  Reader reader(json, where);
  for (const auto& [key, dtype] : {std::pair<const char*, DType*>{"activation", &target.activation},
                                   std::pair<const char*, DType*>{"weight", &target.weight}}) {
    std::string text;
    reader.Take(key, text);
    if (text.empty()) continue;
    const absl::optional<DType> parsed = ir::ParseDType(text);
    if (!parsed) reader.Fail(absl::StrCat(key, ": unknown dtype '", text, "'"));
    *dtype = parsed.value_or(*dtype);
  }
  return reader.Finish();
}

absl::Status ReadRules(const Json& json, const std::string& where, ir::Target& target) {
  if (!json.is_array()) return InvalidInput(where, ": is no list");
  for (const Json& rule : json) {
    if (!rule.is_string()) return InvalidInput(where, ": ", rule.dump(), " is no name");
    target.rules.push_back(rule.get<std::string>());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ir::Target> ParseTarget(absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return InvalidInput("is no JSON");
  ir::Target target;
  Reader reader(json, "target");
  int64_t version = 0;
  reader.Take("schema_version", version);
  if (version != 1) reader.Fail("schema_version is not 1");
  reader.Take("name", target.name);
  if (target.name.empty()) reader.Fail("has no name");
  reader.Take("about", target.about);
  const auto section = [&](const char* key,
                           absl::Status (*read)(const Json&, const std::string&, ir::Target&)) {
    // Places are told from the top: "operators.ADD[0]".
    const Json* found = reader.Find(key);
    if (found != nullptr) reader.Adopt(read(*found, key, target));
  };
  section("file", ReadFile);
  section("io", ReadIo);
  section("defaults", ReadDefaults);
  section("rules", ReadRules);
  section("operators", ReadOperators);
  if (target.operators.empty()) reader.Fail("has no operators");
  RETURN_IF_ERROR(reader.Finish());
  return target;
}

absl::StatusOr<ir::Target> LoadTarget(const std::string& name) {
  absl::Span<const BuiltinTarget> builtin = BuiltinTargets();
  const auto found = std::find_if(builtin.begin(), builtin.end(),
                                  [&](const BuiltinTarget& target) { return target.name == name; });
  if (found != builtin.end()) return ParseTarget(found->json);
  ASSIGN_OR_RETURN(const auto mapped, MappedFile::Open(name));
  absl::StatusOr<ir::Target> target = ParseTarget(mapped->text());
  if (!target.ok()) return Prefixed(target.status(), absl::StrCat("'", name, "': "));
  return target;
}

}  // namespace g4c::backend
