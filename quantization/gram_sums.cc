#include "quantization/gram_sums.h"

#include <atomic>
#include <cmath>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/fast_matmul.h"

namespace g4c::quantization {
namespace {

constexpr int64_t kRowsPerTile = 16;

}  // namespace

bool GramSums::Add(const ir::Tensor& rows) {
  G4C_CHECK(rows.rank() == 2 && rows.dims()[1] == columns_);
  if (rows.dims()[0] == 0) return true;
  const ir::Tensor product =
      evaluator::FastMatMul(rows.Transposed({1, 0}), rows, {columns_, columns_}, {});
  const float* from = product.data<float>();
  std::atomic<bool> finite = true;
  ParallelForRange(columns_, kRowsPerTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Int128* row = lower_.data() + i * (i + 1) / 2;
      for (int64_t j = 0; j <= i; ++j) {
        const float entry = from[i * columns_ + j];
        if (!std::isfinite(entry)) {
          finite = false;
          return;
        }
        row[j] = FixedSum(row[j], ToFixed(entry));
      }
    }
  });
  return finite;
}

void GramSums::Merge(absl::Span<const Int128> lower) {
  G4C_CHECK(lower.size() == lower_.size());
  for (size_t i = 0; i < lower.size(); ++i) lower_[i] = FixedSum(lower_[i], lower[i]);
}

std::vector<double> GramSums::Gram() const {
  std::vector<double> gram(columns_ * columns_);
  ParallelForRange(columns_, kRowsPerTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Int128* row = lower_.data() + i * (i + 1) / 2;
      for (int64_t j = 0; j <= i; ++j) {
        gram[i * columns_ + j] = gram[j * columns_ + i] = FromFixed(row[j]);
      }
    }
  });
  return gram;
}

}  // namespace g4c::quantization
