#include "passes/channel_terms.h"

#include <algorithm>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

// Computes the sums of one region.
class Summation {
 public:
  Summation(const Graph& graph, ValueId source)
      : graph_(graph), lead_(DimsOf(graph, source)), channels_(lead_.back()) {
    lead_.pop_back();
    ChannelSums sums(channels_);
    for (int64_t c = 0; c < channels_; ++c) sums[c].push_back({static_cast<int>(c), 1, {}});
    sums_[source] = std::move(sums);
  }

  bool Visit(const ir::Node& node) {
    for (ValueId output : node.outputs) {
      if (!HasLead(output)) return false;
    }
    if (IsPlain<ir::Mul>(node.op)) return VisitMul(node);
    if (IsPlain<ir::Add>(node.op) || IsPlain<ir::Sub>(node.op)) return VisitSum(node);
    if (std::holds_alternative<ir::Neg>(node.op)) {
      ChannelSums sums = sums_[node.inputs[0]];
      Negate(sums);
      sums_[node.outputs[0]] = std::move(sums);
      return true;
    }
    return VisitMovement(node);
  }

  absl::optional<ChannelSums> Take(ValueId value) { return std::move(sums_[value]); }

 private:
  // The axes before the channels are those of the source in all values.
  bool HasLead(ValueId value) const {
    const Dims& dims = DimsOf(graph_, value);
    return dims.size() >= lead_.size() && std::equal(lead_.begin(), lead_.end(), dims.begin());
  }
  Dims BlockOf(ValueId value) const {
    const Dims& dims = DimsOf(graph_, value);
    return Dims(dims.begin() + lead_.size(), dims.end());
  }

  static void Negate(ChannelSums& sums) {
    for (std::vector<ChannelTerm>& terms : sums) {
      for (ChannelTerm& term : terms) term.sign = -term.sign;
    }
  }

  bool VisitSum(const ir::Node& node) {
    const ValueId y = node.outputs[0];
    for (ValueId operand : node.inputs) {
      if (DimsOf(graph_, operand) != DimsOf(graph_, y)) return false;
    }
    ChannelSums sums = sums_[node.inputs[0]];
    ChannelSums second = sums_[node.inputs[1]];
    if (IsPlain<ir::Sub>(node.op)) Negate(second);
    for (size_t c = 0; c < sums.size(); ++c) {
      sums[c].insert(sums[c].end(), second[c].begin(), second[c].end());
      if (sums[c].size() > kMaxChannelTerms) return false;
    }
    sums_[y] = std::move(sums);
    return true;
  }

  bool VisitMul(const ir::Node& node) {
    const bool second = graph_.IsConstant(node.inputs[1]);
    const ValueId x = node.inputs[second ? 0 : 1];
    const ir::Value& constant = graph_.value(node.inputs[second ? 1 : 0]);
    const Dims& dims = DimsOf(graph_, node.outputs[0]);
    if (DimsOf(graph_, x) != dims || constant.type.dtype != ir::DType::kF32) return false;
    Tensor table = RealData(constant);
    Dims aligned(dims.size() - table.rank(), 1);
    aligned.insert(aligned.end(), table.dims().begin(), table.dims().end());
    const Dims table_lead(aligned.begin(), aligned.begin() + lead_.size());
    table = table.Reshaped(aligned);
    ChannelSums sums = sums_[x];
    const Dims block = BlockOf(x);
    size_t channel = 0;
    for (ir::StridedIndex i(block, Dims(block.size(), 0)); !i.AtEnd(); i.Next(), ++channel) {
      Tensor column = table;
      for (size_t axis = 0; axis < block.size(); ++axis) {
        const int own = static_cast<int>(lead_.size() + axis);
        column = column.Sliced(own, aligned[own] == 1 ? 0 : i.index()[axis], 1);
      }
      column = column.Reshaped(table_lead);
      for (ChannelTerm& term : sums[channel]) {
        if (term.table) return false;
        term.table = column;
      }
    }
    sums_[node.outputs[0]] = std::move(sums);
    return true;
  }

  // Moves the numbers of the channels as the operator moves the data: on a graph's axes behind the
  // lead.
  bool VisitMovement(const ir::Node& node) {
    std::vector<const ChannelSums*> sources;
    std::vector<Tensor> places;  // of each operand: its channels, numbered on through all operands
    int64_t next = 0;
    for (ValueId operand : node.inputs) {
      const ChannelSums& sums = sums_[operand];
      Ints numbers(sums.size());
      std::iota(numbers.begin(), numbers.end(), next);
      next += static_cast<int64_t>(sums.size());
      places.push_back(Tensor::I64(numbers).Reshaped(BlockOf(operand)));
      sources.push_back(&sums);
    }
    const int lead = static_cast<int>(lead_.size());
    std::vector<Tensor> moved;
    if (const auto* slice = std::get_if<ir::Slice>(&node.op)) {
      Tensor piece = places[0];
      for (int axis = 0; axis < static_cast<int>(slice->size.size()); ++axis) {
        if (axis < lead && (slice->begin[axis] != 0 || slice->stride[axis] != 1)) return false;
        if (axis < lead) continue;
        piece =
            piece.Sliced(axis - lead, slice->begin[axis], slice->size[axis], slice->stride[axis]);
      }
      moved.push_back(piece);
    } else if (const auto* split = std::get_if<ir::Split>(&node.op)) {
      const int axis = static_cast<int>(split->axis) - lead;
      if (axis < 0) return false;
      int64_t begin = 0;
      for (int64_t size : split->sizes) {
        moved.push_back(places[0].Sliced(axis, begin, size));
        begin += size;
      }
    } else if (const auto* unpack = std::get_if<ir::Unpack>(&node.op)) {
      const int axis = static_cast<int>(unpack->axis) - lead;
      if (axis < 0) return false;
      for (size_t i = 0; i < node.outputs.size(); ++i)
        moved.push_back(places[0].Sliced(axis, static_cast<int64_t>(i), 1));
    } else if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
      std::vector<int> perm;
      for (int i = 0; i < static_cast<int>(transpose->perm.size()); ++i) {
        if (i < lead && transpose->perm[i] != i) return false;
        if (i >= lead) perm.push_back(static_cast<int>(transpose->perm[i]) - lead);
      }
      moved.push_back(places[0].Transposed(perm));
    } else if (std::holds_alternative<ir::Reshape>(node.op)) {
      moved.push_back(places[0]);
    } else {
      const auto* concat = std::get_if<ir::Concat>(&node.op);
      const int axis =
          static_cast<int>(concat != nullptr ? concat->axis : std::get<ir::Pack>(node.op).axis) -
          lead;
      if (axis < 0) return false;
      moved.push_back(Joined(places, axis, BlockOf(node.outputs[0])));
    }
    std::vector<std::vector<ChannelTerm>> all;
    for (const ChannelSums* sums : sources) all.insert(all.end(), sums->begin(), sums->end());
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      ChannelSums sums;
      for (int64_t place : moved[i].Ints()) sums.push_back(all[place]);
      sums_[node.outputs[i]] = std::move(sums);
    }
    return true;
  }

  // Rows of all pieces before an axis, one after the other.
  static Tensor Joined(const std::vector<Tensor>& pieces, int axis, const Dims& dims) {
    int64_t outer = 1;
    for (int i = 0; i < axis; ++i) outer *= dims[i];
    std::vector<Ints> numbers;
    for (const Tensor& piece : pieces) numbers.push_back(piece.Ints());
    Ints joined;
    for (int64_t row = 0; row < outer; ++row) {
      for (const Ints& own : numbers) {
        const int64_t size = static_cast<int64_t>(own.size()) / outer;
        joined.insert(joined.end(), own.begin() + row * size, own.begin() + (row + 1) * size);
      }
    }
    return Tensor::I64(joined);
  }

  const Graph& graph_;
  Dims lead_;
  int64_t channels_;
  absl::flat_hash_map<ValueId, ChannelSums> sums_;
};

}  // namespace

absl::optional<std::vector<ValueId>> OperandsOfChannelSum(const Graph& graph,
                                                          const ir::Node& node) {
  const bool moves =
      std::holds_alternative<ir::Slice>(node.op) || std::holds_alternative<ir::Split>(node.op) ||
      std::holds_alternative<ir::Concat>(node.op) || std::holds_alternative<ir::Pack>(node.op) ||
      std::holds_alternative<ir::Unpack>(node.op) || std::holds_alternative<ir::Reshape>(node.op) ||
      std::holds_alternative<ir::Transpose>(node.op);
  const bool adds = IsPlain<ir::Add>(node.op) || IsPlain<ir::Sub>(node.op);
  const bool scales = IsPlain<ir::Mul>(node.op);
  if (!moves && !adds && !scales && !std::holds_alternative<ir::Neg>(node.op)) return absl::nullopt;
  std::vector<ValueId> operands;
  for (ValueId operand : node.inputs) {
    if (!graph.IsConstant(operand)) operands.push_back(operand);
  }
  const size_t wanted = scales ? 1 : node.inputs.size();
  if (operands.size() != wanted) return absl::nullopt;
  return operands;
}

absl::optional<ChannelSums> ChannelSumsOf(const Graph& graph, ValueId y, const Region& region) {
  const ir::Type& type = graph.value(region.source()).type;
  if (type.dtype != ir::DType::kF32 || type.shape.rank() < 1) return absl::nullopt;
  Summation summation(graph, region.source());
  for (NodeId id : region.nodes()) {
    if (!summation.Visit(graph.node(id))) return absl::nullopt;
  }
  return summation.Take(y);
}

}  // namespace g4c::passes
