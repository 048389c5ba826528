// Runs a model on command, so that tools/bench/forward can time it in turns with another engine.
//
//   bench_worker MODEL JOBS SAMPLES INPUTS [NAME=FILE.npy ...]
//
// MODEL: an .onnx, brought to the form that calibration runs and evaluated in float, or a .circle.
// INPUTS: an .npz or .npy of samples. NAME=FILE.npy: inputs to bind. Prints "ready", then answers
// lines of stdin:
//   run         runs SAMPLES samples (those of INPUTS, again from the first one when they end):
//               "WALL_SECONDS CPU_SECONDS"
//   save FILE   writes the outputs of the first sample as .npz: "saved"
// and at their end prints the largest resident memory so far in bytes.
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "base/npz.h"
#include "gemma4_circle_export/machine.h"
#include "gemma4_circle_export/model_runner.h"
#include "gemma4_circle_export/pipeline.h"
#include "passes/computed_weights.h"
#include "passes/pipeline.h"
#include "passes/report.h"

namespace g4c::tools {
namespace {

using ir::Tensor;

// The two kinds of model behind one face.
class Model {
 public:
  static absl::StatusOr<std::unique_ptr<Model>> Open(const std::string& path,
                                                     const InputOptions& binding) {
    auto model = std::make_unique<Model>();
    if (!absl::EndsWith(path, ".onnx")) {
      ASSIGN_OR_RETURN(model->circle_, ModelRunner::Open(path, binding, {}));
      return model;
    }
    passes::Report report;
    passes::PassRunner runner({}, &report);
    ASSIGN_OR_RETURN(FoldedModel folded, LoadAndFold(path, binding, runner, nullptr));
    passes::PassList canonical = passes::CanonicalPhase({folded.valid});
    RETURN_IF_ERROR(runner.Run(canonical, folded.graph));
    model->graph_ = std::move(folded.graph);
    passes::StoreComputed(model->graph_);
    ASSIGN_OR_RETURN(model->executor_, evaluator::FloatExecutor::Create(model->graph_));
    return model;
  }

  const ir::Graph& graph() const { return circle_ != nullptr ? circle_->graph() : graph_; }
  absl::StatusOr<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) const {
    return circle_ != nullptr ? circle_->Run(inputs, /*raw=*/false) : executor_->Run(inputs);
  }

 private:
  std::unique_ptr<ModelRunner> circle_;
  ir::Graph graph_;
  absl::optional<evaluator::FloatExecutor> executor_;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

absl::Status Save(const ir::Graph& graph, const std::vector<Tensor>& outputs,
                  const std::string& path) {
  std::vector<NpzMember> members;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].dtype() != ir::DType::kF32) continue;
    members.push_back(
        {graph.outputs()[i].name, "<f4", outputs[i].dims(), outputs[i].ContiguousBytes()});
  }
  return WriteNpz(path, members);
}

absl::Status Serve(const std::vector<std::string>& arguments) {
  int jobs = 0;
  int64_t count = 0;
  if (arguments.size() < 4 || !absl::SimpleAtoi(arguments[1], &jobs) ||
      !absl::SimpleAtoi(arguments[2], &count)) {
    return UsageError("bench_worker MODEL JOBS SAMPLES INPUTS [NAME=FILE.npy ...]");
  }
  MachineOptions machine;
  machine.jobs = jobs;
  RETURN_IF_ERROR(ApplyMachineOptions(machine));
  InputOptions binding;
  for (size_t i = 4; i < arguments.size(); ++i) {
    const size_t equals = arguments[i].find('=');
    if (equals == std::string::npos) return UsageError("'", arguments[i], "' is no NAME=FILE.npy");
    binding.bind.emplace_back(arguments[i].substr(0, equals), arguments[i].substr(equals + 1));
  }
  ASSIGN_OR_RETURN(const auto model, Model::Open(arguments[0], binding));
  quantization::SampleOptions options;
  options.allow_extra = true;
  ASSIGN_OR_RETURN(const auto samples,
                   quantization::OpenSamples(arguments[3], model->graph(), options));
  const auto run = [&](int64_t sample) -> absl::StatusOr<std::vector<Tensor>> {
    ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, samples->Get(sample % samples->size()));
    return model->Run(inputs);
  };
  std::cout << "ready" << std::endl;

  for (std::string line; std::getline(std::cin, line);) {
    if (line == "run") {
      const auto begin = std::chrono::steady_clock::now();
      const double cpu = CpuSeconds();
      for (int64_t i = 0; i < count; ++i) RETURN_IF_ERROR(run(i).status());
      const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
      std::cout << wall.count() << " " << CpuSeconds() - cpu << std::endl;
    } else if (absl::StartsWith(line, "save ")) {
      ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, run(0));
      RETURN_IF_ERROR(Save(model->graph(), outputs, line.substr(5)));
      std::cout << "saved" << std::endl;
    } else {
      return UsageError("unknown command '", line, "'");
    }
  }
  std::cout << PeakResidentBytes() << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace g4c::tools

int main(int argc, char** argv) {
  const absl::Status status = g4c::tools::Serve({argv + 1, argv + argc});
  if (!status.ok()) std::cerr << "error: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
