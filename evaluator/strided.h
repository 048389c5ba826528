// Broadcast and strided operands as few, long runs.
#ifndef EVALUATOR_STRIDED_H_
#define EVALUATOR_STRIDED_H_

#include <array>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

inline constexpr int kMaxOperands = 4;

// Element offsets of the operands' first elements, and how far apart the next ones are.
struct StridedRun {
  std::array<int64_t, kMaxOperands> offsets;
  std::array<int64_t, kMaxOperands> strides;
  int64_t count;
};

// Walks operands of one shape in row-major order: axes along which every operand steps on evenly
// are one. `run` is called for consecutive elements, for different runs on different threads;
// together the runs are every element once. strides[i]: of operand i in elements, at most
// kMaxOperands.
void ForEachRun(const ir::Dims& dims, absl::Span<const ir::Dims> strides,
                absl::FunctionRef<void(const StridedRun&)> run);

// x, copied to row-major order unless it is so already.
ir::Tensor RowMajor(const ir::Tensor& x);
// Copies x to `out` + the strides (in elements) of out.
void CopyTo(const ir::Tensor& x, const ir::Dims& out_strides, uint8_t* out);
// Reshaped without the slow copy.
ir::Tensor ReshapedTo(const ir::Tensor& x, const ir::Dims& dims);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_STRIDED_H_
