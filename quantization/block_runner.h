// Runs a block by itself, on values of the graph it was cut from.
#ifndef QUANTIZATION_BLOCK_RUNNER_H_
#define QUANTIZATION_BLOCK_RUNNER_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "evaluator/executor.h"
#include "quantization/keep_rows.h"
#include "quantization/row_sample.h"

namespace g4c::quantization {

// What is known of a sample, by value id of the whole graph.
using Activations = absl::flat_hash_map<ir::ValueId, ir::Tensor>;

// Values that no runner of a block with all of their attention in it has whole.
absl::flat_hash_set<ir::ValueId> InsideAttention(const ir::Graph& graph);

class BlockRunner {
 public:
  // Constants share their data with `graph`, which need not outlive the runner.
  static absl::StatusOr<BlockRunner> Create(const ir::Graph& graph, Block block);
  // One that computes the `wanted` rows only (KeepRows), of samples of `count` rows.
  static absl::StatusOr<BlockRunner> Create(const ir::Graph& graph, Block block,
                                            const WantedRows& wanted, int64_t count);

  // How a value of the whole graph is stored: before anything reads it, it becomes what Simulate
  // makes of it. Null, as function or result: it stays.
  using Storage = std::function<const ir::QuantPerTensor*(ir::ValueId)>;

  // Takes the block's inputs from `activations`, which has them all (or their sampled rows, where
  // no more is needed), and returns its outputs. `rows` are those of a runner made for samples. May
  // be called on several threads at once, as `storage` then is.
  absl::StatusOr<std::vector<ir::Tensor>> Run(const Activations& activations,
                                              const Storage& storage = nullptr,
                                              const RowSample& rows = {}) const;

  // Replaces what `stream` holds for the block's outputs, and nothing else, by what Run returns.
  absl::Status Advance(Activations& stream, const Storage& storage = nullptr) const;

  // What the block makes of those of its inputs and results that are in `wanted`. Values inside
  // attention may be missing: see InsideAttention.
  absl::StatusOr<Activations> Values(const Activations& activations, const WantedRows& wanted,
                                     const RowSample& rows = {}) const;

  const Block& block() const { return block_; }
  // By input: how much of it is needed.
  const std::vector<int>& input_axes() const { return input_axes_; }

 private:
  BlockRunner(Block block, std::vector<int> input_axes, std::unique_ptr<ExtractedBlock> extracted,
              evaluator::FloatExecutor executor)
      : block_(std::move(block)),
        input_axes_(std::move(input_axes)),
        extracted_(std::move(extracted)),
        executor_(std::move(executor)) {}

  std::vector<ir::Tensor> InputsFrom(const Activations& activations, const RowSample& rows) const;

  Block block_;
  std::vector<int> input_axes_;
  std::unique_ptr<ExtractedBlock> extracted_;  // the executor keeps its address
  evaluator::FloatExecutor executor_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_BLOCK_RUNNER_H_
