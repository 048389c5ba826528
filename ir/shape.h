// Shapes. Until the fold phase has ended, a rank or single dimensions may be unknown.
#ifndef IR_SHAPE_H_
#define IR_SHAPE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace g4c::ir {

// Dimensions of a known shape. All dims >= 0.
using Dims = std::vector<int64_t>;

inline constexpr int64_t kUnknownDim = -1;

class Shape {
 public:
  // Unknown rank.
  Shape() = default;
  // Known rank; an entry may be kUnknownDim.
  Shape(Dims dims) : has_rank_(true), dims_(std::move(dims)) {}  // NOLINT: dims are a shape
  Shape(std::initializer_list<int64_t> dims) : has_rank_(true), dims_(dims) {}

  bool has_rank() const { return has_rank_; }
  // Requires has_rank().
  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t dim(int axis) const { return dims_[axis]; }
  const Dims& dims() const { return dims_; }
  // Rank and all dimensions known.
  bool IsStatic() const;

  bool operator==(const Shape&) const = default;

 private:
  bool has_rank_ = false;
  Dims dims_;
};

// "[1, 63, 64]"; an unknown dim is "?", an unknown rank "[*]".
std::string ShapeText(const Shape& shape);

// The product of the dims; InvalidInput when it overflows 2^62 or a dim is negative.
absl::StatusOr<int64_t> CheckedNumElements(const Dims& dims);
// The same for dims that were checked before.
int64_t NumElements(const Dims& dims);

// Row-major strides in elements.
Dims RowMajorStrides(const Dims& dims);

// `axis` in [-rank, rank) as a number in [0, rank); InvalidInput otherwise.
absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank);

// NumPy broadcast of two shapes; unknown dims stay unknown where the other does not settle them.
// InvalidInput where two known dims contradict each other.
absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b);

}  // namespace g4c::ir

#endif  // IR_SHAPE_H_
