#include "quantization/block_runner.h"

#include <algorithm>

namespace g4c::quantization {

absl::StatusOr<BlockRunner> BlockRunner::Create(const ir::Graph& graph, Block block) {
  auto extracted = std::make_unique<ExtractedBlock>(ExtractBlock(graph, block));
  ASSIGN_OR_RETURN(evaluator::FloatExecutor executor,
                   evaluator::FloatExecutor::Create(extracted->graph));
  return BlockRunner(std::move(block), std::move(extracted), std::move(executor));
}

absl::Status BlockRunner::Run(const Activations& activations, const Adjust& adjust) const {
  std::vector<ir::Tensor> inputs;
  for (ir::ValueId input : block_.inputs) inputs.push_back(activations.at(input));
  evaluator::RunOptions options;
  options.adjust = [&](ir::ValueId id, ir::Tensor& data) {
    adjust(extracted_->source_of[id], data);
    return absl::OkStatus();
  };
  return executor_.Run(inputs, options).status();
}

absl::Status BlockRunner::Advance(Activations& stream, const Change& change) const {
  Activations results;
  RETURN_IF_ERROR(Run(stream, [&](ir::ValueId id, ir::Tensor& data) {
    data = change(id, data);
    if (std::find(block_.outputs.begin(), block_.outputs.end(), id) != block_.outputs.end()) {
      results[id] = data;
    }
  }));
  for (auto& [id, data] : results) stream[id] = std::move(data);
  return absl::OkStatus();
}

}  // namespace g4c::quantization
