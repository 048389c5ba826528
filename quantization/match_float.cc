#include "quantization/match_float.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "base/parallel.h"
#include "base/status.h"

namespace g4c::quantization {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int64_t kRowsPerTile = 32;

}  // namespace

std::vector<float> MatchFloat(absl::Span<const float> weight, absl::Span<const double> gram,
                              absl::Span<const double> cross, int64_t columns, double strength) {
  const Eigen::Map<const Matrix> h(gram.data(), columns, columns);
  const Eigen::Map<const Matrix> c(cross.data(), columns, columns);
  const double trace = h.trace();
  double damping = trace > 0 ? strength * trace / static_cast<double>(columns) : 1;
  Eigen::LLT<Matrix> factored;
  for (;; damping *= 10) {
    Matrix damped = h;
    damped.diagonal().array() += damping;
    factored.compute(damped);
    if (factored.info() == Eigen::Success) break;
  }
  std::vector<float> matched(weight.size());
  const int64_t rows = static_cast<int64_t>(weight.size()) / columns;
  ParallelForRange(rows, kRowsPerTile, [&](int64_t begin, int64_t end) {
    const Eigen::Map<const FloatMatrix> w(weight.data() + begin * columns, end - begin, columns);
    const Matrix wide = w.cast<double>();
    Matrix moved = c * wide.transpose();
    factored.solveInPlace(moved);
    Eigen::Map<FloatMatrix>(matched.data() + begin * columns, end - begin, columns) =
        (wide + moved.transpose()).cast<float>();
  });
  return matched;
}

}  // namespace g4c::quantization
