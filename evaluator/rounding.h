// Whose roundings the integer kernels follow.
#ifndef EVALUATOR_ROUNDING_H_
#define EVALUATOR_ROUNDING_H_

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace g4c::evaluator {

enum class Rounding {
  kExact,   // one rounding of the exact result, to nearest, ties to even
  kLitert,  // as LiteRT's kernels compute (docs/integer_semantics.md, "As LiteRT rounds")
};

// By its name, "exact" or "litert".
inline absl::optional<Rounding> RoundingOf(absl::string_view name) {
  if (name == "exact") return Rounding::kExact;
  if (name == "litert") return Rounding::kLitert;
  return absl::nullopt;
}

}  // namespace g4c::evaluator

#endif  // EVALUATOR_ROUNDING_H_
