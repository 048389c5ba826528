// run MODEL --inputs ... -o OUT.npz
#include <algorithm>

#include "base/npz.h"
#include "base/progress.h"
#include "gemma4_circle_export/machine.h"
#include "gemma4_circle_export/model_runner.h"
#include "gemma4_circle_export/verbs.h"
#include "ir/npy_type.h"

namespace g4c::tools {
namespace {

// One output over all samples: (N, *output shape).
struct Stacked {
  std::string name;
  ir::DType dtype;
  ir::Dims dims;
  std::vector<uint8_t> bytes;
};

absl::Status Append(const ir::Tensor& tensor, int64_t samples, Stacked& stacked) {
  const ir::Tensor rows = tensor.Contiguous();
  ir::Dims dims = rows.dims();
  dims.insert(dims.begin(), samples);
  if (stacked.bytes.empty() && stacked.dims.empty()) {
    stacked.dtype = rows.dtype();
    stacked.dims = dims;
    stacked.bytes.reserve(static_cast<size_t>(rows.NumBytes() * samples));
  } else if (dims != stacked.dims) {
    return InvalidInput("output '", stacked.name,
                        "' changes its shape from sample to sample: run them one by one");
  }
  const auto bytes = rows.ContiguousBytes();
  stacked.bytes.insert(stacked.bytes.end(), bytes.begin(), bytes.end());
  return absl::OkStatus();
}

}  // namespace

absl::Status Run(const RunOptions& options) {
  RETURN_IF_ERROR(ApplyMachineOptions(options.machine));
  ASSIGN_OR_RETURN(const auto runner, ModelRunner::Open(options.model, options.binding,
                                                        options.inputs, options.rounding));
  ASSIGN_OR_RETURN(const auto samples, runner->OpenInputs(options.inputs));
  std::vector<Stacked> stacks;
  for (const ir::GraphOutput& output : runner->graph().outputs())
    stacks.push_back({output.name, {}, {}, {}});
  Progress progress("run", "samples", samples->size());
  for (int64_t i = 0; i < samples->size(); ++i) {
    ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs, samples->Get(i));
    ASSIGN_OR_RETURN(const std::vector<ir::Tensor> outputs, runner->Run(inputs, options.raw));
    for (size_t k = 0; k < outputs.size(); ++k)
      RETURN_IF_ERROR(Append(outputs[k], samples->size(), stacks[k]));
    progress.Advance();
  }
  std::vector<NpzMember> members;
  for (const Stacked& stacked : stacks) {
    members.push_back(
        {stacked.name, std::string(ir::DescrOf(stacked.dtype)), stacked.dims, stacked.bytes});
  }
  return WriteNpz(options.output, members);
}

}  // namespace g4c::tools
