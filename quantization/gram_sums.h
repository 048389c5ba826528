// The Hessian of a linear's weights: the Gram matrix of its inputs, as sums that do not show their
// order.
#ifndef QUANTIZATION_GRAM_SUMS_H_
#define QUANTIZATION_GRAM_SUMS_H_

#include <vector>

#include "absl/types/span.h"
#include "ir/tensor.h"
#include "quantization/statistics.h"

namespace g4c::quantization {

// sum x x^T over rows x, its lower triangle row by row: entry (i, j), j <= i, at i (i + 1) / 2 + j.
// Fixed point as ChannelSums: the product over the rows of one Add is an f32 matrix product of the
// evaluator, rounded once to a multiple of 2^-kSumFraction; integers are added from there on.
class GramSums {
 public:
  explicit GramSums(int64_t columns) : columns_(columns), lower_(columns * (columns + 1) / 2) {}

  // f32, contiguous, [rows, columns]: those of one sample. False where a product is infinite.
  bool Add(const ir::Tensor& rows);
  // Entries as lower() gives them, of as many columns.
  void Merge(absl::Span<const Int128> lower);

  int64_t columns() const { return columns_; }
  const std::vector<Int128>& lower() const { return lower_; }
  // The whole matrix, row-major [columns, columns].
  std::vector<double> Gram() const;

 private:
  int64_t columns_;
  std::vector<Int128> lower_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_GRAM_SUMS_H_
