#include "ir/shape.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "base/status.h"

namespace g4c::ir {

bool Shape::IsStatic() const {
  return has_rank_ && std::all_of(dims_.begin(), dims_.end(), [](int64_t d) { return d >= 0; });
}

std::string ShapeText(const Shape& shape) {
  if (!shape.has_rank()) return "[*]";
  return absl::StrCat("[",
                      absl::StrJoin(shape.dims(), ", ",
                                    [](std::string* out, int64_t dim) {
                                      absl::StrAppend(out, dim < 0 ? "?" : absl::StrCat(dim));
                                    }),
                      "]");
}

absl::StatusOr<int64_t> CheckedNumElements(const Dims& dims) {
  constexpr int64_t kLimit = int64_t{1} << 62;
  int64_t product = 1;
  bool overflow = false;
  bool empty = false;
  for (int64_t dim : dims) {
    if (dim < 0)
      return InvalidInput("negative dimension ", dim, " in shape ", ShapeText(Dims(dims)));
    // The other dims must not overflow either: strides are their products.
    if (dim == 0) {
      empty = true;
    } else if (product > kLimit / dim) {
      overflow = true;
    } else {
      product *= dim;
    }
  }
  if (overflow) return InvalidInput("the size of shape ", ShapeText(Dims(dims)), " overflows");
  return empty ? 0 : product;
}

int64_t NumElements(const Dims& dims) {
  int64_t product = 1;
  for (int64_t dim : dims) product *= dim;
  return product;
}

Dims RowMajorStrides(const Dims& dims) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (int i = static_cast<int>(dims.size()) - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    return InvalidInput("axis ", axis, " is outside of rank ", rank);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return Shape();
  const int rank = std::max(a.rank(), b.rank());
  Dims dims(rank);
  for (int i = 0; i < rank; ++i) {
    const int ai = i - (rank - a.rank());
    const int bi = i - (rank - b.rank());
    const int64_t da = ai < 0 ? 1 : a.dim(ai);
    const int64_t db = bi < 0 ? 1 : b.dim(bi);
    if (da == db || db == 1) {
      dims[i] = da;
    } else if (da == 1) {
      dims[i] = db;
    } else if (da == kUnknownDim) {
      dims[i] = db;
    } else if (db == kUnknownDim) {
      dims[i] = da;
    } else {
      return InvalidInput("shapes ", ShapeText(a), " and ", ShapeText(b), " do not broadcast");
    }
  }
  return Shape(std::move(dims));
}

}  // namespace g4c::ir
