// compare A B --inputs ...
#include <cmath>
#include <iostream>
#include <limits>

#include "base/progress.h"
#include "gemma4_circle_export/machine.h"
#include "gemma4_circle_export/model_runner.h"
#include "gemma4_circle_export/smoke_summary.h"
#include "gemma4_circle_export/verbs.h"

namespace g4c::tools {
namespace {

// The first `rows` rows of the patch axis (axis 1 of [batch, patches, channels]) where the output
// has one.
ir::Tensor ValidPart(const ir::Tensor& output, int64_t rows) {
  if (rows < 0 || output.rank() < 3 || output.dims()[1] <= rows) return output;
  return output.Sliced(1, 0, rows);
}

}  // namespace

absl::Status Compare(const CompareOptions& options) {
  RETURN_IF_ERROR(ApplyMachineOptions(options.machine));
  ASSIGN_OR_RETURN(const auto a, ModelRunner::Open(options.a, options.binding, options.inputs));
  ASSIGN_OR_RETURN(const auto b, ModelRunner::Open(options.b, options.binding, options.inputs));
  if (a->graph().outputs().size() != b->graph().outputs().size()) {
    return InvalidInput("'", options.a, "' has ", a->graph().outputs().size(), " outputs, '",
                        options.b, "' has ", b->graph().outputs().size());
  }
  ASSIGN_OR_RETURN(const auto samples_a, a->OpenInputs(options.inputs));
  ASSIGN_OR_RETURN(const auto samples_b, b->OpenInputs(options.inputs));
  const int64_t rows =
      options.valid_rows ? *options.valid_rows : std::max(a->valid_rows(), b->valid_rows());

  std::vector<Difference> differences;
  for (const ir::GraphOutput& output : a->graph().outputs()) differences.emplace_back(output.name);
  {
    Progress progress("compare", "samples", samples_a->size());
    for (int64_t i = 0; i < samples_a->size(); ++i) {
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs_a, samples_a->Get(i));
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs_b, samples_b->Get(i));
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> outputs_a, a->Run(inputs_a, /*raw=*/false));
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> outputs_b, b->Run(inputs_b, /*raw=*/false));
      for (size_t k = 0; k < outputs_a.size(); ++k) {
        if (outputs_a[k].dims() != outputs_b[k].dims()) {
          differences[k].SetShapeMismatch(outputs_a[k].dims(), outputs_b[k].dims());
          continue;
        }
        differences[k].Add(ValidPart(outputs_a[k], rows).Floats(),
                           ValidPart(outputs_b[k], rows).Floats());
      }
      progress.Advance();
    }
  }

  const double min_snr = options.min_snr.value_or(-std::numeric_limits<double>::infinity());
  if (options.json) {
    std::cout << SmokeJson(differences, min_snr);
  } else {
    std::cout << SmokeTable(differences, min_snr);
    for (const Difference& difference : differences) std::cout << "\n" << difference.Scatter();
  }
  for (const Difference& difference : differences) {
    if (!Passes(difference, min_snr))
      return FindingsError(absl::StrCat("output '", difference.name(), "' differs"));
  }
  return absl::OkStatus();
}

}  // namespace g4c::tools
