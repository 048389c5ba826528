// Target files: docs/targets.md is their manual.
#ifndef BACKEND_TARGET_FILE_H_
#define BACKEND_TARGET_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/target.h"

namespace g4c::backend {

// InvalidInput naming the place for what is no JSON, for another schema_version, an unknown or
// missing key, and an unknown operator, dtype, identifier or fused activation. Names of rules are
// the legaliser's matter.
absl::StatusOr<ir::Target> ParseTarget(absl::string_view json);

// The targets of backend/targets, compiled in.
struct BuiltinTarget {
  absl::string_view name;
  absl::string_view json;
};
absl::Span<const BuiltinTarget> BuiltinTargets();

// A built-in target by its name, or the file of a name that ends in .json. InvalidInput: no such
// target, or ParseTarget's errors with the file's name.
absl::StatusOr<ir::Target> LoadTarget(const std::string& name);

}  // namespace g4c::backend

#endif  // BACKEND_TARGET_FILE_H_
