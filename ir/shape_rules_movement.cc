// Operators that move data, with attributes or index operands.
#include <algorithm>

#include "base/status.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

absl::Status NeedLength(const Ints& attribute, absl::string_view name, const Shape& x) {
  if (!x.has_rank() || static_cast<int>(attribute.size()) == x.rank()) return absl::OkStatus();
  return InvalidInput(name, " has ", attribute.size(), " entries for the shape ", ShapeText(x));
}

absl::Status NeedStatic(const Ints& dims, absl::string_view name) {
  for (int64_t dim : dims) {
    if (dim < 0) return InvalidInput(name, " with the dimension ", dim);
  }
  return CheckedNumElements(dims).status();
}

}  // namespace

absl::Status InferShape(const Reshape& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedStatic(op.shape, "reshape"));
  ASSIGN_OR_RETURN(Shape shape, ResolveReshape(ShapeAt(context, 0), op.shape, /*allow_zero=*/true));
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const Transpose& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  RETURN_IF_ERROR(NeedLength(op.perm, "perm", x));
  std::vector<bool> seen(op.perm.size(), false);
  Dims dims;
  for (int64_t axis : op.perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(op.perm.size()) || seen[axis]) {
      return InvalidInput("perm ", ShapeText(Shape(op.perm)), " is no permutation");
    }
    seen[axis] = true;
    dims.push_back(x.has_rank() ? x.dim(static_cast<int>(axis)) : kUnknownDim);
  }
  return SetResult(context, DTypeAt(context, 0), Shape(std::move(dims)));
}

absl::Status InferShape(const Slice& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  RETURN_IF_ERROR(NeedLength(op.begin, "begin", x));
  if (op.size.size() != op.begin.size() || op.stride.size() != op.begin.size()) {
    return InvalidInput("slice with ", op.begin.size(), " begins, ", op.size.size(), " sizes, ",
                        op.stride.size(), " strides");
  }
  RETURN_IF_ERROR(NeedStatic(op.size, "slice"));
  for (size_t i = 0; i < op.begin.size(); ++i) {
    if (op.stride[i] == 0) return InvalidInput("slice stride 0 of axis ", i);
    const int64_t dim = x.has_rank() ? x.dim(static_cast<int>(i)) : kUnknownDim;
    if (op.size[i] == 0 || dim == kUnknownDim) continue;
    int64_t reach, last;
    const bool inside = !__builtin_mul_overflow(op.size[i] - 1, op.stride[i], &reach) &&
                        !__builtin_add_overflow(op.begin[i], reach, &last) && op.begin[i] >= 0 &&
                        op.begin[i] < dim && last >= 0 && last < dim;
    if (!inside) {
      return InvalidInput("a slice of ", op.size[i], " from ", op.begin[i], " by ", op.stride[i],
                          " leaves axis ", i, " of ", ShapeText(x));
    }
  }
  return SetResult(context, DTypeAt(context, 0), Shape(op.size));
}

absl::Status InferShape(const Split& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  if (!x.has_rank()) {
    for (Type& output : context.outputs) output = {DTypeAt(context, 0), Shape()};
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, x.rank()));
  ASSIGN_OR_RETURN(const Ints sizes,
                   ResolveSplit(x.dim(axis), op.sizes, static_cast<int>(context.outputs.size())));
  for (size_t i = 0; i < sizes.size(); ++i) {
    Dims dims = x.dims();
    dims[axis] = sizes[i];
    context.outputs[i] = {DTypeAt(context, 0), Shape(std::move(dims))};
  }
  return absl::OkStatus();
}

absl::Status InferShape(const Concat& op, ShapeContext& context) {
  Shape merged;
  int64_t sum = 0;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    RETURN_IF_ERROR(NeedSameDType(context, 0, static_cast<int>(i)));
    const Shape& x = ShapeAt(context, static_cast<int>(i));
    if (!x.has_rank()) {
      sum = kUnknownDim;
      continue;
    }
    ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, x.rank()));
    if (x.dim(axis) == kUnknownDim || sum == kUnknownDim) {
      sum = kUnknownDim;
    } else if (__builtin_add_overflow(sum, x.dim(axis), &sum)) {
      return InvalidInput("the concatenated dimension overflows");
    }
    Dims others = x.dims();
    others[axis] = kUnknownDim;
    auto together = MergeShapes(merged, Shape(std::move(others)));
    if (!together.ok()) {
      return InvalidInput("operand ", i, " of ", ShapeText(x), " does not concatenate along axis ",
                          axis, " with ", ShapeText(ShapeAt(context, 0)));
    }
    merged = *std::move(together);
  }
  if (merged.has_rank()) {
    Dims dims = merged.dims();
    ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, merged.rank()));
    dims[axis] = sum;
    merged = Shape(std::move(dims));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(merged));
}

absl::Status InferShape(const Pack& op, ShapeContext& context) {
  Shape merged;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    RETURN_IF_ERROR(NeedSameDType(context, 0, static_cast<int>(i)));
    ASSIGN_OR_RETURN(merged, MergeShapes(merged, ShapeAt(context, static_cast<int>(i))));
  }
  if (merged.has_rank()) {
    ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, merged.rank() + 1));
    Dims dims = merged.dims();
    dims.insert(dims.begin() + axis, static_cast<int64_t>(context.inputs.size()));
    merged = Shape(std::move(dims));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(merged));
}

absl::Status InferShape(const Unpack& op, ShapeContext& context) {
  Shape x = ShapeAt(context, 0);
  if (x.has_rank()) {
    ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, x.rank()));
    const int64_t results = static_cast<int64_t>(context.outputs.size());
    RETURN_IF_ERROR(
        MergeDims(x.dim(axis), results, "the unpacked dimension and the results").status());
    Dims dims = x.dims();
    dims.erase(dims.begin() + axis);
    x = Shape(std::move(dims));
  }
  for (Type& output : context.outputs) output = {DTypeAt(context, 0), x};
  return absl::OkStatus();
}

absl::Status InferShape(const BroadcastTo& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedStatic(op.shape, "broadcast_to"));
  ASSIGN_OR_RETURN(const Shape both, BroadcastShapes(ShapeAt(context, 0), Shape(op.shape)));
  if (both.has_rank() && both != Shape(op.shape)) {
    return InvalidInput("cannot broadcast ", ShapeText(ShapeAt(context, 0)), " to ",
                        ShapeText(Shape(op.shape)));
  }
  return SetResult(context, DTypeAt(context, 0), Shape(op.shape));
}

absl::Status InferShape(const Tile& op, ShapeContext& context) {
  Shape shape(Dims(op.multiples.size(), kUnknownDim));
  if (ShapeAt(context, 0).has_rank()) {
    ASSIGN_OR_RETURN(shape, ResolveTile(ShapeAt(context, 0), op.multiples));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const Pad& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  RETURN_IF_ERROR(NeedLength(op.before, "before", x));
  if (op.after.size() != op.before.size()) {
    return InvalidInput("pad with ", op.before.size(), " befores and ", op.after.size(), " afters");
  }
  for (size_t i = 0; i < op.before.size(); ++i) {
    if (op.before[i] < 0 || op.after[i] < 0) return InvalidInput("a negative pad of axis ", i);
    const int64_t dim = x.has_rank() ? x.dim(static_cast<int>(i)) : kUnknownDim;
    const int64_t most = std::max(op.before[i], op.after[i]);
    const bool short_of_source = dim != kUnknownDim && most > 0 &&
                                 ((op.mode == PadMode::kReflect && most >= dim) ||
                                  (op.mode != PadMode::kConstant && dim == 0));
    if (short_of_source)
      return InvalidInput("cannot pad axis ", i, " of ", ShapeText(x), " by ", most);
  }
  Shape shape(Dims(op.before.size(), kUnknownDim));
  if (x.has_rank()) {
    ASSIGN_OR_RETURN(shape, PaddedShape(x, {op.before, op.after}));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const Trilu&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  if (x.has_rank() && x.rank() < 2) return InvalidInput("trilu of ", ShapeText(x));
  RETURN_IF_ERROR(IntOperand(context, 1).status());
  context.outputs[0] = *context.inputs[0];
  return absl::OkStatus();
}

}  // namespace g4c::ir
