#include "quantization/calibrate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include "base/parallel.h"
#include "base/progress.h"
#include "evaluator/executor.h"
#include "ir/digest.h"
#include "quantization/shared_qparams.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {
namespace {

// A tile is this many elements, in whole rows.
constexpr int64_t kTileElements = 1 << 16;

// Sums of one tile. Elements of one channel are added in the order of the rows.
class TileSums {
 public:
  TileSums(const float* base, int64_t width)
      : base_(base), width_(width), sum_(width, 0.0), square_(width, 0.0) {}

  // Consecutive elements that may begin in the middle of a row.
  void Add(absl::Span<const float> run) {
    const float* p = run.data();
    const float* end = p + run.size();
    while (p < end) {
      const int64_t channel = (p - base_) % width_;
      const int64_t count = std::min<int64_t>(width_ - channel, end - p);
      for (int64_t i = 0; i < count; ++i) {
        const double x = p[i];
        sum_[channel + i] += x;
        square_[channel + i] += x * x;
      }
      p += count;
    }
  }

  // Rounds to fixed point.
  ChannelSums Rounded(uint64_t count) const {
    ChannelSums sums{count / width_, std::vector<Int128>(width_), std::vector<Int128>(width_)};
    for (int64_t i = 0; i < width_; ++i) {
      sums.sum[i] = ToFixed(sum_[i]);
      sums.square[i] = ToFixed(square_[i]);
    }
    return sums;
  }

 private:
  const float* base_;
  int64_t width_;
  std::vector<double> sum_;
  std::vector<double> square_;
};

// The smallest maximum of the rows that lie in consecutive elements. A row may come in several
// runs, which follow each other.
class RowMaxima {
 public:
  RowMaxima(const float* base, int64_t width) : base_(base), width_(width) {}

  void Add(absl::Span<const float> run) {
    for (const float* p = run.data(); p < run.data() + run.size();) {
      const int64_t row = (p - base_) / width_;
      const float* end = std::min(base_ + (row + 1) * width_, run.data() + run.size());
      const float most = RangeOf(absl::MakeConstSpan(p, end - p)).hi;
      if (row != row_) Close();
      row_max_ = row == row_ ? std::max(row_max_, most) : most;
      row_ = row;
      p = end;
    }
  }

  float Lowest() {
    Close();
    row_ = -1;
    return lowest_;
  }

 private:
  void Close() {
    if (row_ >= 0) lowest_ = std::min(lowest_, row_max_);
  }

  const float* base_;
  int64_t width_;
  int64_t row_ = -1;
  float row_max_ = 0;
  float lowest_ = std::numeric_limits<float>::infinity();
};

// What one tensor adds to its value's statistics. Tiles of whole rows, whose borders depend on the
// shape only, run on any thread. False: some element is NaN or infinite.
bool Observe(const ValidRows& valid, ir::ValueId id, const ir::Tensor& data,
             const StatisticsPlan::Entry& plan, ValueStatistics& statistics) {
  const ir::Tensor rows = data.Contiguous();
  const float* base = rows.data<float>();
  const int64_t width = rows.rank() == 0 ? 1 : rows.dims().back();
  const int64_t tile_rows = std::max<int64_t>(1, kTileElements / std::max<int64_t>(1, width));
  std::mutex mutex;  // guards `statistics` and `finite`
  bool finite = true;
  ParallelForRange(ValidRows::NumRows(rows), tile_rows, [&](int64_t begin, int64_t end) {
    BlockObserver block;
    RowMaxima maxima(base, width);
    TileSums sums(base, plan.channels ? width : 0);
    uint64_t count = 0;
    valid.VisitRows(id, rows, begin, end, [&](absl::Span<const float> run) {
      count += run.size();
      block.Add(run, plan.elements);
      if (plan.row_maxima) maxima.Add(run);
      if (plan.channels) sums.Add(run);
    });
    if (count == 0) return;
    std::lock_guard<std::mutex> lock(mutex);
    if (!block.finite()) {
      finite = false;
      return;
    }
    if (plan.elements) {
      statistics.count += count;
      statistics.range.Add(block.range());
      block.MergeInto(statistics.histogram);
    }
    if (plan.row_maxima) {
      statistics.lowest_row_max = std::min(statistics.lowest_row_max, maxima.Lowest());
    }
    if (plan.channels) statistics.channels.Merge(sums.Rounded(count));
  });
  return finite;
}

std::string DigestOf(const ir::Graph& graph, absl::Span<const ir::Tensor> inputs) {
  ir::Digest digest;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = absl::StrCat(graph.value(graph.inputs()[i]).name, "\n");
    digest.Update({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
    ir::VisitBytes(inputs[i], [&](absl::Span<const uint8_t> bytes) {
      digest.Update(bytes);
      return true;
    });
  }
  return digest.Hex();
}

// Whether `counted` counts a sample of this digest once more; then it does no longer.
bool TakeCounted(const std::string& digest, std::map<std::string, int64_t>& counted) {
  const auto known = counted.find(digest);
  return known != counted.end() && known->second-- > 0;
}

}  // namespace

Observations ObservationsOf(const Statistics& statistics, const RangeChooser& choose) {
  Observations observations(statistics.sources.size());
  ParallelFor(static_cast<int64_t>(observations.size()), [&](int64_t i) {
    const ir::ValueId id = static_cast<ir::ValueId>(i);
    const ValueStatistics* seen = statistics.Of(id);
    if (seen == nullptr) return;
    observations[id] = {choose(id, *seen), seen->lowest_row_max};
  });
  return observations;
}

Observations ObservationsOf(const Statistics& statistics) {
  return ObservationsOf(statistics,
                        [](ir::ValueId, const ValueStatistics& seen) { return seen.range; });
}

absl::StatusOr<int64_t> GatherStatistics(const ir::Graph& graph, const Samples& samples,
                                         const GatherOptions& options, Statistics& statistics) {
  ASSIGN_OR_RETURN(const ValidRows valid, ValidRows::Find(graph));
  const StatisticsPlan plan(graph);
  int64_t sample = 0;
  evaluator::RunOptions run;
  run.observe = [&](ir::ValueId id, const ir::Tensor& data) -> absl::Status {
    const StatisticsPlan::Entry& entry = plan.entries[id];
    if (!entry.elements && !entry.channels) return absl::OkStatus();
    if (Observe(valid, id, data, entry, statistics.values[id])) return absl::OkStatus();
    const ir::NodeId producer = graph.value(id).producer;
    return InvalidInput(
        "sample ", sample, " makes value '", graph.value(id).name, "' NaN or infinite",
        producer == ir::kNoNode ? "" : absl::StrCat(", at ", ir::Describe(graph, producer)));
  };

  ASSIGN_OR_RETURN(evaluator::FloatExecutor executor, evaluator::FloatExecutor::Create(graph));
  Progress progress("calibration", "samples", samples.size());
  std::map<std::string, int64_t> counted = statistics.samples;
  int64_t added = 0;
  for (; sample < samples.size(); ++sample) {
    ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs, samples.Get(sample));
    const std::string digest = DigestOf(graph, inputs);
    if (TakeCounted(digest, counted)) {
      progress.Advance();
      continue;
    }
    RETURN_IF_ERROR(executor.Run(inputs, run).status());
    ++statistics.samples[digest];
    ++added;
    progress.Advance();
    if (options.after_sample) RETURN_IF_ERROR(options.after_sample(statistics));
  }
  return added;
}

absl::StatusOr<std::vector<int64_t>> UncountedSamples(const ir::Graph& graph,
                                                      const Samples& samples,
                                                      std::map<std::string, int64_t> counted,
                                                      std::map<std::string, int64_t>* together) {
  std::vector<int64_t> uncounted;
  for (int64_t sample = 0; sample < samples.size(); ++sample) {
    ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs, samples.Get(sample));
    const std::string digest = DigestOf(graph, inputs);
    if (TakeCounted(digest, counted)) continue;
    uncounted.push_back(sample);
    if (together != nullptr) ++(*together)[digest];
  }
  return uncounted;
}

absl::StatusOr<Observations> Calibrate(const ir::Graph& graph, const Samples& samples) {
  Statistics statistics = StatisticsPlan(graph).Empty();
  RETURN_IF_ERROR(GatherStatistics(graph, samples, {}, statistics).status());
  return ObservationsOf(statistics);
}

int64_t LiveBytes(const ir::Graph& graph) {
  const std::vector<ir::NodeId> order = graph.TopologicalOrder();
  const auto bytes = [&](ir::ValueId id) {
    const ir::Type& type = graph.value(id).type;
    return graph.IsConstant(id) ? 0
                                : ir::NumElements(type.shape.dims()) * ir::ByteWidth(type.dtype);
  };
  std::vector<int> reads(graph.num_values(), 0);
  for (ir::NodeId id : order) {
    for (ir::ValueId operand : graph.node(id).inputs) {
      if (operand != ir::kNoValue) ++reads[operand];
    }
  }
  for (const ir::GraphOutput& output : graph.outputs()) ++reads[output.value];
  int64_t live = 0;
  for (ir::ValueId input : graph.inputs()) live += bytes(input);
  int64_t most = live;
  for (ir::NodeId id : order) {
    const ir::Node& node = graph.node(id);
    for (ir::ValueId result : node.outputs) live += bytes(result);
    most = std::max(most, live);
    for (ir::ValueId result : node.outputs) {
      if (reads[result] == 0) live -= bytes(result);
    }
    for (ir::ValueId operand : node.inputs) {
      if (operand != ir::kNoValue && --reads[operand] == 0) live -= bytes(operand);
    }
  }
  return most;
}

int64_t ConstantBytes(const ir::Graph& graph) {
  std::vector<bool> counted(graph.num_values(), false);
  int64_t total = 0;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    for (ir::ValueId operand : graph.node(id).inputs) {
      if (!graph.IsConstant(operand) || counted[operand]) continue;
      counted[operand] = true;
      total += graph.value(operand).constant->NumBytes();
    }
  }
  return total;
}

}  // namespace g4c::quantization
