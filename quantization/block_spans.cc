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
                                              int length, int64_t sampled_rows) {
  ASSIGN_OR_RETURN(ValidRows valid, ValidRows::Find(graph));
  BlockSpans spans(graph, std::move(groups), std::move(valid), sampled_rows);
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
  }
  group_of_.assign(graph_->num_values(), kNoGroup);
  std::vector<std::vector<int>> begin_in(blocks.size());
  for (int g = 0; g < static_cast<int>(groups_.size()); ++g) {
    for (ValueId id : groups_[g].members) group_of_[id] = g;
    const ValueId first = FirstActivation(g);
    if (first != ir::kNoValue && block_of[first] >= 0) begin_in[block_of[first]].push_back(g);
  }
  for (size_t b = 0; b < blocks.size(); ++b) {
    ASSIGN_OR_RETURN(BlockRunner own, BlockRunner::Create(*graph_, blocks[b]));
    ASSIGN_OR_RETURN(Span span, MakeSpan(std::move(own), Joined(blocks, b, length), begin_in[b]));
    spans_.push_back(std::move(span));
  }
  return absl::OkStatus();
}

absl::StatusOr<BlockSpans::Span> BlockSpans::MakeSpan(BlockRunner own, Block whole,
                                                      const std::vector<int>& groups) const {
  const bool is_sampled = IsSampled(whole);
  const auto end_of = [&](const Block& block) {
    WantedRows end;
    for (ValueId id : block.outputs) end[id] = is_sampled ? RowAxis(id) : kAllRows;
    return end;
  };
  const auto runner_of = [&](Block block, const WantedRows& wanted) {
    return is_sampled ? BlockRunner::Create(*graph_, std::move(block), wanted, sampled_rows_)
                      : BlockRunner::Create(*graph_, std::move(block));
  };
  WantedRows wanted = end_of(whole);
  std::vector<Tail> tails;
  for (int group : groups) {
    Block dependents = Dependents(whole, groups_[group]);
    const WantedRows end = end_of(dependents);
    ASSIGN_OR_RETURN(BlockRunner runner, runner_of(std::move(dependents), end));
    for (size_t i = 0; i < runner.block().inputs.size(); ++i) {
      Want(wanted, runner.block().inputs[i], runner.input_axes()[i]);
    }
    tails.push_back({group, std::move(runner)});
  }
  ASSIGN_OR_RETURN(BlockRunner runner, runner_of(std::move(whole), wanted));
  return Span{std::move(own), std::move(runner), std::move(tails), std::move(wanted), is_sampled};
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

int BlockSpans::RowAxis(ValueId id) const {
  const int last = graph_->value(id).type.shape.rank() - 1;
  if (!valid_.has_padding() || valid_.PatchAxes(id).empty()) return last > 0 ? last - 1 : kAllRows;
  const std::vector<int>& axes = valid_.PatchAxes(id);
  return axes.size() == 1 && axes[0] != last ? axes[0] : kAllRows;
}

std::vector<bool> BlockSpans::ValidAlong(ValueId id) const {
  const int axis = RowAxis(id);
  if (axis == kAllRows) return {};
  if (valid_.has_padding() && !valid_.PatchAxes(id).empty()) return valid_.ValidInAnyBatch();
  return std::vector<bool>(graph_->value(id).type.shape.dim(axis), true);
}

bool BlockSpans::IsSampled(const Block& span) const {
  if (sampled_rows_ == 0) return false;
  const std::vector<bool> valid = ValidAlong(span.outputs[0]);
  return std::count(valid.begin(), valid.end(), true) > kLongSample &&
         std::all_of(span.outputs.begin(), span.outputs.end(),
                     [&](ValueId id) { return ValidAlong(id) == valid; });
}

RowSample BlockSpans::ChooseRows(const Span& span, const Activations& behind) const {
  if (!span.is_sampled) return {};
  const std::vector<bool> valid = ValidAlong(span.whole.block().outputs[0]);
  std::vector<float> loudest(valid.size());
  for (size_t i = 0; i < valid.size(); ++i) loudest[i] = valid[i] ? 0.0f : -1.0f;
  for (ValueId id : span.own.block().outputs) {
    if (ValidAlong(id) != valid) continue;
    const Tensor data = behind.at(id).Contiguous();
    const int axis = RowAxis(id);
    int64_t inner = 1;
    for (int i = axis + 1; i < data.rank(); ++i) inner *= data.dims()[i];
    valid_.Visit(id, data, [&](absl::Span<const float> run) {
      const int64_t at = run.data() - data.data<float>();
      for (size_t i = 0; i < run.size(); ++i) {
        float& row = loudest[(at + static_cast<int64_t>(i)) / inner % data.dims()[axis]];
        row = std::max(row, std::abs(run[i]));
      }
    });
  }
  return quantization::ChooseRows(loudest, sampled_rows_);
}

Tensor BlockSpans::Sampled(ValueId id, const Tensor& data, const RowSample& rows) const {
  if (rows.all() || data.dims()[RowAxis(id)] == rows.size()) return data.Contiguous();
  return TakeRows(data, RowAxis(id), rows.indices);
}

void BlockSpans::Visit(ValueId id, const Tensor& sampled, const RowSample& rows,
                       absl::FunctionRef<void(absl::Span<const float>, double)> visit) const {
  if (rows.all()) {
    return valid_.Visit(id, sampled, [&](absl::Span<const float> run) { visit(run, 1.0); });
  }
  const ir::Dims& dims = graph_->value(id).type.shape.dims();
  const int axis = RowAxis(id);
  int64_t inner = 1;
  for (size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
  const int64_t pieces = sampled.NumElements() / inner;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t row = piece / rows.size() * dims[axis] + rows.indices[piece % rows.size()];
    valid_.VisitRows(
        id, dims, row * (inner / dims.back()),
        {sampled.data<float>() + piece * inner, static_cast<size_t>(inner)},
        [&](absl::Span<const float> run) { visit(run, rows.weights[piece % rows.size()]); });
  }
}

double BlockSpans::SquaredError(ValueId id, const Tensor& exact, const Tensor& actual,
                                const RowSample& rows) const {
  const Tensor want = Sampled(id, exact, rows);
  const Tensor got = Sampled(id, actual, rows);
  double sum = 0;
  Visit(id, want, rows, [&](absl::Span<const float> run, double weight) {
    const float* other = got.data<float>() + (run.data() - want.data<float>());
    double of_run = 0;
    for (size_t i = 0; i < run.size(); ++i) {
      const double difference = static_cast<double>(other[i]) - run[i];
      of_run += difference * difference;
    }
    sum += weight * of_run;
  });
  return sum;
}

double BlockSpans::Energy(ValueId id, const Tensor& exact, const RowSample& rows) const {
  double sum = 0;
  Visit(id, Sampled(id, exact, rows), rows, [&](absl::Span<const float> run, double weight) {
    double of_run = 0;
    for (float x : run) of_run += static_cast<double>(x) * x;
    sum += weight * of_run;
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
