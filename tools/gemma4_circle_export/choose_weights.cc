#include "gemma4_circle_export/choose_weights.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "quantization/quantize_weights.h"

namespace g4c::tools {

absl::Status ChooseWeights(const ExportOptions& options,
                           const quantization::ConstantOptions& constants,
                           const quantization::Formats& formats,
                           const quantization::Samples* samples,
                           const quantization::Statistics* statistics, ir::Graph& graph,
                           ExportReport& report) {
  if (!constants.weight || options.weights_by == "rtn") return absl::OkStatus();
  if (samples != nullptr && samples->synthetic()) {
    samples = nullptr;
    statistics = nullptr;
  }
  quantization::WeightOptions weights;
  weights.dtype = *constants.weight;
  weights.dtypes = formats.WeightDTypes();
  weights.activation = constants.activation;
  weights.memory_bytes = options.spill_above;
  weights.method = options.weights_by == "mse" || samples == nullptr
                       ? quantization::WeightMethod::kMse
                       : quantization::WeightMethod::kGptq;
  ASSIGN_OR_RETURN(const quantization::WeightNotes notes,
                   quantization::QuantizeWeights(graph, samples, statistics, weights));
  if (!notes.short_of_rows.empty()) {
    report.Warn(absl::StrCat("fewer calibration rows than input channels at ",
                             notes.short_of_rows.size(), " linears, first at ",
                             notes.short_of_rows[0],
                             ": GPTQ's sums are damped there; give more samples"));
  }
  return absl::OkStatus();
}

}  // namespace g4c::tools
