#include "quantization/match_float.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "base/parallel.h"
#include "base/status.h"

namespace g4c::quantization {
namespace {

using DoubleMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// The damped Gram matrix has a condition number near columns / strength: f32 does for a correction.
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int64_t kRowsPerTile = 32;

}  // namespace

std::vector<float> MatchFloat(absl::Span<const float> weight, absl::Span<const double> gram,
                              absl::Span<const double> cross, int64_t columns, double strength) {
  const Eigen::Map<const DoubleMatrix> h(gram.data(), columns, columns);
  const double trace = h.trace();
  double damping = trace > 0 ? strength * trace / static_cast<double>(columns) : 1;
  Eigen::LLT<Matrix> factored;
  for (;; damping *= 10) {
    Matrix damped = h.cast<float>();
    damped.diagonal() = (h.diagonal().array() + damping).cast<float>();
    factored.compute(damped);
    if (factored.info() == Eigen::Success) break;
  }
  const Matrix c = Eigen::Map<const DoubleMatrix>(cross.data(), columns, columns).cast<float>();
  std::vector<float> matched(weight.size());
  const int64_t rows = static_cast<int64_t>(weight.size()) / columns;
  ParallelForRange(rows, kRowsPerTile, [&](int64_t begin, int64_t end) {
    const Eigen::Map<const Matrix> w(weight.data() + begin * columns, end - begin, columns);
    Matrix moved = c * w.transpose();
    factored.solveInPlace(moved);
    Eigen::Map<Matrix>(matched.data() + begin * columns, end - begin, columns) =
        w + moved.transpose();
  });
  return matched;
}

}  // namespace g4c::quantization
