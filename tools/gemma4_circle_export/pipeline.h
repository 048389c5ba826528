// The export, from the ONNX file to the written Circle file: the order of all phases.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_PIPELINE_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_PIPELINE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gemma4_circle_export/options.h"
#include "ir/graph.h"
#include "passes/pass_runner.h"

namespace g4c::tools {

// Runs the whole export: writes the file and what was asked for beside it, prints the summary to
// stderr.
absl::Status Export(const ExportOptions& options);

// A model that is bound and folded: what the export and the verbs that run an .onnx share.
struct FoldedModel {
  ir::Graph graph;
  std::string hash;                // of the source graph without weights
  int64_t weight_bytes = 0;        // of the source's initializers
  std::vector<std::string> files;  // every file that was read
  std::vector<std::string> notes;
  absl::optional<ir::Tensor> valid;  // bool [B, S]: which patches are real, where ids are bound
};

// Loads, binds and folds. For a run, `adopt_shapes` gives shapes to inputs that the model leaves
// open, and all inputs may stay unbound; for an export it is null.
absl::StatusOr<FoldedModel> LoadAndFold(
    const std::string& path, const InputOptions& inputs, passes::PassRunner& runner,
    const std::function<absl::Status(ir::Graph&)>& adopt_shapes);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_PIPELINE_H_
