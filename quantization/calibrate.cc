#include "quantization/calibrate.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "base/progress.h"
#include "base/text.h"
#include "evaluator/executor.h"
#include "quantization/finite.h"
#include "quantization/shared_qparams.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {
namespace {

// Sums of masked logits hold the mask's fill, which must not set a range: they are ranged by
// quantization/mask_fill.
absl::flat_hash_set<ir::ValueId> SumsOf(const std::vector<MaskedLogits>& masks) {
  absl::flat_hash_set<ir::ValueId> sums;
  for (const MaskedLogits& mask : masks) sums.insert(mask.sum);
  return sums;
}

}  // namespace

absl::StatusOr<Observations> Calibrate(const ir::Graph& graph, const Samples& samples) {
  ASSIGN_OR_RETURN(const ValidRows valid, ValidRows::Find(graph));
  const std::vector<MaskedLogits> masks = FindMaskedLogits(graph);
  const absl::flat_hash_set<ir::ValueId> sums = SumsOf(masks);
  absl::flat_hash_set<ir::ValueId> logits;
  for (const MaskedLogits& mask : masks) logits.insert(mask.logits);

  Observations observations(graph.num_values());
  int64_t sample = 0;
  const auto observe = [&](ir::ValueId id, const ir::Tensor& data) -> absl::Status {
    const ir::Value& value = graph.value(id);
    if (!IsReal(value) || sums.contains(id)) return absl::OkStatus();
    const bool per_row = logits.contains(id);
    Observation& seen = observations[id];
    const ir::Tensor rows = data.Contiguous();
    const int64_t width = rows.rank() == 0 ? 1 : rows.dims().back();
    bool finite = true;
    // Runs of one row follow each other; a row's maximum is complete when the next row begins.
    const float* row_begin = nullptr;
    float row_max = 0;
    const float* base = rows.data<float>();
    const auto close_row = [&] {
      if (row_begin != nullptr) seen.lowest_row_max = std::min(seen.lowest_row_max, row_max);
    };
    valid.Visit(id, rows, [&](absl::Span<const float> run) {
      if (run.empty()) return;
      finite = finite && !AnyNotFinite(run);
      seen.range.Add(RangeOf(run));
      if (!per_row) return;
      for (const float* p = run.data(); p < run.data() + run.size();) {
        const float* row = base + (p - base) / width * width;
        const float* end = std::min(row + width, run.data() + run.size());
        const float run_max = *std::max_element(p, end);
        if (row != row_begin) {
          close_row();
          row_begin = row;
          row_max = run_max;
        } else {
          row_max = std::max(row_max, run_max);
        }
        p = end;
      }
    });
    close_row();
    if (!finite) {
      const ir::NodeId producer = value.producer;
      return InvalidInput(
          "sample ", sample, " makes value '", value.name, "' NaN or infinite",
          producer == ir::kNoNode ? "" : absl::StrCat(", at ", ir::Describe(graph, producer)));
    }
    return absl::OkStatus();
  };

  ASSIGN_OR_RETURN(evaluator::FloatExecutor executor, evaluator::FloatExecutor::Create(graph));
  Progress progress("calibration", "samples", samples.size());
  evaluator::RunOptions options;
  options.observe = observe;
  for (; sample < samples.size(); ++sample) {
    ASSIGN_OR_RETURN(const std::vector<ir::Tensor> inputs, samples.Get(sample));
    RETURN_IF_ERROR(executor.Run(inputs, options).status());
    progress.Advance();
  }
  return observations;
}

}  // namespace g4c::quantization
