#include "passes/fold_constants.h"

namespace g4c::passes {

absl::StatusOr<bool> FoldConstants::Run(ir::Graph& graph, Report& report) {
  ConstantFolder folder(graph, report, std::string(name()), options_);
  std::vector<ir::ValueId> roots;
  for (const ir::GraphOutput& output : graph.outputs()) roots.push_back(output.value);
  RETURN_IF_ERROR(folder.Fold(roots));
  return folder.Finish();
}

}  // namespace g4c::passes
