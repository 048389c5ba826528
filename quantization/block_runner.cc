#include "quantization/block_runner.h"

namespace g4c::quantization {

absl::StatusOr<BlockRunner> BlockRunner::Create(const ir::Graph& graph, Block block) {
  auto extracted = std::make_unique<ExtractedBlock>(ExtractBlock(graph, block));
  ASSIGN_OR_RETURN(evaluator::FloatExecutor executor,
                   evaluator::FloatExecutor::Create(extracted->graph));
  return BlockRunner(std::move(block), std::move(extracted), std::move(executor));
}

absl::StatusOr<std::vector<ir::Tensor>> BlockRunner::Run(const Activations& activations,
                                                         const Adjust& adjust) const {
  std::vector<ir::Tensor> inputs;
  for (ir::ValueId input : block_.inputs) inputs.push_back(activations.at(input));
  evaluator::RunOptions options;
  if (adjust != nullptr) {
    options.adjust = [&](ir::ValueId id, ir::Tensor& data) {
      adjust(extracted_->source_of[id], data);
      return absl::OkStatus();
    };
  }
  return executor_.Run(inputs, options);
}

absl::Status BlockRunner::Advance(Activations& stream, const Change& change) const {
  ASSIGN_OR_RETURN(const std::vector<ir::Tensor> results,
                   Run(stream, [&](ir::ValueId id, ir::Tensor& data) { data = change(id, data); }));
  for (size_t i = 0; i < results.size(); ++i) stream[block_.outputs[i]] = results[i];
  return absl::OkStatus();
}

}  // namespace g4c::quantization
