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

// All elements that the inputs of a model have.
int64_t InputElements(const ModelRunner& model) {
  int64_t elements = 0;
  for (ir::ValueId input : model.graph().inputs())
    elements += ir::NumElements(model.graph().value(input).type.shape.dims());
  return elements;
}

// The inputs of `model` from a sample of `full`: the first patches of each where it takes fewer
// (a file written with --valid-rows-io).
absl::StatusOr<std::vector<ir::Tensor>> InputsFor(const ModelRunner& model, const ModelRunner& full,
                                                  const std::vector<ir::Tensor>& sample) {
  std::vector<ir::Tensor> inputs;
  for (ir::ValueId input : model.graph().inputs()) {
    const ir::Value& wanted = model.graph().value(input);
    const ir::Dims& dims = wanted.type.shape.dims();
    for (size_t i = 0; i < sample.size(); ++i) {
      if (full.graph().value(full.graph().inputs()[i]).name != wanted.name) continue;
      inputs.push_back(sample[i]);
      if (dims.size() == static_cast<size_t>(sample[i].rank()) && dims.size() >= 2 &&
          dims[1] < sample[i].dims()[1]) {
        inputs.back() = sample[i].Sliced(1, 0, dims[1]).Contiguous();
      }
      if (inputs.back().dims() == dims) break;
      return InvalidInput("input '", wanted.name, "' is ", ir::ShapeText(wanted.type.shape),
                          " in one file and ", ir::ShapeText(ir::Shape(sample[i].dims())),
                          " in the other");
    }
  }
  if (inputs.size() != model.graph().inputs().size())
    return InvalidInput("the two files have inputs of different names");
  return inputs;
}

}  // namespace

absl::Status Compare(const CompareOptions& options) {
  RETURN_IF_ERROR(ApplyMachineOptions(options.machine));
  ASSIGN_OR_RETURN(const auto a,
                   ModelRunner::Open(options.a, options.binding, options.inputs, options.rounding));
  ASSIGN_OR_RETURN(const auto b,
                   ModelRunner::Open(options.b, options.binding, options.inputs, options.rounding));
  if (a->graph().outputs().size() != b->graph().outputs().size()) {
    return InvalidInput("'", options.a, "' has ", a->graph().outputs().size(), " outputs, '",
                        options.b, "' has ", b->graph().outputs().size());
  }
  const ModelRunner& full = InputElements(*a) < InputElements(*b) ? *b : *a;
  ASSIGN_OR_RETURN(const auto samples, full.OpenInputs(options.inputs));
  const int64_t rows =
      options.valid_rows ? *options.valid_rows : std::max(a->valid_rows(), b->valid_rows());

  std::vector<Difference> differences;
  for (const ir::GraphOutput& output : a->graph().outputs()) differences.emplace_back(output.name);
  {
    Progress progress("compare", "samples", samples->size());
    for (int64_t i = 0; i < samples->size(); ++i) {
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> sample, samples->Get(i));
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs_a, InputsFor(*a, full, sample));
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs_b, InputsFor(*b, full, sample));
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> outputs_a, a->Run(inputs_a, /*raw=*/false));
      ASSIGN_OR_RETURN(const std::vector<ir::Tensor> outputs_b, b->Run(inputs_b, /*raw=*/false));
      for (size_t k = 0; k < outputs_a.size(); ++k) {
        const ir::Tensor valid_a = ValidPart(outputs_a[k], rows);
        const ir::Tensor valid_b = ValidPart(outputs_b[k], rows);
        if (valid_a.dims() != valid_b.dims()) {
          differences[k].SetShapeMismatch(outputs_a[k].dims(), outputs_b[k].dims());
          continue;
        }
        differences[k].Add(valid_a.Floats(), valid_b.Floats());
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
