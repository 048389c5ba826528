// What the quantisation of a linear needs to know of its inputs.
#ifndef QUANTIZATION_HESSIAN_H_
#define QUANTIZATION_HESSIAN_H_

#include <vector>

#include "absl/types/span.h"
#include "ir/tensor.h"
#include "quantization/statistics.h"

namespace g4c::quantization {

// Sums over rows x of the inputs as the quantised model has them (`given`) and as the float model
// has them (`real`). Matrices are f64, row-major [columns, columns], added up in the order of Add.
class InputMoments {
 public:
  InputMoments(int64_t columns, bool matrices);

  // Of a float model, whose given inputs are the real ones. `gram`: sum x x^T, row-major.
  static InputMoments OfFloatModel(const ChannelSums& sums, std::vector<double> gram);

  // Both f32, contiguous, [rows, columns], row by row of the same samples. Products of one call are
  // f32 matrix products of the evaluator.
  void Add(const ir::Tensor& given, const ir::Tensor& real);

  int64_t columns() const { return columns_; }
  int64_t rows() const { return rows_; }
  // No sum is NaN or infinite.
  bool IsFinite() const;

  // By column: the mean square of the given inputs, and the means of both.
  std::vector<float> MeanSquares() const;
  std::vector<double> GivenMeans() const { return Means(given_sums_); }
  std::vector<double> RealMeans() const { return Means(real_sums_); }

  // sum (x - m)(x - m)^T over the given inputs, m being their mean, or 0 unless `centred`. Only the
  // lower triangle means anything. Both matrices are large: they are handed out once.
  std::vector<double> TakeGram(bool centred);
  // Whether given and real inputs may differ, so that Cross is not zero.
  bool has_cross() const { return !cross_.empty(); }
  // sum (x - m)((y - n) - (x - m))^T, y being the real inputs, n their mean. Requires has_cross.
  std::vector<double> TakeCross(bool centred);

 private:
  std::vector<double> Means(const std::vector<double>& sums) const;

  int64_t columns_;
  int64_t rows_ = 0;
  std::vector<double> squares_;
  std::vector<double> given_sums_;
  std::vector<double> real_sums_;
  std::vector<double> gram_;   // its lower triangle; empty without matrices
  std::vector<double> cross_;  // of given and (real - given); empty where these are the same
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_HESSIAN_H_
