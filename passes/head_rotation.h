// The orthogonal matrix that mixes the channels of a head, and weights whose channels it mixes.
#ifndef PASSES_HEAD_ROTATION_H_
#define PASSES_HEAD_ROTATION_H_

#include <vector>

#include "ir/tensor.h"

namespace g4c::passes {

// R of width d = 2^k m, m odd: the Kronecker product of the Hadamard matrix of 2^k and the cosine
// transform (DCT-II) of m, all of whose entries are about 1 / sqrt(d).
class HeadRotation {
 public:
  explicit HeadRotation(int64_t d);

  int64_t width() const { return odd_ * even_; }
  // Vectors that are rotated together.
  static constexpr int64_t kVectors = 16;
  // x [d, kVectors] -> R x in place, in k + m steps an element; `spare` has as many elements.
  void Apply(double* x, double* spare) const;

 private:
  int64_t even_;                 // 2^k
  int64_t odd_;                  // m
  std::vector<double> cosines_;  // [m, m], times 1 / sqrt(2^k)
};

// f32: each stretch of d elements of `axis`, whose length is a multiple of d, times R. Computed
// (passes/computed_weights.h).
ir::Tensor RotateAxis(const ir::Tensor& data, int axis, const HeadRotation& rotation);

}  // namespace g4c::passes

#endif  // PASSES_HEAD_ROTATION_H_
