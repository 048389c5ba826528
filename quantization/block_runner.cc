#include "quantization/block_runner.h"

#include "quantization/simulate.h"

namespace g4c::quantization {

absl::StatusOr<BlockRunner> BlockRunner::Create(const ir::Graph& graph, Block block) {
  auto extracted = std::make_unique<ExtractedBlock>(ExtractBlock(graph, block));
  ASSIGN_OR_RETURN(evaluator::FloatExecutor executor,
                   evaluator::FloatExecutor::Create(extracted->graph));
  return BlockRunner(std::move(block), std::move(extracted), std::move(executor));
}

absl::StatusOr<std::vector<ir::Tensor>> BlockRunner::Run(const Activations& activations,
                                                         const Storage& storage) const {
  evaluator::RunOptions options;
  if (storage != nullptr) {
    const auto stored = [&](ir::ValueId id) { return storage(extracted_->source_of[id]); };
    options.wants = [=](ir::ValueId id) { return stored(id) != nullptr; };
    options.adjust = [=](ir::ValueId id, ir::Tensor& data) {
      data = Simulate(data, *stored(id));
      return absl::OkStatus();
    };
    options.rows = [=](ir::ValueId id, int64_t, absl::Span<float> rows) {
      if (const ir::QuantPerTensor* q = stored(id)) SimulateRun(rows, *q);
    };
  }
  return executor_.Run(InputsFrom(activations), options);
}

absl::Status BlockRunner::Advance(Activations& stream, const Storage& storage) const {
  ASSIGN_OR_RETURN(const std::vector<ir::Tensor> results, Run(stream, storage));
  for (size_t i = 0; i < results.size(); ++i) stream[block_.outputs[i]] = results[i];
  return absl::OkStatus();
}

absl::StatusOr<Activations> BlockRunner::Values(
    const Activations& activations, const absl::flat_hash_set<ir::ValueId>& wanted) const {
  Activations values;
  evaluator::RunOptions options;
  options.wants = [&](ir::ValueId id) { return wanted.contains(extracted_->source_of[id]); };
  options.observe = [&](ir::ValueId id, const ir::Tensor& data) {
    values[extracted_->source_of[id]] = data;
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(executor_.Run(InputsFrom(activations), options).status());
  return values;
}

std::vector<ir::Tensor> BlockRunner::InputsFrom(const Activations& activations) const {
  std::vector<ir::Tensor> inputs;
  for (ir::ValueId input : block_.inputs) inputs.push_back(activations.at(input));
  return inputs;
}

absl::flat_hash_set<ir::ValueId> InsideAttention(const ir::Graph& graph) {
  absl::flat_hash_set<ir::ValueId> inside;
  for (const evaluator::FusedStep& step : evaluator::FindFusedSteps(graph)) {
    if (step.shows) inside.insert(step.inside.begin(), step.inside.end());
  }
  return inside;
}

}  // namespace g4c::quantization
