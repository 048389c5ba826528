#include "quantization/hessian.h"

#include <cmath>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/fast_matmul.h"

namespace g4c::quantization {
namespace {

constexpr int64_t kColumnsPerTile = 64;
constexpr int64_t kElementsPerTile = 1 << 14;

// sums += a^T b.
void AddProduct(const ir::Tensor& a, const ir::Tensor& b, std::vector<double>& sums) {
  const ir::Tensor product =
      evaluator::FastMatMul(a.Transposed({1, 0}), b, {a.dims()[1], b.dims()[1]}, {});
  const float* from = product.data<float>();
  ParallelForRange(product.NumElements(), kElementsPerTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sums[i] += from[i];
  });
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
  AddProduct(given, given, gram_);
  ir::Tensor shift = ir::Tensor::Allocate(ir::DType::kF32, given.dims());
  float* to = shift.mutable_data<float>();
  ParallelForRange(shift.NumElements(), kElementsPerTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = y[i] - x[i];
  });
  AddProduct(given, shift, cross_);
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

std::vector<double> InputMoments::Gram(bool centred) const {
  std::vector<double> matrix = gram_;
  if (centred) Centre(given_sums_, given_sums_, static_cast<double>(rows_), matrix);
  return matrix;
}

std::vector<double> InputMoments::Cross(bool centred) const {
  std::vector<double> matrix = cross_;
  if (!centred) return matrix;
  std::vector<double> shift_sums(columns_);
  for (int64_t j = 0; j < columns_; ++j) shift_sums[j] = real_sums_[j] - given_sums_[j];
  Centre(given_sums_, shift_sums, static_cast<double>(rows_), matrix);
  return matrix;
}

}  // namespace g4c::quantization
