// A quantiser configuration: rules that say how finely what is quantised. docs/quantization.md has
// the schema and an example.
#ifndef QUANTIZATION_CONFIG_H_
#define QUANTIZATION_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "ir/dtype.h"
#include "quantization/observer.h"

namespace g4c::quantization {

enum class Role : uint8_t {
  kActivation,  // a graph input or the result of an operator
  kInput,       // a graph input
  kOutput,      // a graph output
  kWeight,      // the matrix of a fully connected layer
  kBias,
};

// What a rule picks (all of it must hold; empty picks anything), and what it sets.
struct ConfigRule {
  std::string module;  // a pattern of module paths: * any text, ? one character
  std::string op;      // an operator as the audit names it; INPUT for graph inputs
  absl::optional<Role> role;

  absl::optional<ir::DType> dtype;  // kF32: kept in float
  absl::optional<bool> per_channel;
  absl::optional<bool> symmetric;
  absl::optional<Observer> observer;
};

struct Config {
  // What no rule decides; nullopt: the command line's, or its default.
  absl::optional<ir::DType> activation;
  absl::optional<ir::DType> weight;
  absl::optional<Observer> observer;
  std::vector<ConfigRule> rules;
};

// InvalidInput naming the rule for an unknown key, role, operator, dtype or observer, for a dtype
// that the role cannot have, and for a rule that sets nothing.
absl::StatusOr<Config> ParseConfig(absl::string_view json);
std::string PrintConfig(const Config& config);
// "rule 2 {"module": ...}", counted from 1.
std::string RuleText(const Config& config, int rule);

// Whether the whole text matches: * any text, ? one character.
bool MatchesPattern(absl::string_view pattern, absl::string_view text);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_CONFIG_H_
