#include "quantization/sample_stream.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::Tensor;
using ir::ValueId;

// The nodes of `block` that compute `wanted` from values that `known` says yes to, and from graph
// inputs.
Block Slice(const Graph& graph, const Block& block, const std::vector<ValueId>& wanted,
            absl::FunctionRef<bool(ValueId)> known) {
  Block slice{{}, {}, wanted};
  absl::flat_hash_set<ValueId> needed;
  const auto need = [&](ValueId id) {
    if (id == ir::kNoValue || graph.IsConstant(id) || !needed.insert(id).second) return;
    if (known(id) || graph.Producer(id) == nullptr) slice.inputs.push_back(id);
  };
  for (ValueId id : wanted) need(id);
  for (auto id = block.nodes.rbegin(); id != block.nodes.rend(); ++id) {
    const ir::Node& node = graph.node(*id);
    const bool computes =
        std::any_of(node.outputs.begin(), node.outputs.end(),
                    [&](ValueId result) { return needed.contains(result) && !known(result); });
    if (!computes) continue;
    slice.nodes.push_back(*id);
    for (ValueId operand : node.inputs) need(operand);
  }
  std::reverse(slice.nodes.begin(), slice.nodes.end());
  return slice;
}

}  // namespace

SampleStream::SampleStream(const Graph& graph, const Samples& samples, TensorStore& store,
                           BlockRunner::Storage storage)
    : graph_(graph),
      samples_(samples),
      store_(store),
      storage_(std::move(storage)),
      kept_(samples.size()),
      linear_inputs_(samples.size(), ir::kNoValue) {}

absl::StatusOr<BlockRunner> SampleStream::Toward(const Block& block,
                                                 std::vector<ValueId> wanted) const {
  return BlockRunner::Create(graph_, Slice(graph_, block, wanted, [&](ValueId id) {
                               return !kept_.empty() && kept_[0].contains(id);
                             }));
}

absl::StatusOr<std::vector<Tensor>> SampleStream::Run(const BlockRunner& runner,
                                                      int64_t sample) const {
  Activations inputs;
  std::vector<Tensor> given;
  for (ValueId id : runner.block().inputs) {
    const auto kept = kept_[sample].find(id);
    if (kept != kept_[sample].end()) {
      ASSIGN_OR_RETURN(inputs[id], kept->second.Load());
      continue;
    }
    if (given.empty()) {
      ASSIGN_OR_RETURN(given, samples_.Get(sample));
    }
    const auto place = std::find(graph_.inputs().begin(), graph_.inputs().end(), id);
    G4C_CHECK(place != graph_.inputs().end());
    inputs[id] = given[place - graph_.inputs().begin()];
  }
  return runner.Run(inputs, storage_);
}

absl::Status SampleStream::Keep(ValueId id, int64_t sample, const Tensor& data) {
  Kept& kept = kept_[sample];
  if (kept.contains(id)) return absl::OkStatus();
  if (linear_inputs_[sample] != ir::kNoValue) kept.erase(linear_inputs_[sample]);
  linear_inputs_[sample] = id;
  ASSIGN_OR_RETURN(TensorStore::Held held, store_.Hold(data));
  kept.emplace(id, std::move(held));
  return absl::OkStatus();
}

absl::Status SampleStream::Cross(const Block& block, absl::Span<const Block> next,
                                 const std::vector<ValueId>& seen, const See& see) {
  absl::flat_hash_set<ValueId> needed;
  for (const Block& later : next) needed.insert(later.inputs.begin(), later.inputs.end());
  std::vector<ValueId> wanted = seen;
  for (ValueId id : block.outputs) {
    if (needed.contains(id)) wanted.push_back(id);
  }
  ASSIGN_OR_RETURN(const BlockRunner runner, Toward(block, wanted));
  for (int64_t sample = 0; sample < size(); ++sample) {
    ASSIGN_OR_RETURN(const std::vector<Tensor> results, Run(runner, sample));
    if (see) RETURN_IF_ERROR(see(sample, {results.data(), seen.size()}));
    Kept& kept = kept_[sample];
    absl::erase_if(kept, [&](const auto& entry) { return !needed.contains(entry.first); });
    for (size_t i = seen.size(); i < wanted.size(); ++i) {
      ASSIGN_OR_RETURN(TensorStore::Held held, store_.Hold(results[i]));
      kept.insert_or_assign(wanted[i], std::move(held));
    }
  }
  linear_inputs_.assign(kept_.size(), ir::kNoValue);
  return absl::OkStatus();
}

}  // namespace g4c::quantization
