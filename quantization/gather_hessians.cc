#include "quantization/gather_hessians.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "base/progress.h"
#include "quantization/blocks.h"
#include "quantization/sample_stream.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::Tensor;
using ir::ValueId;

// By block: what its linears read and no earlier block's linear does.
std::vector<std::vector<ValueId>> InputsByBlock(const Graph& graph,
                                                absl::Span<const Block> blocks) {
  std::vector<std::vector<ValueId>> inputs;
  absl::flat_hash_set<ValueId> known;
  for (const Block& block : blocks) {
    std::vector<ValueId>& own = inputs.emplace_back();
    for (ir::NodeId id : block.nodes) {
      const ir::Node& node = graph.node(id);
      if (!std::holds_alternative<ir::FullyConnected>(node.op)) continue;
      if (graph.IsConstant(node.inputs[0]) || !graph.IsConstant(node.inputs[1])) continue;
      if (known.insert(node.inputs[0]).second) own.push_back(node.inputs[0]);
    }
  }
  return inputs;
}

}  // namespace

std::vector<ValueId> HessianInputs(const Graph& graph) {
  std::vector<ValueId> all;
  for (const std::vector<ValueId>& own : InputsByBlock(graph, FindBlocks(graph))) {
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

absl::Status GatherHessians(const Graph& graph, const Samples& samples, int64_t memory_bytes,
                            const TakeHessian& take) {
  ASSIGN_OR_RETURN(const ValidRows valid, ValidRows::Find(graph));
  const std::vector<Block> blocks = FindBlocks(graph);
  const std::vector<std::vector<ValueId>> inputs = InputsByBlock(graph, blocks);
  TensorStore store(memory_bytes);
  SampleStream stream(graph, samples, store);
  Progress progress("Hessians", "blocks", std::max<int64_t>(1, blocks.size()));
  for (size_t b = 0; b < blocks.size(); ++b) {
    std::vector<GramSums> sums;
    for (ValueId id : inputs[b]) sums.emplace_back(graph.value(id).type.shape.dims().back());
    const auto see = [&](int64_t sample, absl::Span<const Tensor> seen) -> absl::Status {
      for (size_t i = 0; i < seen.size(); ++i) {
        if (sums[i].Add(valid.Rows(inputs[b][i], seen[i]))) continue;
        return InvalidInput("sample ", sample, " makes value '", graph.value(inputs[b][i]).name,
                            "' so large that the sums of its squares are infinite");
      }
      return absl::OkStatus();
    };
    const auto next = absl::MakeConstSpan(blocks).subspan(b + 1);
    RETURN_IF_ERROR(stream.Cross(blocks[b], next, inputs[b], see));
    for (size_t i = 0; i < sums.size(); ++i) {
      RETURN_IF_ERROR(take(inputs[b][i], std::move(sums[i])));
    }
    progress.Advance();
  }
  return absl::OkStatus();
}

}  // namespace g4c::quantization
