#include "quantization/gptq.h"

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/sgemm.h"

namespace g4c::quantization {
namespace {

constexpr int64_t kRowsPerTile = 64;
constexpr int64_t kPanel = 64;

// The grid of one row.
struct Grid {
  float scale;
  double inverse;
  double low;
  double high;

  float Nearest(double x) const {
    // Rounds to nearest even where |steps| < 2^51.
    constexpr double kNoFraction = 0x1.8p52;
    const double steps = (std::clamp(x * inverse, low, high) + kNoFraction) - kNoFraction;
    return static_cast<float>(steps) * scale;
  }
};

}  // namespace

Gptq::Gptq(absl::Span<const double> gram, int64_t columns) : columns_(columns), order_(columns) {
  G4C_CHECK(static_cast<int64_t>(gram.size()) == columns * columns);
  double trace = 0;
  for (int64_t i = 0; i < columns; ++i) trace += gram[i * columns + i];
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
    return gram[a * columns + a] < gram[b * columns + b];
  });
  const double damping = trace > 0 ? kDamping * trace / static_cast<double>(columns) : 1;
  for (;; damping_factor_ *= 10) {
    std::vector<float> damped(columns * columns);
    for (int64_t i = 0; i < columns; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        const auto [low, high] = std::minmax(order_[i], order_[j]);
        const double raised = i == j ? damping * damping_factor_ : 0;
        damped[i * columns + j] = static_cast<float>(gram[high * columns + low] + raised);
      }
    }
    factor_ = Cholesky::Factor(std::move(damped), columns);
    if (factor_) break;
  }
}

std::vector<float> Gptq::Round(absl::Span<const float> weight, const ir::QuantPerChannel& q) const {
  const float* lower = factor_->lower();
  const int64_t rows = static_cast<int64_t>(q.scales.size());
  G4C_CHECK(static_cast<int64_t>(weight.size()) == rows * columns_);
  std::vector<float> rounded(weight.size());
  ParallelForRange(rows, kRowsPerTile, [&](int64_t begin, int64_t end) {
    std::vector<float> errors((end - begin) * columns_);
    std::vector<float> carried((end - begin) * kPanel);
    for (int64_t high = columns_; high > 0; high -= std::min(high, kPanel)) {
      const int64_t low = std::max<int64_t>(0, high - kPanel);
      if (high < columns_) {
        evaluator::Sgemm({errors.data() + high, /*transposed=*/false, columns_}, 0,
                         {lower + high * columns_ + low, /*transposed=*/false, columns_}, 0,
                         end - begin, high - low, columns_ - high, 1.0f, 0.0f, carried.data(),
                         kPanel);
      }
      for (int64_t row = begin; row < end; ++row) {
        const int64_t zero_point = q.zero_points[row];
        const Grid grid{q.scales[row], 1.0 / q.scales[row],
                        static_cast<double>(ir::MinOf(q.dtype) - zero_point),
                        static_cast<double>(ir::MaxOf(q.dtype) - zero_point)};
        float* error = errors.data() + (row - begin) * columns_;
        float* carry = carried.data() + (row - begin) * kPanel;
        for (int64_t j = high - 1; j >= low; --j) {
          const int64_t element = row * columns_ + order_[j];
          const float* factors = lower + j * columns_;
          const double real = weight[element];
          rounded[element] = grid.Nearest(real + carry[j - low] / factors[j]);
          error[j] = static_cast<float>(real - rounded[element]);
          for (int64_t k = low; k < j; ++k) carry[k - low] += error[j] * factors[k];
        }
      }
    }
  });
  return rounded;
}

}  // namespace g4c::quantization
