// GPTQ (Frantar et al., 2022): the integers of a weight that give the least squared error of its
// products with given inputs, column after column.
#ifndef QUANTIZATION_GPTQ_H_
#define QUANTIZATION_GPTQ_H_

#include <vector>

#include "absl/types/span.h"
#include "ir/quantization.h"
#include "quantization/cholesky.h"

namespace g4c::quantization {

// With H the Gram matrix of the inputs and e = w - q the error of a row, the error of the products
// is e H e^T. H + damping = L L^T, its columns in the order in which they are NOT rounded (least
// diagonal first); then e H e^T = sum_j (L_jj (w_j - q_j) + sum_{i > j} e_i L_ij)^2, and each term
// is least, the later columns given, for
//   q_j = round(w_j + sum_{i > j} e_i L_ij / L_jj),   j from the last column to the first.
// That is the same as GPTQ's updates by the inverse Hessian, without an inverse.
class Gptq {
 public:
  // Factors the symmetric matrix `gram`, row-major [columns, columns] (only its lower triangle is
  // read). Damping is kDamping times the mean of the diagonal, ten times as much again until the
  // factorisation succeeds; it makes a matrix of any rank, zero included, do.
  static constexpr double kDamping = 0.01;
  Gptq(absl::Span<const double> gram, int64_t columns);

  // By how much more than kDamping the diagonal was raised; 1 for well-conditioned inputs.
  double damping_factor() const { return damping_factor_; }

  // The grid points scale * (q - zero_point), in f32, for `weight`, row-major [rows, columns], with
  // qparams per row. Storing them with these qparams gives q. The same bytes for any number of
  // threads.
  std::vector<float> Round(absl::Span<const float> weight, const ir::QuantPerChannel& q) const;

 private:
  int64_t columns_;
  double damping_factor_ = 1;
  std::vector<int64_t> order_;       // order_[j]: the column of the weight at place j of the factor
  absl::optional<Cholesky> factor_;  // always there once constructed
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_GPTQ_H_
