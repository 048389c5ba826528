#include "ir/resolve.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_join.h"
#include "base/status.h"

namespace g4c::ir {
namespace {

absl::Status NeedsRank(const Shape& x) {
  return x.has_rank() ? absl::OkStatus() : InvalidInput("the operand's rank is not known");
}

std::string IntsText(const Ints& ints) { return absl::StrCat("[", absl::StrJoin(ints, ", "), "]"); }

}  // namespace

OptionalInts IntsOf(const Tensor* operand) {
  if (operand == nullptr) return absl::nullopt;
  return operand->Ints();
}

absl::StatusOr<int64_t> IntScalarOf(const Tensor& operand) {
  if (operand.NumElements() != 1) {
    return InvalidInput("a scalar is needed, got shape ", ShapeText(Shape(operand.dims())));
  }
  if (!IsFloat(operand.dtype())) return operand.IntScalar();
  double value;
  operand.ReadDoubles(0, {&value, 1});
  if (!(std::abs(value) < 0x1p53) || value != std::floor(value)) {
    return InvalidInput("a whole number is needed, got ", value);
  }
  return static_cast<int64_t>(value);
}

absl::StatusOr<Ints> NormalizeAxes(const Ints& axes, int rank) {
  Ints result;
  for (int64_t axis : axes) {
    ASSIGN_OR_RETURN(const int normal, NormalizeAxis(axis, rank));
    result.push_back(normal);
  }
  std::sort(result.begin(), result.end());
  const auto repeated = std::adjacent_find(result.begin(), result.end());
  if (repeated != result.end()) return InvalidInput("axis ", *repeated, " is given twice");
  return result;
}

absl::StatusOr<Shape> ResolveReshape(const Shape& x, const Ints& shape, bool allow_zero) {
  Dims dims = shape;
  int inferred = -1;
  bool has_zero = false;
  bool known = x.has_rank();  // whether the products below are complete
  // Dims that 0 copies are on both sides and cancel, so that they may be unknown.
  std::vector<bool> copied(x.has_rank() ? x.rank() : 0, false);
  int64_t rest = 1;
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    if (dims[i] < -1)
      return InvalidInput("bad dimension ", dims[i], " in the new shape ", IntsText(shape));
    if (dims[i] == -1) {
      if (inferred >= 0) return InvalidInput("a new shape with more than one -1");
      inferred = i;
    } else if (dims[i] == 0 && !allow_zero) {
      if (!x.has_rank()) {
        dims[i] = kUnknownDim;
        continue;
      }
      if (i >= x.rank()) {
        return InvalidInput("the new shape ", IntsText(shape), " copies dimension ", i, " of ",
                            ShapeText(x));
      }
      dims[i] = x.dim(i);
      copied[i] = true;
    } else {
      has_zero |= dims[i] == 0;
      ASSIGN_OR_RETURN(rest, CheckedNumElements({rest, dims[i]}));
    }
  }
  if (inferred >= 0 && has_zero)
    return InvalidInput("a new shape with both 0 and -1: ", IntsText(shape));
  int64_t size = 1;
  if (x.has_rank()) {
    for (int i = 0; i < x.rank(); ++i) {
      if (copied[i]) continue;
      if (x.dim(i) == kUnknownDim) {
        known = false;
      } else {
        ASSIGN_OR_RETURN(size, CheckedNumElements({size, x.dim(i)}));
      }
    }
  }
  if (known) {
    const bool fits = inferred < 0 ? size == rest : rest > 0 && size % rest == 0;
    if (!fits) {
      return InvalidInput("cannot reshape ", ShapeText(x), " to ", IntsText(shape));
    }
    if (inferred >= 0) dims[inferred] = size / rest;
  }
  return Shape(std::move(dims));
}

absl::StatusOr<Shape> ResolveExpand(const Shape& x, const Ints& shape) {
  for (int64_t dim : shape) {
    if (dim < 0) return InvalidInput("cannot expand to a negative dimension ", dim);
  }
  return BroadcastShapes(x, Shape(shape));
}

absl::StatusOr<Shape> ResolveSqueeze(const Shape& x, const OptionalInts& axes) {
  RETURN_IF_ERROR(NeedsRank(x));
  Dims dims;
  if (!axes.has_value()) {
    if (!x.IsStatic())
      return InvalidInput("squeeze without axes of the unknown shape ", ShapeText(x));
    std::copy_if(x.dims().begin(), x.dims().end(), std::back_inserter(dims),
                 [](int64_t d) { return d != 1; });
    return Shape(std::move(dims));
  }
  ASSIGN_OR_RETURN(const Ints normal, NormalizeAxes(*axes, x.rank()));
  for (int i = 0; i < x.rank(); ++i) {
    if (!std::binary_search(normal.begin(), normal.end(), i)) {
      dims.push_back(x.dim(i));
    } else if (x.dim(i) != 1 && x.dim(i) != kUnknownDim) {
      return InvalidInput("cannot squeeze axis ", i, " of ", ShapeText(x), ": it is not 1");
    }
  }
  return Shape(std::move(dims));
}

absl::StatusOr<Shape> ResolveUnsqueeze(const Shape& x, const Ints& axes) {
  RETURN_IF_ERROR(NeedsRank(x));
  const int rank = x.rank() + static_cast<int>(axes.size());
  ASSIGN_OR_RETURN(const Ints normal, NormalizeAxes(axes, rank));
  Dims dims;
  for (int i = 0, from = 0; i < rank; ++i) {
    const bool added = std::binary_search(normal.begin(), normal.end(), i);
    dims.push_back(added ? 1 : x.dim(from++));
  }
  return Shape(std::move(dims));
}

absl::StatusOr<Shape> ResolveTile(const Shape& x, const Ints& repeats) {
  RETURN_IF_ERROR(NeedsRank(x));
  if (static_cast<int>(repeats.size()) != x.rank()) {
    return InvalidInput(repeats.size(), " repeats for the shape ", ShapeText(x));
  }
  Dims dims = x.dims();
  for (int i = 0; i < x.rank(); ++i) {
    if (repeats[i] < 0) return InvalidInput("negative repeat ", repeats[i]);
    if (dims[i] == kUnknownDim) {
      if (repeats[i] == 0) dims[i] = 0;
      continue;
    }
    ASSIGN_OR_RETURN(dims[i], CheckedNumElements({dims[i], repeats[i]}));
  }
  return Shape(std::move(dims));
}

absl::StatusOr<Ints> ResolveReduceAxes(const DynamicReduce& op, int rank,
                                       const OptionalInts& axes) {
  if (axes.has_value() && !axes->empty()) return NormalizeAxes(*axes, rank);
  Ints all;
  if (op.noop_with_empty_axes) return all;
  for (int i = 0; i < rank; ++i) all.push_back(i);
  return all;
}

Shape ReducedShape(const Shape& x, const Ints& axes, bool keep_dims) {
  Dims dims;
  for (int i = 0; i < x.rank(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), i)) {
      dims.push_back(x.dim(i));
    } else if (keep_dims) {
      dims.push_back(1);
    }
  }
  return Shape(std::move(dims));
}

absl::StatusOr<Slice> ResolveSlice(const Shape& x, const Ints& starts, const Ints& ends,
                                   const OptionalInts& axes, const OptionalInts& steps) {
  RETURN_IF_ERROR(NeedsRank(x));
  const size_t count = starts.size();
  if (ends.size() != count || (axes.has_value() && axes->size() != count) ||
      (steps.has_value() && steps->size() != count)) {
    return InvalidInput("slice with ", count, " starts, ", ends.size(), " ends, ",
                        axes.has_value() ? axes->size() : count, " axes, ",
                        steps.has_value() ? steps->size() : count, " steps");
  }
  if (count > static_cast<size_t>(x.rank()))
    return InvalidInput(count, " slices of the shape ", ShapeText(x));
  Slice slice{Ints(x.rank(), 0), x.dims(), Ints(x.rank(), 1)};
  std::vector<bool> seen(x.rank(), false);
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const int axis, NormalizeAxis(axes.has_value() ? (*axes)[i] : i, x.rank()));
    if (seen[axis]) return InvalidInput("axis ", axis, " is sliced twice");
    seen[axis] = true;
    const int64_t step = steps.has_value() ? (*steps)[i] : 1;
    if (step == 0 || step == INT64_MIN) return InvalidInput("slice step ", step);
    const int64_t dim = x.dim(axis);
    // Everything from the first element on: the dim, known or not.
    if (step == 1 && starts[i] == 0 && ends[i] == INT64_MAX) continue;
    if (dim == kUnknownDim) continue;  // the size stays unknown
    const auto clamp = [dim](int64_t index, int64_t low, int64_t high) {
      return std::clamp(index < 0 ? index + dim : index, low, high);
    };
    int64_t size;
    if (step > 0) {
      slice.begin[axis] = clamp(starts[i], 0, dim);
      const int64_t span = clamp(ends[i], 0, dim) - slice.begin[axis];
      size = span <= 0 ? 0 : (span - 1) / step + 1;
    } else {
      slice.begin[axis] = clamp(starts[i], 0, dim - 1);
      const int64_t span = slice.begin[axis] - clamp(ends[i], -1, dim - 1);
      size = dim == 0 || span <= 0 ? 0 : (span - 1) / -step + 1;
    }
    slice.size[axis] = size;
    // One form: nothing is taken from 0, and the stride of fewer than two elements is 1.
    if (size == 0) slice.begin[axis] = 0;
    slice.stride[axis] = size < 2 ? 1 : step;
  }
  return slice;
}

absl::StatusOr<Padding> ResolvePads(int rank, const Ints& pads, const OptionalInts& axes) {
  const size_t count = axes.has_value() ? axes->size() : rank;
  if (pads.size() != 2 * count)
    return InvalidInput(pads.size(), " pads for ", count, " axes, which need ", 2 * count);
  Padding padding{Ints(rank, 0), Ints(rank, 0)};
  if (axes.has_value()) RETURN_IF_ERROR(NormalizeAxes(*axes, rank).status());
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const int axis, NormalizeAxis(axes.has_value() ? (*axes)[i] : i, rank));
    padding.before[axis] = pads[i];
    padding.after[axis] = pads[count + i];
  }
  return padding;
}

absl::StatusOr<Slice> TakeCrop(const Dims& dims, Padding& padding) {
  Slice crop{Ints(dims.size(), 0), dims, Ints(dims.size(), 1)};
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t before = std::max<int64_t>(0, -padding.before[i]);
    const int64_t after = std::max<int64_t>(0, -padding.after[i]);
    if (before > dims[i] || after > dims[i] - before) {
      return InvalidInput("pads ", padding.before[i], " and ", padding.after[i], " of axis ", i,
                          " crop more than ", ShapeText(Shape(dims)));
    }
    crop.size[i] = dims[i] - before - after;
    crop.begin[i] = crop.size[i] == 0 ? 0 : before;
    padding.before[i] = std::max<int64_t>(0, padding.before[i]);
    padding.after[i] = std::max<int64_t>(0, padding.after[i]);
  }
  return crop;
}

absl::StatusOr<Shape> PaddedShape(const Shape& x, const Padding& padding) {
  Dims dims = x.dims();
  for (int i = 0; i < x.rank(); ++i) {
    if (dims[i] == kUnknownDim) continue;
    int64_t sum;
    if (__builtin_add_overflow(padding.before[i], padding.after[i], &sum) ||
        __builtin_add_overflow(sum, dims[i], &dims[i]) || dims[i] < 0) {
      return InvalidInput("pads ", padding.before[i], " and ", padding.after[i], " of axis ", i,
                          " do not fit ", ShapeText(x));
    }
  }
  return Shape(std::move(dims));
}

absl::StatusOr<Ints> ResolveSplit(int64_t dim, const OptionalInts& sizes, int pieces) {
  if (sizes.has_value()) {
    if (static_cast<int>(sizes->size()) != pieces) {
      return InvalidInput(sizes->size(), " split sizes for ", pieces, " results");
    }
    int64_t sum = 0;
    for (int64_t size : *sizes) {
      if (size < 0 || __builtin_add_overflow(sum, size, &sum))
        return InvalidInput("a split size of ", size);
    }
    if (dim != kUnknownDim && sum != dim) {
      return InvalidInput("the split sizes ", IntsText(*sizes), " add to ", sum, ", not to ", dim);
    }
    return *sizes;
  }
  if (pieces < 1) return InvalidInput("a split without results");
  if (dim == kUnknownDim) return Ints(pieces, kUnknownDim);
  const int64_t piece = (dim + pieces - 1) / pieces;
  const int64_t last = dim - piece * (pieces - 1);
  if (last < 0) return InvalidInput("cannot split ", dim, " into ", pieces, " pieces");
  Ints result(pieces, piece);
  result.back() = last;
  return result;
}

absl::StatusOr<SplitPiece> ResolveSplitItem(const SplitItem& op, const Dims& x, const Tensor* split,
                                            int64_t index) {
  ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, static_cast<int>(x.size())));
  const int64_t dim = x[axis];
  if (split != nullptr && split->rank() == 1) {
    const Ints sizes = split->Ints();
    RETURN_IF_ERROR(ResolveSplit(dim, sizes, static_cast<int>(sizes.size())).status());
    ASSIGN_OR_RETURN(const int item, ResolveSequenceIndex(index, static_cast<int>(sizes.size())));
    int64_t begin = 0;
    for (int i = 0; i < item; ++i) begin += sizes[i];
    return SplitPiece{axis, begin, sizes[item], false};
  }
  int64_t piece = 1;
  if (split != nullptr) {
    ASSIGN_OR_RETURN(piece, IntScalarOf(*split));
    if (piece < 1) return InvalidInput("a split size of ", piece);
  }
  const int64_t count = dim == 0 ? 0 : (dim - 1) / piece + 1;
  const int64_t item = index < 0 ? index + count : index;
  if (item < 0 || item >= count) return InvalidInput("item ", index, " of a sequence of ", count);
  return SplitPiece{axis, item * piece, std::min(piece, dim - item * piece),
                    split == nullptr && !op.keep_dims};
}

absl::StatusOr<int> ResolveSequenceIndex(int64_t index, int count) {
  if (index < -count || index >= count)
    return InvalidInput("item ", index, " of a sequence of ", count);
  return static_cast<int>(index < 0 ? index + count : index);
}

absl::StatusOr<int64_t> RangeLength(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  if (IsFloat(start.dtype())) {
    double from, to, step;
    start.ReadDoubles(0, {&from, 1});
    limit.ReadDoubles(0, {&to, 1});
    delta.ReadDoubles(0, {&step, 1});
    // As ONNX Runtime: the difference in the dtype itself, the quotient in double.
    const double span = start.dtype() == DType::kF64
                            ? to - from
                            : static_cast<float>(to) - static_cast<float>(from);
    const double length = std::ceil(span / step);
    if (!(length < 0x1p53)) return InvalidInput("range from ", from, " to ", to, " by ", step);
    return static_cast<int64_t>(std::max(0.0, length));
  }
  const __int128 from = start.IntScalar(), to = limit.IntScalar(), step = delta.IntScalar();
  if (step == 0) return InvalidInput("range with a step of 0");
  const __int128 span = to - from;
  if (span == 0 || (span > 0) != (step > 0)) return 0;
  const __int128 length = (span + step + (step > 0 ? -1 : 1)) / step;
  if (length > (int64_t{1} << 53)) return InvalidInput("range of too many elements");
  return static_cast<int64_t>(length);
}

ShapeRange ResolveShapeRange(const ShapeOf& op, int rank) {
  const auto clamp = [rank](int64_t index) {
    return static_cast<int>(std::clamp<int64_t>(index < 0 ? index + rank : index, 0, rank));
  };
  const int begin = clamp(op.start);
  return {begin, std::max(begin, clamp(op.end))};
}

}  // namespace g4c::ir
