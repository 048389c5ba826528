// Operators that work element by element, as kernels on runs of f32.
#ifndef EVALUATOR_FAST_RUNS_H_
#define EVALUATOR_FAST_RUNS_H_

#include <cstdint>

#include "absl/types/optional.h"
#include "ir/op.h"

namespace g4c::evaluator {

// out[i] = f(in[i]); out may be in. Results are the same bits on every machine.
struct UnaryKernel {
  void (*run)(const float* in, float* out, int64_t count, float low, float high);
  float low = 0;  // attributes of the operator
  float high = 0;

  void operator()(const float* in, float* out, int64_t count) const {
    run(in, out, count, low, high);
  }
};

// out[i] = f(a[i * step_a], b[i * step_b]); out may be a or b where that one's step is 1.
using BinaryKernel = void (*)(const float* a, int64_t step_a, const float* b, int64_t step_b,
                              float* out, int64_t count);

// nullopt, null: no kernel does the operator. The four basic operations, maximum, minimum, square
// and square root round as the reference does; for the others see fast_rows.h.
absl::optional<UnaryKernel> UnaryKernelOf(const ir::Op& op);
BinaryKernel BinaryKernelOf(const ir::Op& op);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_RUNS_H_
