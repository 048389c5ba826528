#include "quantization/match_float.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/sgemm.h"

namespace g4c::quantization {
namespace {

constexpr int64_t kRowsPerTile = 64;

// The damped Gram matrix has a condition number near columns / strength: f32 does for a correction.
Cholesky FactorDamped(absl::Span<const double> gram, int64_t columns, double strength) {
  double trace = 0;
  for (int64_t i = 0; i < columns; ++i) trace += gram[i * columns + i];
  double damping = trace > 0 ? strength * trace / static_cast<double>(columns) : 1;
  for (;; damping *= 10) {
    std::vector<float> damped(gram.begin(), gram.end());
    for (int64_t i = 0; i < columns; ++i) {
      damped[i * columns + i] = static_cast<float>(gram[i * columns + i] + damping);
    }
    absl::optional<Cholesky> factor = Cholesky::Factor(std::move(damped), columns);
    if (factor) return *std::move(factor);
  }
}

}  // namespace

FloatMatch::FloatMatch(absl::Span<const double> gram, absl::Span<const double> cross,
                       int64_t columns, double strength)
    : cross_(cross.begin(), cross.end()), factor_(FactorDamped(gram, columns, strength)) {
  G4C_CHECK(static_cast<int64_t>(cross.size()) == columns * columns);
}

std::vector<float> FloatMatch::Match(absl::Span<const float> weight) const {
  const int64_t columns = factor_.size();
  std::vector<float> matched(weight.size());
  const int64_t rows = static_cast<int64_t>(weight.size()) / columns;
  ParallelForRange(rows, kRowsPerTile, [&](int64_t begin, int64_t end) {
    const float* w = weight.data() + begin * columns;
    float* v = matched.data() + begin * columns;
    evaluator::Sgemm({w, /*transposed=*/false, columns}, 0,
                     {cross_.data(), /*transposed=*/true, columns}, 0, end - begin, columns,
                     columns, 1.0f, 0.0f, v, columns);
    factor_.Solve({v, static_cast<size_t>((end - begin) * columns)});
    for (int64_t i = 0; i < (end - begin) * columns; ++i) v[i] += w[i];
  });
  return matched;
}

}  // namespace g4c::quantization
