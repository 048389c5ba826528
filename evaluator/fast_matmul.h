// Matrix products by oneDNN, cut into tiles.
#ifndef EVALUATOR_FAST_MATMUL_H_
#define EVALUATOR_FAST_MATMUL_H_

#include <cstdint>
#include <functional>

#include "ir/tensor.h"

namespace g4c::evaluator {

// Columns of a tile of the result: a result of no more has whole rows in a tile.
inline constexpr int64_t kMatMulTileColumns = 768;

// alpha * a b + bias, clamped. a: [..., m, k], b: [..., k, n], leading axes broadcast; bias: [n] or
// null. The result has the shape `dims`, which has as many elements. All f32 (or f16, bf16, f64,
// read as f32), any strides: a matrix of which one axis is contiguous is not copied.
//
// Every tile is one single-threaded call, so that results depend on the shapes and oneDNN's
// instruction set only. Error: below k * 2^-24 times the sum of the |products|.
struct MatMulOptions {
  float alpha = 1.0f;
  const ir::Tensor* bias = nullptr;
  float low = -__builtin_inff();
  float high = __builtin_inff();
  // Called for the columns [column, column + count) of each row of the result when they are done,
  // on any thread: may change them. Rows are counted over all matrices.
  std::function<void(float* run, int64_t row, int64_t column, int64_t count)> epilogue;
};
ir::Tensor FastMatMul(const ir::Tensor& a, const ir::Tensor& b, const ir::Dims& dims,
                      const MatMulOptions& options);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_MATMUL_H_
