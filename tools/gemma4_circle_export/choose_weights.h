// --weights-by: the weights of an export.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_CHOOSE_WEIGHTS_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_CHOOSE_WEIGHTS_H_

#include "absl/status/status.h"
#include "gemma4_circle_export/calibration.h"
#include "gemma4_circle_export/export_report.h"
#include "gemma4_circle_export/options.h"
#include "quantization/constants.h"
#include "quantization/formats.h"

namespace g4c::tools {

// Chooses qparams, and integers, of the weights that have none, where that takes more than
// QuantizeConstants. Made-up samples, and statistics of them, are not used. Warns of linears with
// too few calibration rows. InvalidInput: GPTQ is asked for, with neither samples nor Hessians.
absl::Status ChooseWeights(const ExportOptions& options,
                           const quantization::ConstantOptions& constants,
                           const quantization::Formats& formats, const Calibration& calibration,
                           ir::Graph& graph, ExportReport& report);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_CHOOSE_WEIGHTS_H_
