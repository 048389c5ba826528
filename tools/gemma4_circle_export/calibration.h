// The calibration of an export: samples are run, statistics files read, merged and written.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_CALIBRATION_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_CALIBRATION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "gemma4_circle_export/export_report.h"
#include "gemma4_circle_export/options.h"
#include "gemma4_circle_export/pipeline.h"
#include "quantization/hessian_file.h"
#include "quantization/samples.h"
#include "quantization/statistics.h"

namespace g4c::tools {

struct Calibration {
  quantization::Statistics statistics;
  // What --calibration gives, or made-up samples; null where there are only statistics files.
  std::unique_ptr<quantization::Samples> samples;
  // Those of the files, where all of them have some and no samples are added; else null.
  std::unique_ptr<quantization::SavedHessians> hessians;

  bool synthetic() const { return samples != nullptr && samples->synthetic(); }
};

// What --calibration gives. Without it: null beside --load-stats, else made-up samples, of which
// the report warns.
absl::StatusOr<std::unique_ptr<quantization::Samples>> OpenCalibration(const ExportOptions& options,
                                                                       const ir::Graph& graph,
                                                                       ExportReport& report);

// The statistics of `model.graph`, in which no qparams are chosen yet: those of --load-stats, and
// of the file of --save-stats where that is resumed, and of all samples that these do not count.
// Writes --save-stats, also every half minute, marked as not complete, while samples run; with
// --stats hessian the Hessians of all samples behind it, which takes a second pass over those that
// no file has Hessians of. InvalidInput where that needs samples that are not at hand.
absl::StatusOr<Calibration> Calibrate(const ExportOptions& options, const FoldedModel& model,
                                      ExportReport& report);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_CALIBRATION_H_
