#include "quantization/weight_ranges.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/status.h"
#include "quantization/qparams.h"

namespace g4c::quantization {
namespace {

constexpr int64_t kRowsPerTile = 8;

// The weighted squared error of a row on the grid of `q`. Independent lanes are what the compiler
// may vectorise; their number decides how sums are rounded.
float GridError(absl::Span<const float> row, const float* importance, const ir::QuantPerTensor& q) {
  constexpr size_t kLanes = 16;
  // Rounds to nearest even where |x| <= 2^22, which clamping sees to.
  constexpr float kNoFraction = 0x1.8p23f;
  const float low = static_cast<float>(ir::MinOf(q.dtype) - q.zero_point);
  const float high = static_cast<float>(ir::MaxOf(q.dtype) - q.zero_point);
  const float inverse = 1.0f / q.scale;
  const auto error = [&](size_t i) {
    float steps = row[i] * inverse;
    steps = steps > low ? steps : low;
    steps = steps < high ? steps : high;
    const float off = row[i] - ((steps + kNoFraction) - kNoFraction) * q.scale;
    return off * off * importance[i];
  };
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= row.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += error(i + lane);
  }
  float sum = 0;
  for (; i < row.size(); ++i) sum += error(i);
  for (float lane : sums) sum += lane;
  return sum;
}

ir::QuantPerTensor SearchRow(absl::Span<const float> row, const float* importance,
                             ir::DType dtype) {
  const bool symmetric = IsSymmetricWeight(dtype);
  const Range full = RangeOf(row);
  Range best = full;
  ir::QuantPerTensor best_qparams = ChooseQparams(full, dtype, symmetric);
  float least = GridError(row, importance, best_qparams);
  const auto attempt = [&](const Range& range) {
    const ir::QuantPerTensor q = ChooseQparams(range, dtype, symmetric);
    const float error = GridError(row, importance, q);
    if (!(error < least)) return;
    least = error;
    best = range;
    best_qparams = q;
  };
  for (int percent = 98; percent >= 30; percent -= 2) {
    const float factor = static_cast<float>(percent) / 100.0f;
    attempt({full.lo * factor, full.hi * factor});
  }
  if (symmetric) return best_qparams;
  for (int round = 0; round < 2; ++round) {
    for (const bool upper : {true, false}) {
      const Range from = best;
      for (int percent : {40, 55, 70, 80, 85, 90, 95, 105, 110, 120}) {
        const float factor = static_cast<float>(percent) / 100.0f;
        attempt(upper ? Range{from.lo, from.hi * factor} : Range{from.lo * factor, from.hi});
      }
    }
  }
  return best_qparams;
}

}  // namespace

bool IsSymmetricWeight(ir::DType dtype) {
  return dtype != ir::DType::kU8 && dtype != ir::DType::kU4;
}

ir::QuantPerChannel ChooseWeightQparamsByError(absl::Span<const float> weight,
                                               absl::Span<const float> importance,
                                               ir::DType dtype) {
  const size_t columns = importance.size();
  G4C_CHECK(columns > 0 && weight.size() % columns == 0);
  const int64_t rows = static_cast<int64_t>(weight.size() / columns);
  ir::QuantPerChannel q{dtype, 0, std::vector<float>(rows), std::vector<int64_t>(rows)};
  ParallelForRange(rows, kRowsPerTile, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const ir::QuantPerTensor one =
          SearchRow(weight.subspan(row * columns, columns), importance.data(), dtype);
      q.scales[row] = one.scale;
      q.zero_points[row] = one.zero_point;
    }
  });
  return q;
}

}  // namespace g4c::quantization
