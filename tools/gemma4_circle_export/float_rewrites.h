// --rewrite: the rewrites of weights that are exact in float and make integers lose less.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_FLOAT_REWRITES_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_FLOAT_REWRITES_H_

#include <map>
#include <string>
#include <vector>

#include "gemma4_circle_export/calibration.h"
#include "gemma4_circle_export/export_report.h"
#include "gemma4_circle_export/options.h"
#include "passes/pass_runner.h"
#include "quantization/applied_rewrite.h"
#include "quantization/config.h"

namespace g4c::tools {

// From "NAME=on" and "NAME=off". UsageError: another name or state.
absl::StatusOr<std::map<std::string, bool>> ParseRewrites(const std::vector<std::string>& texts);

// Applies the rewrites that are on: those of --rewrite NAME=on, and those that are so by default.
// The samples of `calibration` are then observed anew, since statistics describe one form of the
// model. Reports what each rewrite gained. UsageError: a rewrite was asked for where no samples are
// run. Returns what was done; nothing changed where that is empty.
absl::StatusOr<std::vector<quantization::AppliedRewrite>> RewriteFloat(
    const ExportOptions& options, const quantization::Config& config, passes::PassRunner& runner,
    ir::Graph& graph, Calibration& calibration, ExportReport& report);

// Does again what a qparams file says was done.
absl::Status RepeatRewrites(const std::vector<quantization::AppliedRewrite>& rewrites,
                            passes::PassRunner& runner, ir::Graph& graph);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_FLOAT_REWRITES_H_
