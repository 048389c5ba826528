#include "quantization/block_spans.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

Block Joined(const std::vector<Block>& blocks, size_t first, size_t count) {
  Block joined = blocks[first];
  for (size_t i = first + 1; i < std::min(first + count, blocks.size()); ++i) {
    joined.nodes.insert(joined.nodes.end(), blocks[i].nodes.begin(), blocks[i].nodes.end());
    joined.outputs = blocks[i].outputs;
  }
  return joined;
}

}  // namespace

absl::StatusOr<BlockSpans> BlockSpans::Create(const Graph& graph, std::vector<QparamGroup> groups,
                                              int length) {
  ASSIGN_OR_RETURN(ValidRows valid, ValidRows::Find(graph));
  BlockSpans spans(graph, std::move(groups), std::move(valid));
  RETURN_IF_ERROR(spans.FindSpans(length));
  return spans;
}

absl::Status BlockSpans::FindSpans(int length) {
  const std::vector<Block> blocks = FindBlocks(*graph_);
  inside_attention_ = InsideAttention(*graph_);
  std::vector<int> block_of(graph_->num_values(), -1);
  for (ValueId input : graph_->inputs()) block_of[input] = 0;
  for (size_t b = 0; b < blocks.size(); ++b) {
    for (NodeId id : blocks[b].nodes) {
      for (ValueId result : graph_->node(id).outputs) block_of[result] = static_cast<int>(b);
    }
    ASSIGN_OR_RETURN(BlockRunner own, BlockRunner::Create(*graph_, blocks[b]));
    ASSIGN_OR_RETURN(BlockRunner whole, BlockRunner::Create(*graph_, Joined(blocks, b, length)));
    absl::flat_hash_set<ValueId> wanted(own.block().outputs.begin(), own.block().outputs.end());
    wanted.insert(whole.block().outputs.begin(), whole.block().outputs.end());
    spans_.push_back({std::move(own), std::move(whole), {}, std::move(wanted)});
  }
  group_of_.assign(graph_->num_values(), kNoGroup);
  for (int g = 0; g < static_cast<int>(groups_.size()); ++g) {
    for (ValueId id : groups_[g].members) group_of_[id] = g;
    const ValueId first = FirstActivation(g);
    if (first == ir::kNoValue || block_of[first] < 0) continue;
    Span& span = spans_[block_of[first]];
    ASSIGN_OR_RETURN(BlockRunner runner,
                     BlockRunner::Create(*graph_, Dependents(span.whole.block(), groups_[g])));
    span.wanted.insert(runner.block().inputs.begin(), runner.block().inputs.end());
    span.tails.push_back({g, std::move(runner)});
  }
  return absl::OkStatus();
}

Block BlockSpans::Dependents(const Block& span, const QparamGroup& group) const {
  absl::flat_hash_set<ValueId> reached(group.members.begin(), group.members.end());
  absl::flat_hash_set<NodeId> nodes;
  for (NodeId id : span.nodes) {
    const ir::Node& node = graph_->node(id);
    const bool depends = std::any_of(node.inputs.begin(), node.inputs.end(),
                                     [&](ValueId operand) { return reached.contains(operand); });
    if (!depends) continue;
    nodes.insert(id);
    reached.insert(node.outputs.begin(), node.outputs.end());
  }
  for (auto id = span.nodes.rbegin(); id != span.nodes.rend(); ++id) {
    if (!nodes.contains(*id)) continue;
    for (ValueId operand : graph_->node(*id).inputs) {
      if (inside_attention_.contains(operand)) nodes.insert(graph_->value(operand).producer);
    }
  }
  absl::flat_hash_set<ValueId> known;  // produced or listed as an input
  Block tail;
  const auto need = [&](ValueId id) {
    if (id == ir::kNoValue || graph_->IsConstant(id)) return;
    if (known.insert(id).second) tail.inputs.push_back(id);
  };
  for (NodeId id : span.nodes) {
    if (!nodes.contains(id)) continue;
    tail.nodes.push_back(id);
    for (ValueId operand : graph_->node(id).inputs) need(operand);
    known.insert(graph_->node(id).outputs.begin(), graph_->node(id).outputs.end());
  }
  for (ValueId output : span.outputs) {
    if (!reached.contains(output)) continue;
    tail.outputs.push_back(output);
    need(output);
  }
  return tail;
}

ValueId BlockSpans::FirstActivation(int group) const {
  for (ValueId id : groups_[group].members) {
    if (!graph_->IsConstant(id) &&
        std::holds_alternative<ir::QuantPerTensor>(graph_->value(id).quantization)) {
      return id;
    }
  }
  return ir::kNoValue;
}

Activations BlockSpans::Start(const std::vector<Tensor>& inputs) const {
  Activations activations;
  for (size_t i = 0; i < inputs.size(); ++i) activations[graph_->inputs()[i]] = inputs[i];
  return activations;
}

double BlockSpans::SquaredError(ValueId id, const Tensor& exact, const Tensor& actual) const {
  const Tensor want = exact.Contiguous();
  const Tensor got = actual.Contiguous();
  double sum = 0;
  valid_.Visit(id, want, [&](absl::Span<const float> run) {
    const float* other = got.data<float>() + (run.data() - want.data<float>());
    for (size_t i = 0; i < run.size(); ++i) {
      const double difference = static_cast<double>(other[i]) - run[i];
      sum += difference * difference;
    }
  });
  return sum;
}

double BlockSpans::Energy(ValueId id, const Tensor& exact) const {
  double sum = 0;
  valid_.Visit(id, exact.Contiguous(), [&](absl::Span<const float> run) {
    for (float x : run) sum += static_cast<double>(x) * x;
  });
  return sum;
}

int64_t BlockSpans::RowsASample() const {
  if (valid_.has_padding()) return valid_.num_valid();
  if (graph_->inputs().empty()) return 1;
  const ir::Shape& shape = graph_->value(graph_->inputs()[0]).type.shape;
  const int64_t width = shape.rank() == 0 ? 1 : shape.dims().back();
  return width == 0 ? 1 : ir::NumElements(shape.dims()) / width;
}

}  // namespace g4c::quantization
