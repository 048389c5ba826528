// Some rows of a long sample that stand for all of them.
#ifndef QUANTIZATION_ROW_SAMPLE_H_
#define QUANTIZATION_ROW_SAMPLE_H_

#include <vector>

#include "absl/types/span.h"
#include "ir/tensor.h"

namespace g4c::quantization {

// Without indices: all rows.
struct RowSample {
  std::vector<int64_t> indices;  // ascending
  std::vector<double> weights;   // by index: for how many rows it stands

  bool all() const { return indices.empty(); }
  int64_t size() const { return static_cast<int64_t>(indices.size()); }
};

// `count` of the rows whose magnitude is not negative, which must be more than that: an eighth are
// the largest, since what few rows have alone decides about clipping; the others are spread evenly
// over the rest. Sums over rows are estimated without bias by those of the sample times weights.
RowSample ChooseRows(absl::Span<const float> magnitudes, int64_t count);

// The elements of `indices` along one axis, row-major.
ir::Tensor TakeRows(const ir::Tensor& data, int axis, absl::Span<const int64_t> indices);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_ROW_SAMPLE_H_
