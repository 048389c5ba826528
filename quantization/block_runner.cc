#include "quantization/block_runner.h"

#include "quantization/simulate.h"

namespace g4c::quantization {
namespace {

// The rows of a value that `axis` asks for; `data` may be just these.
ir::Tensor Needed(const ir::Tensor& data, int axis, const RowSample& rows) {
  if (axis == kAllRows || data.dims()[axis] == rows.size()) return data;
  return TakeRows(data, axis, rows.indices);
}

}  // namespace

absl::StatusOr<BlockRunner> BlockRunner::Create(const ir::Graph& graph, Block block) {
  auto extracted = std::make_unique<ExtractedBlock>(ExtractBlock(graph, block));
  ASSIGN_OR_RETURN(evaluator::FloatExecutor executor,
                   evaluator::FloatExecutor::Create(extracted->graph));
  std::vector<int> input_axes(block.inputs.size(), kAllRows);
  return BlockRunner(std::move(block), std::move(input_axes), std::move(extracted),
                     std::move(executor));
}

absl::StatusOr<BlockRunner> BlockRunner::Create(const ir::Graph& graph, Block block,
                                                const WantedRows& wanted, int64_t count) {
  ASSIGN_OR_RETURN(RowBlock kept, KeepRows(ExtractBlock(graph, block), wanted, count));
  auto extracted = std::make_unique<ExtractedBlock>(std::move(kept.extracted));
  ASSIGN_OR_RETURN(evaluator::FloatExecutor executor,
                   evaluator::FloatExecutor::Create(extracted->graph));
  return BlockRunner(std::move(block), std::move(kept.input_axes), std::move(extracted),
                     std::move(executor));
}

absl::StatusOr<std::vector<ir::Tensor>> BlockRunner::Run(const Activations& activations,
                                                         const Storage& storage,
                                                         const RowSample& rows) const {
  evaluator::RunOptions options;
  if (storage != nullptr) {
    const auto stored = [&](ir::ValueId id) -> const ir::QuantPerTensor* {
      const ir::ValueId source = extracted_->source_of[id];
      return source == ir::kNoValue ? nullptr : storage(source);
    };
    options.wants = [=](ir::ValueId id) { return stored(id) != nullptr; };
    options.adjust = [=](ir::ValueId id, ir::Tensor& data) {
      data = Simulate(data, *stored(id));
      return absl::OkStatus();
    };
    options.rows = [=](ir::ValueId id, int64_t, absl::Span<float> rows) {
      if (const ir::QuantPerTensor* q = stored(id)) SimulateRun(rows, *q);
    };
  }
  return executor_.Run(InputsFrom(activations, rows), options);
}

absl::Status BlockRunner::Advance(Activations& stream, const Storage& storage) const {
  ASSIGN_OR_RETURN(const std::vector<ir::Tensor> results, Run(stream, storage));
  for (size_t i = 0; i < results.size(); ++i) stream[block_.outputs[i]] = results[i];
  return absl::OkStatus();
}

absl::StatusOr<Activations> BlockRunner::Values(const Activations& activations,
                                                const WantedRows& wanted,
                                                const RowSample& rows) const {
  Activations values;
  evaluator::RunOptions options;
  options.wants = [&](ir::ValueId id) { return wanted.contains(extracted_->source_of[id]); };
  options.observe = [&](ir::ValueId id, const ir::Tensor& data) {
    const ir::ValueId source = extracted_->source_of[id];
    values[source] = Needed(data, wanted.at(source), rows);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(executor_.Run(InputsFrom(activations, rows), options).status());
  return values;
}

std::vector<ir::Tensor> BlockRunner::InputsFrom(const Activations& activations,
                                                const RowSample& rows) const {
  std::vector<ir::Tensor> inputs;
  for (size_t i = 0; i < block_.inputs.size(); ++i) {
    inputs.push_back(Needed(activations.at(block_.inputs[i]), input_axes_[i], rows));
  }
  if (inputs.size() < extracted_->graph.inputs().size()) {
    inputs.push_back(ir::Tensor::I64(rows.indices));
  }
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
