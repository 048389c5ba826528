#include "quantization/hessian.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/fast_matmul.h"

namespace g4c::quantization {
namespace {

constexpr int64_t kColumnsPerTile = 64;
constexpr int64_t kElementsPerTile = 1 << 14;

// Columns of the product that are one call: of a symmetric one, what lies above such a block of the
// diagonal is left out.
constexpr int64_t kColumnsPerProduct = 512;

// sums += a b, of which, if it is symmetric, only the lower triangle matters.
void AddProduct(const ir::Tensor& a, const ir::Tensor& b, bool symmetric,
                std::vector<double>& sums) {
  const int64_t columns = a.dims()[0];
  for (int64_t first = 0; first < columns; first += kColumnsPerProduct) {
    const int64_t width = std::min(kColumnsPerProduct, columns - first);
    const int64_t begin = symmetric ? first : 0;
    const ir::Tensor product =
        evaluator::FastMatMul(a.Sliced(0, begin, columns - begin), b.Sliced(1, first, width),
                              {columns - begin, width}, {});
    const float* from = product.data<float>();
    ParallelForRange(columns - begin, kColumnsPerTile, [&](int64_t row, int64_t end) {
      for (; row < end; ++row) {
        double* to = sums.data() + (begin + row) * columns + first;
        for (int64_t j = 0; j < width; ++j) to[j] += from[row * width + j];
      }
    });
  }
}

// matrix -= a b^T / n.
void Centre(const std::vector<double>& a, const std::vector<double>& b, double n,
            std::vector<double>& matrix) {
  const size_t columns = a.size();
  for (size_t i = 0; i < columns; ++i) {
    for (size_t j = 0; j < columns; ++j) matrix[i * columns + j] -= a[i] * b[j] / n;
  }
}

}  // namespace

InputMoments::InputMoments(int64_t columns, bool matrices)
    : columns_(columns),
      squares_(columns),
      given_sums_(columns),
      real_sums_(columns),
      gram_(matrices ? columns * columns : 0),
      cross_(gram_.size()) {}

InputMoments InputMoments::OfFloatModel(const ChannelSums& sums, std::vector<double> gram) {
  InputMoments moments(static_cast<int64_t>(sums.sum.size()), /*matrices=*/false);
  G4C_CHECK(gram.size() == sums.sum.size() * sums.sum.size());
  moments.rows_ = static_cast<int64_t>(sums.rows);
  for (int64_t j = 0; j < moments.columns_; ++j) {
    moments.squares_[j] = FromFixed(sums.square[j]);
    moments.given_sums_[j] = moments.real_sums_[j] = FromFixed(sums.sum[j]);
  }
  moments.gram_ = std::move(gram);
  return moments;
}

void InputMoments::Add(const ir::Tensor& given, const ir::Tensor& real) {
  G4C_CHECK(given.rank() == 2 && given.dims() == real.dims() && given.dims()[1] == columns_);
  const int64_t rows = given.dims()[0];
  if (rows == 0) return;
  rows_ += rows;
  const float* x = given.data<float>();
  const float* y = real.data<float>();
  ParallelForRange(columns_, kColumnsPerTile, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t j = begin; j < end; ++j) {
        const double entry = x[row * columns_ + j];
        squares_[j] += entry * entry;
        given_sums_[j] += entry;
        real_sums_[j] += y[row * columns_ + j];
      }
    }
  });
  if (gram_.empty()) return;
  // Products with it are two thirds faster from rows that lie side by side.
  const ir::Tensor transposed = given.Transposed({1, 0}).Contiguous();
  AddProduct(transposed, given, /*symmetric=*/true, gram_);
  ir::Tensor shift = ir::Tensor::Allocate(ir::DType::kF32, given.dims());
  float* to = shift.mutable_data<float>();
  ParallelForRange(shift.NumElements(), kElementsPerTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = y[i] - x[i];
  });
  AddProduct(transposed, shift, /*symmetric=*/false, cross_);
}

bool InputMoments::IsFinite() const {
  for (const auto* sums : {&squares_, &real_sums_, &gram_, &cross_}) {
    for (double sum : *sums) {
      if (!std::isfinite(sum)) return false;
    }
  }
  return true;
}

std::vector<float> InputMoments::MeanSquares() const {
  const std::vector<double> means = Means(squares_);
  return {means.begin(), means.end()};
}

std::vector<double> InputMoments::Means(const std::vector<double>& sums) const {
  std::vector<double> means = sums;
  for (double& mean : means) mean /= static_cast<double>(rows_);
  return means;
}

std::vector<double> InputMoments::TakeGram(bool centred) {
  std::vector<double> matrix = std::exchange(gram_, {});
  if (centred) Centre(given_sums_, given_sums_, static_cast<double>(rows_), matrix);
  return matrix;
}

std::vector<double> InputMoments::TakeCross(bool centred) {
  std::vector<double> matrix = std::exchange(cross_, {});
  if (!centred) return matrix;
  std::vector<double> shift_sums(columns_);
  for (int64_t j = 0; j < columns_; ++j) shift_sums[j] = real_sums_[j] - given_sums_[j];
  Centre(given_sums_, shift_sums, static_cast<double>(rows_), matrix);
  return matrix;
}

}  // namespace g4c::quantization
