// From --bind, --grid, --profile, --seq-len and --shape to what passes/bind_inputs.h takes.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_BINDINGS_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_BINDINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gemma4_circle_export/options.h"
#include "passes/bind_inputs.h"

namespace g4c::tools {

// Reads the .npy files and the profile. `files` (may be null) gets every path that was read.
// InvalidInput names the file; an unknown profile lists the known ones.
absl::StatusOr<passes::Bindings> ReadBindings(const InputOptions& options,
                                              std::vector<std::string>* files);

// An array of a .npy as a tensor. Unsupported dtypes are InvalidInput.
absl::StatusOr<ir::Tensor> ReadTensor(const std::string& path);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_BINDINGS_H_
