#include "quantization/block_search.h"

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "base/progress.h"
#include "quantization/assign.h"
#include "quantization/block_spans.h"
#include "quantization/simulate.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
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
// Of samples so long that few are run, only these.
constexpr int kFewCandidates[] = {0, 3, 6, 8};
static_assert(std::size(kFewCandidates) == kBlockSearchLongCandidates);

std::vector<int> CandidatesFor(int64_t rows_a_sample) {
  if (rows_a_sample > BlockSpans::kLongSample) {
    return {std::begin(kFewCandidates), std::end(kFewCandidates)};
  }
  std::vector<int> all(kBlockSearchCandidates);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

class Search {
 public:
  // `spans` is of a graph with the qparams of the observed ranges.
  explicit Search(const BlockSpans& spans) : spans_(spans), graph_(spans.graph()) {
    std::vector<bool> is_masked_sum(graph_.num_values(), false);
    for (const MaskedLogits& masked : FindMaskedLogits(graph_)) is_masked_sum[masked.sum] = true;
    const std::vector<int> candidates = CandidatesFor(spans.RowsASample());
    signals_.assign(spans.spans().size(), 0.0);
    for (const BlockSpans::Span& span : spans.spans()) {
      std::vector<Trial>& trials = trials_.emplace_back();
      for (const BlockSpans::Tail& tail : span.tails) {
        const bool is_fixed =
            is_masked_sum[spans.FirstActivation(tail.group)] || HasFixedRange(tail.group);
        trials.push_back({&tail, is_fixed, is_fixed ? std::vector<int>{0} : candidates,
                          std::vector<double>(kBlockSearchCandidates, 0.0)});
      }
    }
  }

  // Adds the errors that one sample shows.
  absl::Status Add(const std::vector<Tensor>& inputs) {
    Activations stream = spans_.Start(inputs);
    for (size_t s = 0; s < spans_.spans().size(); ++s) {
      const BlockSpans::Span& span = spans_.spans()[s];
      Activations next = stream;
      RETURN_IF_ERROR(
          span.own.Advance(next, [&](ValueId id) { return StorageOf(graph_.value(id)); }));
      const RowSample rows = spans_.ChooseRows(span, next);
      ASSIGN_OR_RETURN(const Activations exact, span.whole.Values(stream, span.wanted, rows));
      for (ValueId id : span.whole.block().outputs) {
        signals_[s] += spans_.Energy(id, exact.at(id), rows);
      }
      RETURN_IF_ERROR(AddErrors(trials_[s], exact, rows));
      stream = std::move(next);
    }
    return absl::OkStatus();
  }

  // From now on only the best `count` candidates are tried.
  void KeepFinalists(size_t count) {
    for (std::vector<Trial>& trials : trials_) {
      for (Trial& trial : trials) {
        std::stable_sort(trial.candidates.begin(), trial.candidates.end(),
                         [&](int a, int b) { return trial.errors[a] < trial.errors[b]; });
        if (trial.candidates.size() > count) trial.candidates.resize(count);
      }
    }
  }

  RangeSearch Choose(Observations observations) const {
    RangeSearch found;
    for (size_t s = 0; s < trials_.size(); ++s) {
      for (const Trial& trial : trials_[s]) {
        const int best = BestOf(trial);
        const int group = trial.tail->group;
        const std::vector<ValueId>& members = spans_.groups()[group].members;
        found.errors.push_back({members, signals_[s] > 0 ? trial.errors[best] / signals_[s] : 0});
        if (trial.is_fixed) continue;
        for (ValueId id : members) observations[id].range = Scaled(group, kCandidates[best]);
      }
    }
    found.observations = std::move(observations);
    return found;
  }

 private:
  struct Trial {
    const BlockSpans::Tail* tail;
    bool is_fixed;                // its range is not searched
    std::vector<int> candidates;  // that are still tried
    std::vector<double> errors;   // by candidate
  };

  // Of equal errors, the earlier candidate.
  static int BestOf(const Trial& trial) {
    return *std::min_element(trial.candidates.begin(), trial.candidates.end(), [&](int a, int b) {
      return std::make_pair(trial.errors[a], a) < std::make_pair(trial.errors[b], b);
    });
  }

  // Known without data, or moved together with a constant that must stay representable.
  bool HasFixedRange(int group) const {
    const std::vector<ValueId>& members = spans_.groups()[group].members;
    return std::any_of(members.begin(), members.end(), [&](ValueId id) {
      return graph_.IsConstant(id) || graph_.value(id).quant_origin == ir::QuantOrigin::kFixedRange;
    });
  }

  const ir::QuantPerTensor& Qparams(int group) const {
    return std::get<ir::QuantPerTensor>(graph_.value(spans_.FirstActivation(group)).quantization);
  }

  Range Scaled(int group, Factors factors) const {
    const Range range = RepresentableRange(Qparams(group));
    return {range.lo * factors.lo, range.hi * factors.hi};
  }

  absl::Status AddErrors(std::vector<Trial>& trials, const Activations& exact,
                         const RowSample& rows) const {
    std::vector<std::pair<Trial*, int>> runs;
    for (Trial& trial : trials) {
      for (int candidate : trial.candidates) runs.push_back({&trial, candidate});
    }
    std::vector<absl::Status> statuses(runs.size());
    ParallelFor(static_cast<int64_t>(runs.size()), [&](int64_t i) {
      Trial& trial = *runs[i].first;
      const int group = trial.tail->group;
      const int candidate = runs[i].second;
      const ir::QuantPerTensor q =
          candidate == 0
              ? Qparams(group)
              : ChooseQparams(Scaled(group, kCandidates[candidate]), Qparams(group).dtype);
      const std::vector<ValueId>& outputs = trial.tail->runner.block().outputs;
      const auto results = trial.tail->runner.Run(
          exact, [&](ValueId id) { return spans_.GroupOf(id) == group ? &q : nullptr; }, rows);
      statuses[i] = results.status();
      for (size_t k = 0; results.ok() && k < outputs.size(); ++k) {
        trial.errors[candidate] +=
            spans_.SquaredError(outputs[k], exact.at(outputs[k]), (*results)[k], rows);
      }
    });
    for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

  const BlockSpans& spans_;
  const Graph& graph_;
  std::vector<std::vector<Trial>> trials_;  // by span
  std::vector<double> signals_;             // by span: the sum of squares at its end
};

}  // namespace

std::vector<int64_t> SamplesForRows(const Samples& samples, const BlockSpans& spans, int64_t rows) {
  const int64_t wanted = (rows - 1) / std::max<int64_t>(spans.RowsASample(), 1) + 1;
  const int64_t count = std::min(samples.size(), wanted);
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < count; ++i) chosen.push_back(i * samples.size() / count);
  return chosen;
}

absl::StatusOr<RangeSearch> SearchRanges(const Graph& graph, const Samples& samples,
                                         Observations observations, ir::DType activation,
                                         const BlockSearchOptions& options) {
  if (ir::BitWidth(activation) > 8 || graph.inputs().empty()) {
    return RangeSearch{std::move(observations), {}};
  }
  Graph trial = graph;
  RETURN_IF_ERROR(AssignActivations(trial, observations, activation, ir::QuantOrigin::kCalibrated));
  observations.resize(trial.num_values());
  ASSIGN_OR_RETURN(const BlockSpans spans,
                   BlockSpans::Create(trial, FindQparamGroups(trial, Grouped::kAll), options.span,
                                      kBlockSearchSampledRows));
  Search search(spans);
  const std::vector<int64_t> chosen = SamplesForRows(samples, spans, options.rows);
  const bool is_long = spans.RowsASample() > BlockSpans::kLongSample;
  const size_t first_round = is_long ? 1 : chosen.size() < 4 ? chosen.size() : chosen.size() / 4;
  Progress progress("ranges", "samples", static_cast<int64_t>(chosen.size()));
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (i == first_round) {
      search.KeepFinalists(is_long ? kBlockSearchLongFinalists : kBlockSearchFinalists);
    }
    ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, samples.Get(chosen[i]));
    RETURN_IF_ERROR(search.Add(inputs));
    progress.Advance();
  }
  return search.Choose(std::move(observations));
}

}  // namespace g4c::quantization
