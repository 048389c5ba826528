// oneDNN's matrix product on views of tensors, one single-threaded call at a time.
#ifndef EVALUATOR_SGEMM_H_
#define EVALUATOR_SGEMM_H_

#include <cstdint>

#include "ir/tensor.h"

namespace g4c::evaluator {

// One matrix of an operand as BLAS takes it: one axis contiguous.
struct Matrix {
  const float* data;  // may be misaligned: oneDNN's loads are unaligned ones
  bool transposed;
  int64_t leading;

  const float* At(int64_t row, int64_t column) const {
    const int64_t offset = transposed ? column * leading + row : row * leading + column;
    return reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(data) +
                                          offset * sizeof(float));
  }
};

// x (f32, f16, bf16 or f64, rank >= 2) as f32 whose matrices are all such that MatrixAt takes them;
// a copy only where they are not.
ir::Tensor AsMatrices(const ir::Tensor& x);

// x, of rank >= 2, broadcast to the leading axes `batch`.
ir::Tensor BroadcastBatch(const ir::Tensor& x, const ir::Dims& batch);

// The matrix at `index` of the leading axes of what AsMatrices gave.
Matrix MatrixAt(const ir::Tensor& x, const ir::Dims& index);

// out = alpha a b + beta out. a: [rows, depth], beginning at a.At(row, 0); b: [depth, columns], at
// b.At(0, column); out: `leading` elements from row to row. depth > 0.
void Sgemm(const Matrix& a, int64_t row, const Matrix& b, int64_t column, int64_t rows,
           int64_t columns, int64_t depth, float alpha, float beta, float* out, int64_t leading);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_SGEMM_H_
