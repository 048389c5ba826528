#include "quantization/block_search.h"

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "base/progress.h"
#include "quantization/assign.h"
#include "quantization/block_runner.h"
#include "quantization/qparam_groups.h"
#include "quantization/simulate.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

struct Factors {
  float lo;
  float hi;
};
// The observed range first: it stays where others are no better.
constexpr Factors kCandidates[] = {{1, 1},       {.94f, .94f}, {.88f, .88f}, {.82f, .82f},
                                   {.76f, .76f}, {.7f, .7f},   {.64f, .64f}, {.56f, .56f},
                                   {.48f, .48f}, {.4f, .4f},   {.3f, .3f},   {.8f, 1},
                                   {.6f, 1},     {1, .8f},     {1, .6f},     {1, .4f}};
static_assert(std::size(kCandidates) == kBlockSearchCandidates);

Block Joined(const std::vector<Block>& blocks, size_t first, size_t count) {
  Block joined = blocks[first];
  for (size_t i = first + 1; i < std::min(first + count, blocks.size()); ++i) {
    joined.nodes.insert(joined.nodes.end(), blocks[i].nodes.begin(), blocks[i].nodes.end());
    joined.outputs = blocks[i].outputs;
  }
  return joined;
}

class Search {
 public:
  static absl::StatusOr<Search> Create(const Graph& graph, std::vector<QparamGroup> groups,
                                       int span) {
    ASSIGN_OR_RETURN(ValidRows valid, ValidRows::Find(graph));
    Search search(graph, std::move(groups), std::move(valid));
    RETURN_IF_ERROR(search.FindSpans(span));
    return search;
  }

  // Valid rows of one sample.
  int64_t RowsASample() const {
    if (valid_.has_padding()) return valid_.num_valid();
    const ir::Type& type = graph_.value(graph_.inputs()[0]).type;
    const int64_t width = type.shape.rank() == 0 ? 1 : type.shape.dims().back();
    return width == 0 ? 1 : ir::NumElements(type.shape.dims()) / width;
  }

  // Adds the errors that one sample shows.
  absl::Status Add(const std::vector<Tensor>& inputs) {
    Activations stream(graph_.num_values());
    for (size_t i = 0; i < inputs.size(); ++i) stream[graph_.inputs()[i]] = inputs[i];
    for (Span& span : spans_) {
      Activations exact(graph_.num_values());
      RETURN_IF_ERROR(span.whole.Run(stream, [&](ValueId id, Tensor& data) { exact[id] = data; }));
      for (ValueId id : span.whole.block().outputs) {
        span.signal += SquaredError(id, exact[id], Tensor());
      }
      RETURN_IF_ERROR(AddErrors(span, exact));
      RETURN_IF_ERROR(span.own.Run(stream, [&](ValueId id, Tensor& data) {
        data = Stored(id, data);
        stream[id] = data;
      }));
    }
    return absl::OkStatus();
  }

  // From now on only the best candidates are tried.
  void KeepFinalists() {
    for (Span& span : spans_) {
      for (Tail& tail : span.tails) {
        std::stable_sort(tail.candidates.begin(), tail.candidates.end(),
                         [&](int a, int b) { return tail.errors[a] < tail.errors[b]; });
        if (tail.candidates.size() > kBlockSearchFinalists) {
          tail.candidates.resize(kBlockSearchFinalists);
        }
      }
    }
  }

  RangeSearch Choose(Observations observations) const {
    RangeSearch found;
    for (const Span& span : spans_) {
      for (const Tail& tail : span.tails) {
        const int best =
            *std::min_element(tail.candidates.begin(), tail.candidates.end(), [&](int a, int b) {
              return std::make_pair(tail.errors[a], a) < std::make_pair(tail.errors[b], b);
            });
        found.errors.push_back(
            {groups_[tail.group].members, span.signal > 0 ? tail.errors[best] / span.signal : 0});
        if (tail.is_fixed) continue;
        for (ValueId id : groups_[tail.group].members) {
          observations[id].range = Scaled(tail.group, kCandidates[best]);
        }
      }
    }
    found.observations = std::move(observations);
    return found;
  }

 private:
  // What depends on a group of values, to the end of a span.
  struct Tail {
    int group;
    bool is_fixed;  // its range is not searched
    BlockRunner runner;
    std::vector<int> candidates;  // that are still tried
    std::vector<double> errors;   // by candidate
  };
  struct Span {
    BlockRunner own;
    BlockRunner whole;
    std::vector<Tail> tails;  // of the groups that begin in the own block
    double signal = 0;        // the sum of squares at the end
  };

  Search(const Graph& graph, std::vector<QparamGroup> groups, ValidRows valid)
      : graph_(graph), groups_(std::move(groups)), valid_(std::move(valid)) {}

  absl::Status FindSpans(int length) {
    const std::vector<Block> blocks = FindBlocks(graph_);
    std::vector<int> block_of(graph_.num_values(), -1);
    for (ValueId input : graph_.inputs()) block_of[input] = 0;
    for (size_t b = 0; b < blocks.size(); ++b) {
      for (NodeId id : blocks[b].nodes) {
        for (ValueId result : graph_.node(id).outputs) block_of[result] = static_cast<int>(b);
      }
    }
    for (size_t b = 0; b < blocks.size(); ++b) {
      ASSIGN_OR_RETURN(BlockRunner own, BlockRunner::Create(graph_, blocks[b]));
      ASSIGN_OR_RETURN(BlockRunner whole, BlockRunner::Create(graph_, Joined(blocks, b, length)));
      spans_.push_back({std::move(own), std::move(whole), {}});
    }
    group_of_.assign(graph_.num_values(), -1);
    std::vector<bool> is_masked_sum(graph_.num_values(), false);
    for (const MaskedLogits& masked : FindMaskedLogits(graph_)) is_masked_sum[masked.sum] = true;
    for (size_t g = 0; g < groups_.size(); ++g) {
      for (ValueId id : groups_[g].members) group_of_[id] = static_cast<int>(g);
      const ValueId first = FirstActivation(groups_[g]);
      if (first == ir::kNoValue || block_of[first] < 0) continue;
      const int block = block_of[first];
      const bool is_fixed = is_masked_sum[first] || HasFixedRange(groups_[g]);
      ASSIGN_OR_RETURN(
          BlockRunner runner,
          BlockRunner::Create(graph_, Dependents(spans_[block].whole.block(), groups_[g])));
      std::vector<int> tried(is_fixed ? 1 : kBlockSearchCandidates);
      std::iota(tried.begin(), tried.end(), 0);
      spans_[block].tails.push_back({static_cast<int>(g), is_fixed, std::move(runner),
                                     std::move(tried),
                                     std::vector<double>(kBlockSearchCandidates, 0.0)});
    }
    return absl::OkStatus();
  }

  // The nodes of a span that a group reaches.
  Block Dependents(const Block& span, const QparamGroup& group) const {
    std::vector<bool> reached(graph_.num_values(), false);
    std::vector<bool> known(graph_.num_values(), false);  // produced or listed as an input
    for (ValueId id : group.members) reached[id] = true;
    Block tail;
    const auto need = [&](ValueId id) {
      if (!known[id]) tail.inputs.push_back(id);
      known[id] = true;
    };
    for (NodeId id : span.nodes) {
      const ir::Node& node = graph_.node(id);
      const auto depends = [&](ValueId operand) {
        return operand != ir::kNoValue && reached[operand];
      };
      if (std::none_of(node.inputs.begin(), node.inputs.end(), depends)) continue;
      tail.nodes.push_back(id);
      for (ValueId operand : node.inputs) {
        if (operand != ir::kNoValue && !graph_.IsConstant(operand)) need(operand);
      }
      for (ValueId result : node.outputs) reached[result] = known[result] = true;
    }
    for (ValueId output : span.outputs) {
      if (!reached[output]) continue;
      tail.outputs.push_back(output);
      need(output);
    }
    return tail;
  }

  // kNoValue for constants and for what has no qparams.
  ValueId FirstActivation(const QparamGroup& group) const {
    for (ValueId id : group.members) {
      if (!graph_.IsConstant(id) &&
          std::holds_alternative<ir::QuantPerTensor>(graph_.value(id).quantization)) {
        return id;
      }
    }
    return ir::kNoValue;
  }

  // Known without data, or moved together with a constant that must stay representable.
  bool HasFixedRange(const QparamGroup& group) const {
    return std::any_of(group.members.begin(), group.members.end(), [&](ValueId id) {
      return graph_.IsConstant(id) || graph_.value(id).quant_origin == ir::QuantOrigin::kFixedRange;
    });
  }

  const ir::QuantPerTensor& Qparams(int group) const {
    return std::get<ir::QuantPerTensor>(graph_.value(groups_[group].members[0]).quantization);
  }

  Range Scaled(int group, Factors factors) const {
    const Range range = RepresentableRange(Qparams(group));
    return {range.lo * factors.lo, range.hi * factors.hi};
  }

  Tensor Stored(ValueId id, const Tensor& data) const {
    const auto* q = std::get_if<ir::QuantPerTensor>(&graph_.value(id).quantization);
    return q == nullptr ? data : Simulate(data, *q);
  }

  absl::Status AddErrors(Span& span, const Activations& exact) const {
    std::vector<std::pair<Tail*, int>> trials;
    for (Tail& tail : span.tails) {
      for (int candidate : tail.candidates) trials.push_back({&tail, candidate});
    }
    std::vector<absl::Status> statuses(trials.size());
    ParallelFor(static_cast<int64_t>(trials.size()), [&](int64_t i) {
      Tail& tail = *trials[i].first;
      const int candidate = trials[i].second;
      const ir::DType dtype = Qparams(tail.group).dtype;
      const ir::QuantPerTensor q = ChooseQparams(Scaled(tail.group, kCandidates[candidate]), dtype);
      Activations results(graph_.num_values());
      statuses[i] = tail.runner.Run(exact, [&](ValueId id, Tensor& data) {
        if (group_of_[id] == tail.group) data = Simulate(data, q);
        if (graph_.value(id).type.dtype == ir::DType::kF32) results[id] = data;
      });
      if (!statuses[i].ok()) return;
      for (ValueId id : tail.runner.block().outputs) {
        tail.errors[candidate] += SquaredError(id, exact[id], results[id]);
      }
    });
    for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

  // Over valid rows; of an empty `actual`, the squares themselves.
  double SquaredError(ValueId id, const Tensor& exact, const Tensor& actual) const {
    const Tensor want = exact.Contiguous();
    const bool is_error = actual.NumBytes() > 0;
    const Tensor got = is_error ? actual.Contiguous() : want;
    double sum = 0;
    valid_.Visit(id, want, [&](absl::Span<const float> run) {
      const float* other = got.data<float>() + (run.data() - want.data<float>());
      for (size_t i = 0; i < run.size(); ++i) {
        const double difference = static_cast<double>(other[i]) - (is_error ? run[i] : 0.0f);
        sum += difference * difference;
      }
    });
    return sum;
  }

  const Graph& graph_;  // with the qparams of the observed ranges
  std::vector<QparamGroup> groups_;
  std::vector<int> group_of_;
  ValidRows valid_;
  std::vector<Span> spans_;
};

}  // namespace

absl::StatusOr<RangeSearch> SearchRanges(const Graph& graph, const Samples& samples,
                                         Observations observations, ir::DType activation,
                                         const BlockSearchOptions& options) {
  if (ir::BitWidth(activation) > 8 || graph.inputs().empty()) {
    return RangeSearch{std::move(observations), {}};
  }
  Graph trial = graph;
  RETURN_IF_ERROR(AssignActivations(trial, observations, activation, ir::QuantOrigin::kCalibrated));
  observations.resize(trial.num_values());
  ASSIGN_OR_RETURN(Search search,
                   Search::Create(trial, FindQparamGroups(trial, Grouped::kAll), options.span));
  const int64_t wanted = (options.rows - 1) / std::max<int64_t>(search.RowsASample(), 1) + 1;
  const int64_t count = std::min(samples.size(), wanted);
  Progress progress("ranges", "samples", count);
  for (int64_t i = 0; i < count; ++i) {
    if (count >= 4 && i == count / 4) search.KeepFinalists();
    ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, samples.Get(i * samples.size() / count));
    RETURN_IF_ERROR(search.Add(inputs));
    progress.Advance();
  }
  return search.Choose(std::move(observations));
}

}  // namespace g4c::quantization
