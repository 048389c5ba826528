#include "quantization/calibrate.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "base/parallel.h"
#include "base/progress.h"
#include "evaluator/executor.h"
#include "ir/digest.h"
#include "quantization/row_observer.h"
#include "quantization/shared_qparams.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {
namespace {

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
  RowObserver observer(valid, plan, statistics);
  int64_t sample = 0;
  const auto not_finite = [&](ir::ValueId id) -> absl::Status {
    const ir::NodeId producer = graph.value(id).producer;
    return InvalidInput(
        "sample ", sample, " makes value '", graph.value(id).name, "' NaN or infinite",
        producer == ir::kNoNode ? "" : absl::StrCat(", at ", ir::Describe(graph, producer)));
  };
  // Of values that are seen in tiles, the first one that is not finite.
  std::atomic<ir::ValueId> first_bad = std::numeric_limits<ir::ValueId>::max();
  evaluator::RunOptions run;
  run.wants = [&](ir::ValueId id) { return observer.Wants(id); };
  run.rows = [&](ir::ValueId id, int64_t row, absl::Span<float> rows) {
    if (observer.Add(id, graph.value(id).type.shape.dims(), row, rows)) return;
    ir::ValueId known = first_bad;
    while (id < known && !first_bad.compare_exchange_weak(known, id)) {
    }
  };
  run.observe = [&](ir::ValueId id, const ir::Tensor& data) -> absl::Status {
    if (first_bad < graph.num_values()) return not_finite(first_bad);
    return observer.AddAll(id, data) ? absl::OkStatus() : not_finite(id);
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
  // What is seen in tiles is never whole.
  std::vector<bool> in_tiles(graph.num_values(), false);
  for (const evaluator::FusedStep& step : evaluator::FindFusedSteps(graph)) {
    for (ir::ValueId id : step.inside) in_tiles[id] = step.shows;
  }
  const auto bytes = [&](ir::ValueId id) {
    const ir::Type& type = graph.value(id).type;
    return graph.IsConstant(id) || in_tiles[id]
               ? 0
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
