#include "quantization/cholesky.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/sgemm.h"

namespace g4c::quantization {
namespace {

using evaluator::Matrix;
using evaluator::Sgemm;

constexpr int64_t kBlock = 128;

// block <- block m, for `rows` rows of `width` elements; m: [width, width].
void Multiply(float* block, int64_t leading, int64_t rows, const Matrix& m, int64_t width) {
  static thread_local std::vector<float> product;
  product.resize(rows * width);
  Sgemm({block, /*transposed=*/false, leading}, 0, m, 0, rows, width, width, 1.0f, 0.0f,
        product.data(), width);
  for (int64_t row = 0; row < rows; ++row) {
    std::copy_n(product.data() + row * width, width, block + row * leading);
  }
}

}  // namespace

absl::optional<Cholesky> Cholesky::Factor(std::vector<float> matrix, int64_t size) {
  G4C_CHECK(static_cast<int64_t>(matrix.size()) == size * size);
  Cholesky cholesky(std::move(matrix), size);
  float* a = cholesky.lower_.data();
  for (int64_t begin = 0; begin < size; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, size);
    const int64_t width = end - begin;
    if (!cholesky.FactorDiagonal(begin, end)) return absl::nullopt;
    // L_ik = A_ik L_kk^-T, then A_ij -= L_ik L_jk^T for what is left, by rows of blocks.
    const Matrix inverse = {cholesky.inverses_.back().data(), /*transposed=*/true, width};
    const int64_t left = (size - end + kBlock - 1) / kBlock;
    ParallelFor(left, [&](int64_t i) {
      const int64_t row = end + i * kBlock;
      Multiply(a + row * size + begin, size, std::min(kBlock, size - row), inverse, width);
    });
    ParallelFor(left, [&](int64_t i) {
      // The longest first: threads end together.
      const int64_t row = end + (left - 1 - i) * kBlock;
      const int64_t rows = std::min(kBlock, size - row);
      Sgemm({a + row * size + begin, /*transposed=*/false, size}, 0,
            {a + end * size + begin, /*transposed=*/true, size}, 0, rows, row + rows - end, width,
            -1.0f, 1.0f, a + row * size + end, size);
    });
  }
  return cholesky;
}

bool Cholesky::FactorDiagonal(int64_t begin, int64_t end) {
  const int64_t width = end - begin;
  float* a = lower_.data() + begin * size_ + begin;
  const auto dot = [](const float* x, const float* y, int64_t count) {
    double sum = 0;
    for (int64_t t = 0; t < count; ++t) sum += static_cast<double>(x[t]) * y[t];
    return sum;
  };
  for (int64_t i = 0; i < width; ++i) {
    float* row = a + i * size_;
    for (int64_t j = 0; j < i; ++j) {
      const float* other = a + j * size_;
      row[j] = static_cast<float>((row[j] - dot(row, other, j)) / other[j]);
    }
    const double pivot = row[i] - dot(row, row, i);
    if (!(pivot > 0)) return false;
    row[i] = static_cast<float>(std::sqrt(pivot));
  }
  std::vector<float>& inverse = inverses_.emplace_back(width * width);
  for (int64_t j = 0; j < width; ++j) {
    inverse[j * width + j] = 1.0f / a[j * size_ + j];
    for (int64_t i = j + 1; i < width; ++i) {
      double sum = 0;
      for (int64_t t = j; t < i; ++t) {
        sum += static_cast<double>(a[i * size_ + t]) * inverse[t * width + j];
      }
      inverse[i * width + j] = static_cast<float>(-sum / a[i * size_ + i]);
    }
  }
  return true;
}

void Cholesky::Solve(absl::Span<float> rows) const {
  const int64_t count = static_cast<int64_t>(rows.size()) / size_;
  const int64_t blocks = static_cast<int64_t>(inverses_.size());
  const float* l = lower_.data();
  float* x = rows.data();
  // z L^T = x: z_k = (x_k - sum_{j < k} z_j L_kj^T) L_kk^-T.
  for (int64_t k = 0; k < blocks; ++k) {
    const int64_t begin = k * kBlock;
    const int64_t width = std::min(kBlock, size_ - begin);
    if (begin > 0) {
      Sgemm({x, /*transposed=*/false, size_}, 0, {l + begin * size_, /*transposed=*/true, size_}, 0,
            count, width, begin, -1.0f, 1.0f, x + begin, size_);
    }
    Multiply(x + begin, size_, count, {inverses_[k].data(), /*transposed=*/true, width}, width);
  }
  // y L = z: y_k = (z_k - sum_{i > k} y_i L_ik) L_kk^-1.
  for (int64_t k = blocks - 1; k >= 0; --k) {
    const int64_t begin = k * kBlock;
    const int64_t end = std::min(begin + kBlock, size_);
    if (end < size_) {
      Sgemm({x + end, /*transposed=*/false, size_}, 0,
            {l + end * size_ + begin, /*transposed=*/false, size_}, 0, count, end - begin,
            size_ - end, -1.0f, 1.0f, x + begin, size_);
    }
    Multiply(x + begin, size_, count, {inverses_[k].data(), /*transposed=*/false, end - begin},
             end - begin);
  }
}

}  // namespace g4c::quantization
