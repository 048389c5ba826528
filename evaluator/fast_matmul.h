// Matrix products by oneDNN, cut into tiles.
#ifndef EVALUATOR_FAST_MATMUL_H_
#define EVALUATOR_FAST_MATMUL_H_

#include "absl/types/optional.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

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
};
ir::Tensor FastMatMul(const ir::Tensor& a, const ir::Tensor& b, const ir::Dims& dims,
                      const MatMulOptions& options);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_MATMUL_H_
