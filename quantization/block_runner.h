// Runs a block by itself, on values of the graph it was cut from.
#ifndef QUANTIZATION_BLOCK_RUNNER_H_
#define QUANTIZATION_BLOCK_RUNNER_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "evaluator/executor.h"
#include "quantization/blocks.h"

namespace g4c::quantization {

// What is known of a sample, by value id of the whole graph.
using Activations = absl::flat_hash_map<ir::ValueId, ir::Tensor>;

class BlockRunner {
 public:
  // Constants share their data with `graph`, which need not outlive the runner.
  static absl::StatusOr<BlockRunner> Create(const ir::Graph& graph, Block block);

  // Takes the block's inputs from `activations`, which has them all, and returns its outputs.
  // `adjust` sees the inputs and every result, by the ids of the whole graph, and may replace them
  // before anything reads them; null: nobody looks. May be called on several threads at once.
  using Adjust = std::function<void(ir::ValueId, ir::Tensor&)>;
  absl::StatusOr<std::vector<ir::Tensor>> Run(const Activations& activations,
                                              const Adjust& adjust = nullptr) const;

  // Replaces what `stream` holds for the block's outputs, and nothing else, by what the block makes
  // of its inputs there when each of its values goes through `change`.
  using Change = std::function<ir::Tensor(ir::ValueId, const ir::Tensor&)>;
  absl::Status Advance(Activations& stream, const Change& change) const;

  const Block& block() const { return block_; }

 private:
  BlockRunner(Block block, std::unique_ptr<ExtractedBlock> extracted,
              evaluator::FloatExecutor executor)
      : block_(std::move(block)),
        extracted_(std::move(extracted)),
        executor_(std::move(executor)) {}

  Block block_;
  std::unique_ptr<ExtractedBlock> extracted_;  // the executor keeps its address
  evaluator::FloatExecutor executor_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_BLOCK_RUNNER_H_
