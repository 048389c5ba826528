// Weights that make up for what quantisation did to their inputs.
#ifndef QUANTIZATION_MATCH_FLOAT_H_
#define QUANTIZATION_MATCH_FLOAT_H_

#include <vector>

#include "absl/types/span.h"
#include "quantization/cholesky.h"

namespace g4c::quantization {

// For weights w of linears that read the same, the weights v that are least in
//   sum ||v x - w y||^2 + damping ||v - w||^2
// over the inputs x of the quantised and y of the float model:
//   v = w + w C^T (H + damping)^-1,   H = sum x x^T,   C = sum x (y - x)^T
class FloatMatch {
 public:
  // `gram` is H, of which only the lower triangle is read, `cross` is C, row-major [columns,
  // columns]. `strength` times the mean of H's diagonal is the damping; ten times as much again
  // until H is regular.
  FloatMatch(absl::Span<const double> gram, absl::Span<const double> cross, int64_t columns,
             double strength);

  // v, row-major [rows, columns] as `weight` is. The same bytes for any number of threads.
  std::vector<float> Match(absl::Span<const float> weight) const;

 private:
  std::vector<float> cross_;
  Cholesky factor_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_MATCH_FLOAT_H_
