#include "gemma4_circle_export/choose_weights.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "quantization/quantize_weights.h"

namespace g4c::tools {

absl::Status ChooseWeights(const ExportOptions& options,
                           const quantization::ConstantOptions& constants,
                           const quantization::Formats& formats, const Calibration& calibration,
                           ir::Graph& graph, ExportReport& report) {
  if (!constants.weight || options.weights_by == "rtn") return absl::OkStatus();
  quantization::WeightEvidence evidence;
  if (!calibration.synthetic()) {
    evidence = {calibration.samples.get(), &calibration.statistics, calibration.hessians.get()};
  }
  const bool has_hessians = evidence.samples != nullptr || evidence.hessians != nullptr;
  if (options.weights_by == "gptq" && !has_hessians) {
    return InvalidInput(
        "--weights-by gptq needs --calibration, or Hessians in the files of --load-stats (gather "
        "them with --stats hessian)");
  }
  quantization::WeightOptions weights;
  weights.dtype = *constants.weight;
  weights.dtypes = formats.WeightDTypes();
  weights.activation = constants.activation;
  weights.memory_bytes = options.spill_above;
  weights.method = options.weights_by == "mse" || !has_hessians ? quantization::WeightMethod::kMse
                                                                : quantization::WeightMethod::kGptq;
  ASSIGN_OR_RETURN(const quantization::WeightNotes notes,
                   quantization::QuantizeWeights(graph, evidence, weights));
  if (!notes.short_of_rows.empty()) {
    report.Warn(absl::StrCat("fewer calibration rows than input channels at ",
                             notes.short_of_rows.size(), " linears, first at ",
                             notes.short_of_rows[0],
                             ": GPTQ's sums are damped there; give more samples"));
  }
  return absl::OkStatus();
}

}  // namespace g4c::tools
