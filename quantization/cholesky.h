// The Cholesky factor of a symmetric matrix, in f32 and in blocks, on all threads.
#ifndef QUANTIZATION_CHOLESKY_H_
#define QUANTIZATION_CHOLESKY_H_

#include <vector>

#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace g4c::quantization {

// A = L L^T with L lower triangular. All products of blocks are the evaluator's; blocks depend on
// the size only, so that results are the same bytes for any number of threads.
class Cholesky {
 public:
  // Factors `matrix`, row-major [size, size], of which only the lower triangle is read. Nullopt
  // where a pivot is not positive.
  static absl::optional<Cholesky> Factor(std::vector<float> matrix, int64_t size);

  int64_t size() const { return size_; }
  // Row-major [size, size]; what lies above the diagonal means nothing.
  const float* lower() const { return lower_.data(); }

  // x <- x A^-1 for each row x of [rows, size], on the calling thread.
  void Solve(absl::Span<float> rows) const;

 private:
  Cholesky(std::vector<float> matrix, int64_t size) : lower_(std::move(matrix)), size_(size) {}

  bool FactorDiagonal(int64_t begin, int64_t end);

  std::vector<float> lower_;
  int64_t size_;
  std::vector<std::vector<float>> inverses_;  // of the diagonal blocks of L
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_CHOLESKY_H_
