#include "quantization/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "ir/op.h"

namespace g4c::quantization {
namespace {

using Json = nlohmann::ordered_json;
using ir::DType;

constexpr std::pair<Role, absl::string_view> kRoles[] = {
    {Role::kActivation, "activation"}, {Role::kInput, "input"}, {Role::kOutput, "output"},
    {Role::kWeight, "weight"},         {Role::kBias, "bias"},
};

const std::vector<DType>& DTypesOf(absl::optional<Role> role) {
  static const auto& activations =
      *new std::vector<DType>{DType::kU8, DType::kI8, DType::kI16, DType::kF32};
  static const auto& weights = *new std::vector<DType>{DType::kU8, DType::kI8,  DType::kU4,
                                                       DType::kI4, DType::kI16, DType::kF32};
  static const auto& biases = *new std::vector<DType>{DType::kF32};
  // Without a role, what activations and weights can both have.
  if (!role) return activations;
  return *role == Role::kWeight ? weights : *role == Role::kBias ? biases : activations;
}

std::string DTypeText(DType dtype) {
  return dtype == DType::kF32 ? "float" : std::string(ir::DTypeName(dtype));
}

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return InvalidInput("configuration: ", parts...);
}

bool IsOperator(const std::string& name) {
  if (name == "INPUT") return true;
#define G4C_OP(Struct, text, ...) \
  if (absl::AsciiStrToUpper(text) == name) return true;
#include "ir/op_table.inc"
#undef G4C_OP
  return false;
}

absl::Status CheckKeys(const Json& json, absl::Span<const absl::string_view> known,
                       absl::string_view where) {
  if (!json.is_object()) return Wrong(where, " is no object");
  for (const auto& item : json.items()) {
    if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
    return Wrong("unknown key '", item.key(), "' in ", where, "; known are ",
                 absl::StrJoin(known, ", "));
  }
  return absl::OkStatus();
}

// The text of a key that may be absent.
absl::StatusOr<std::string> TextOf(const Json& json, const char* key, absl::string_view where) {
  if (!json.contains(key)) return std::string();
  if (!json[key].is_string() || json[key].get_ref<const std::string&>().empty()) {
    return Wrong("'", key, "' of ", where, " is no text: ", json[key].dump());
  }
  return json[key].get<std::string>();
}

absl::StatusOr<absl::optional<DType>> DTypeOf(const Json& json, const char* key,
                                              const std::vector<DType>& allowed,
                                              absl::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(json, key, where));
  if (text.empty()) return absl::optional<DType>();
  for (DType dtype : allowed) {
    if (DTypeText(dtype) == text) return absl::optional<DType>(dtype);
  }
  return Wrong("'", key, "' of ", where, " is '", text, "', which is none of ",
               absl::StrJoin(allowed, ", ", [](std::string* out, DType dtype) {
                 absl::StrAppend(out, DTypeText(dtype));
               }));
}

absl::StatusOr<absl::optional<Observer>> ObserverOf(const Json& json, absl::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(json, "observer", where));
  if (text.empty()) return absl::optional<Observer>();
  const absl::optional<Observer> observer = ParseObserver(text);
  if (observer) return observer;
  return Wrong("'observer' of ", where, " is '", text, "', which is none of ",
               absl::StrJoin(ObserverNames(), ", "));
}

absl::StatusOr<absl::optional<Role>> RoleOf(const Json& json, absl::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(json, "role", where));
  if (text.empty()) return absl::optional<Role>();
  std::vector<absl::string_view> names;
  for (const auto& [role, name] : kRoles) {
    if (name == text) return absl::optional<Role>(role);
    names.push_back(name);
  }
  return Wrong("'role' of ", where, " is '", text, "', which is none of ",
               absl::StrJoin(names, ", "));
}

absl::StatusOr<ConfigRule> ReadRule(const Json& json, const std::string& where) {
  RETURN_IF_ERROR(CheckKeys(
      json, {"module", "op", "role", "dtype", "granularity", "symmetric", "observer"}, where));
  ConfigRule rule;
  ASSIGN_OR_RETURN(rule.module, TextOf(json, "module", where));
  ASSIGN_OR_RETURN(rule.op, TextOf(json, "op", where));
  if (!rule.op.empty() && !IsOperator(rule.op)) {
    return Wrong("'op' of ", where, " is '", rule.op,
                 "', which is no operator; they are called as in the audit, such as "
                 "FULLY_CONNECTED, and INPUT");
  }
  ASSIGN_OR_RETURN(rule.role, RoleOf(json, where));
  ASSIGN_OR_RETURN(rule.dtype, DTypeOf(json, "dtype", DTypesOf(rule.role), where));
  ASSIGN_OR_RETURN(const std::string granularity, TextOf(json, "granularity", where));
  if (!granularity.empty()) {
    if (granularity != "tensor" && granularity != "channel") {
      return Wrong("'granularity' of ", where, " is '", granularity,
                   "', which is none of tensor, channel");
    }
    if (rule.role != Role::kWeight) {
      return Wrong("'granularity' of ", where,
                   " needs the role weight: activations have one scale a tensor");
    }
    rule.per_channel = granularity == "channel";
  }
  if (json.contains("symmetric")) {
    if (!json["symmetric"].is_boolean()) return Wrong("'symmetric' of ", where, " is no Boolean");
    rule.symmetric = json["symmetric"].get<bool>();
  }
  ASSIGN_OR_RETURN(rule.observer, ObserverOf(json, where));
  if (rule.observer && rule.role == Role::kWeight) {
    return Wrong("'observer' of ", where,
                 " is for activations: how weights get their ranges says --weights-by");
  }
  if (rule.role == Role::kBias && (rule.observer || rule.symmetric)) {
    return Wrong(where, " sets more than 'dtype' of a bias, whose scale follows from its operands");
  }
  if (!rule.dtype && !rule.per_channel && !rule.symmetric && !rule.observer) {
    return Wrong(where, " sets nothing: give it a dtype, granularity, symmetric or observer");
  }
  return rule;
}

Json ToJson(const ConfigRule& rule) {
  Json json = Json::object();
  if (!rule.module.empty()) json["module"] = rule.module;
  if (!rule.op.empty()) json["op"] = rule.op;
  for (const auto& [role, name] : kRoles) {
    if (rule.role == role) json["role"] = std::string(name);
  }
  if (rule.dtype) json["dtype"] = DTypeText(*rule.dtype);
  if (rule.per_channel) json["granularity"] = *rule.per_channel ? "channel" : "tensor";
  if (rule.symmetric) json["symmetric"] = *rule.symmetric;
  if (rule.observer) json["observer"] = std::string(ObserverName(*rule.observer));
  return json;
}

std::string OneLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Wrong("not JSON");
  RETURN_IF_ERROR(
      CheckKeys(json, {"schema_version", "activation", "weight", "observer", "rules"}, "the file"));
  if (!json.contains("schema_version") || json["schema_version"] != 1) {
    return Wrong("schema_version is not 1");
  }
  Config config;
  // All of them in float is for --activation float and --weight float.
  const auto integers = [](std::vector<DType> dtypes) {
    dtypes.erase(std::remove(dtypes.begin(), dtypes.end(), DType::kF32), dtypes.end());
    return dtypes;
  };
  ASSIGN_OR_RETURN(config.activation,
                   DTypeOf(json, "activation", integers(DTypesOf(Role::kActivation)), "the file"));
  ASSIGN_OR_RETURN(config.weight,
                   DTypeOf(json, "weight", integers(DTypesOf(Role::kWeight)), "the file"));
  ASSIGN_OR_RETURN(config.observer, ObserverOf(json, "the file"));
  if (!json.contains("rules")) return config;
  if (!json["rules"].is_array()) return Wrong("'rules' is no list");
  for (const Json& item : json["rules"]) {
    const std::string where = absl::StrCat("rule ", config.rules.size() + 1, " ", OneLine(item));
    ASSIGN_OR_RETURN(ConfigRule rule, ReadRule(item, where));
    config.rules.push_back(std::move(rule));
  }
  return config;
}

std::string PrintConfig(const Config& config) {
  std::vector<std::string> members = {"{\"schema_version\": 1"};
  if (config.activation) {
    members.push_back(absl::StrCat(" \"activation\": \"", DTypeText(*config.activation), "\""));
  }
  if (config.weight) {
    members.push_back(absl::StrCat(" \"weight\": \"", DTypeText(*config.weight), "\""));
  }
  if (config.observer) {
    members.push_back(
        absl::StrCat(" \"observer\": \"", std::string(ObserverName(*config.observer)), "\""));
  }
  std::vector<std::string> rules;
  for (const ConfigRule& rule : config.rules) rules.push_back(OneLine(ToJson(rule)));
  members.push_back(absl::StrCat(" \"rules\": [", rules.empty() ? "" : "\n  ",
                                 absl::StrJoin(rules, ",\n  "), "]"));
  return absl::StrJoin(members, ",\n") + "}\n";
}

std::string RuleText(const Config& config, int rule) {
  return absl::StrCat("rule ", rule + 1, " ", OneLine(ToJson(config.rules[rule])));
}

bool MatchesPattern(absl::string_view pattern, absl::string_view text) {
  // Where a * was met last: what lies behind it may begin later.
  size_t star = absl::string_view::npos;
  size_t star_text = 0;
  size_t p = 0;
  size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] != '*' && pattern[p] == text[t]))) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace g4c::quantization
