#include "quantization/gptq.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "base/status.h"

namespace g4c::quantization {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int64_t kRowsPerTile = 32;
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

struct Gptq::Factor {
  Matrix lower;
};

Gptq::Gptq(absl::Span<const double> gram, int64_t columns)
    : columns_(columns), order_(columns), factor_(std::make_unique<Factor>()) {
  G4C_CHECK(static_cast<int64_t>(gram.size()) == columns * columns);
  double trace = 0;
  for (int64_t i = 0; i < columns; ++i) trace += gram[i * columns + i];
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
    return gram[a * columns + a] < gram[b * columns + b];
  });
  const double damping = trace > 0 ? kDamping * trace / static_cast<double>(columns) : 1;
  for (;; damping_factor_ *= 10) {
    Matrix damped(columns, columns);
    for (int64_t i = 0; i < columns; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        const auto [low, high] = std::minmax(order_[i], order_[j]);
        damped(i, j) = gram[high * columns + low];
      }
      damped(i, i) += damping * damping_factor_;
    }
    const Eigen::LLT<Eigen::Ref<Matrix>> factored(damped);
    if (factored.info() != Eigen::Success) continue;
    factor_->lower = std::move(damped);
    return;
  }
}

Gptq::~Gptq() = default;

std::vector<float> Gptq::Round(absl::Span<const float> weight, const ir::QuantPerChannel& q) const {
  const Matrix& lower = factor_->lower;
  const int64_t rows = static_cast<int64_t>(q.scales.size());
  G4C_CHECK(static_cast<int64_t>(weight.size()) == rows * columns_);
  std::vector<float> rounded(weight.size());
  ParallelForRange(rows, kRowsPerTile, [&](int64_t begin, int64_t end) {
    Matrix errors = Matrix::Zero(end - begin, columns_);
    Matrix carried;
    for (int64_t high = columns_; high > 0; high -= std::min(high, kPanel)) {
      const int64_t low = std::max<int64_t>(0, high - kPanel);
      carried.noalias() =
          errors.rightCols(columns_ - high) * lower.block(high, low, columns_ - high, high - low);
      for (int64_t row = begin; row < end; ++row) {
        const int64_t zero_point = q.zero_points[row];
        const Grid grid{q.scales[row], 1.0 / q.scales[row],
                        static_cast<double>(ir::MinOf(q.dtype) - zero_point),
                        static_cast<double>(ir::MaxOf(q.dtype) - zero_point)};
        double* error = &errors(row - begin, 0);
        double* carry = &carried(row - begin, 0);
        for (int64_t j = high - 1; j >= low; --j) {
          const int64_t element = row * columns_ + order_[j];
          const double real = weight[element];
          rounded[element] = grid.Nearest(real + carry[j - low] / lower(j, j));
          error[j] = real - rounded[element];
          const double* factors = &lower(j, low);
          for (int64_t k = 0; k < j - low; ++k) carry[k] += error[j] * factors[k];
        }
      }
    }
  });
  return rounded;
}

}  // namespace g4c::quantization
