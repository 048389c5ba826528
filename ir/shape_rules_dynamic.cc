// The operators of the fold phase whose operands say what static operators have as attributes.
#include <algorithm>

#include "base/status.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

Shape UnknownDims(int64_t rank) {
  return rank == kUnknownDim ? Shape() : Shape(Dims(rank, kUnknownDim));
}
Shape SameRank(const Shape& x) { return x.has_rank() ? UnknownDims(x.rank()) : Shape(); }

// The result of choosing one of the operands [first, end): the type of operand `chosen`, or where
// that is not known
// (-1) what all have in common.
absl::Status OneOf(ShapeContext& context, int first, int chosen) {
  if (chosen >= 0) {
    context.outputs[0] = *context.inputs[chosen];
    return absl::OkStatus();
  }
  Shape common = ShapeAt(context, first);
  for (int i = first + 1; i < static_cast<int>(context.inputs.size()); ++i) {
    RETURN_IF_ERROR(NeedSameDType(context, first, i));
    common = CommonShape(common, ShapeAt(context, i));
  }
  return SetResult(context, DTypeAt(context, first), std::move(common));
}

absl::Status NeedScalar(const ShapeContext& context, int input) {
  const Shape& shape = ShapeAt(context, input);
  const bool fits = !shape.has_rank() || shape.rank() == 0 ||
                    (shape.rank() == 1 && (shape.dim(0) == 1 || shape.dim(0) == kUnknownDim));
  return fits ? absl::OkStatus()
              : InvalidInput("operand ", input, " must be a scalar, has shape ", ShapeText(shape));
}

}  // namespace

absl::Status InferShape(const DynamicReshape& op, ShapeContext& context) {
  ASSIGN_OR_RETURN(const OptionalInts target, IntOperand(context, 1));
  Shape shape;
  if (target.has_value()) {
    ASSIGN_OR_RETURN(shape, ResolveReshape(ShapeAt(context, 0), *target, op.allow_zero));
  } else {
    ASSIGN_OR_RETURN(const int64_t rank, ListLength(context, 1));
    shape = UnknownDims(rank);
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const DynamicExpand&, ShapeContext& context) {
  ASSIGN_OR_RETURN(const OptionalInts target, IntOperand(context, 1));
  Shape shape;
  if (target.has_value()) {
    ASSIGN_OR_RETURN(shape, ResolveExpand(ShapeAt(context, 0), *target));
  } else {
    ASSIGN_OR_RETURN(const int64_t rank, ListLength(context, 1));
    ASSIGN_OR_RETURN(shape, BroadcastShapes(ShapeAt(context, 0), UnknownDims(rank)));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const DynamicSlice&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  OptionalInts operands[5];
  bool known = true;
  for (int i = 1; i < 5; ++i) {
    ASSIGN_OR_RETURN(operands[i], IntOperand(context, i));
    known &= operands[i].has_value() || !context.Has(i);
  }
  Shape shape;
  if (x.has_rank() && known) {
    ASSIGN_OR_RETURN(const Slice slice,
                     ResolveSlice(x, *operands[1], *operands[2], operands[3], operands[4]));
    shape = Shape(slice.size);
  } else if (x.has_rank() && operands[3].has_value()) {
    // Axes that are not sliced keep their dims.
    ASSIGN_OR_RETURN(const Ints axes, NormalizeAxes(*operands[3], x.rank()));
    Dims dims = x.dims();
    for (int64_t axis : axes) dims[axis] = kUnknownDim;
    shape = Shape(std::move(dims));
  } else {
    shape = SameRank(x);
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const DynamicSqueeze&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const OptionalInts axes, IntOperand(context, 1));
  Shape shape;
  if (x.has_rank() && (axes.has_value() || (!context.Has(1) && x.IsStatic()))) {
    ASSIGN_OR_RETURN(shape, ResolveSqueeze(x, axes));
  } else if (x.has_rank() && context.Has(1)) {
    ASSIGN_OR_RETURN(const int64_t count, ListLength(context, 1));
    if (count > x.rank()) return InvalidInput("squeeze of ", count, " axes of ", ShapeText(x));
    shape = UnknownDims(count == kUnknownDim ? kUnknownDim : x.rank() - count);
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const DynamicUnsqueeze&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const OptionalInts axes, IntOperand(context, 1));
  Shape shape;
  if (x.has_rank() && axes.has_value()) {
    ASSIGN_OR_RETURN(shape, ResolveUnsqueeze(x, *axes));
  } else if (x.has_rank()) {
    ASSIGN_OR_RETURN(const int64_t count, ListLength(context, 1));
    shape = UnknownDims(count == kUnknownDim ? kUnknownDim : x.rank() + count);
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const DynamicTile&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const OptionalInts repeats, IntOperand(context, 1));
  Shape shape = SameRank(x);
  if (repeats.has_value() && x.has_rank()) {
    ASSIGN_OR_RETURN(shape, ResolveTile(x, *repeats));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const DynamicPad&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const OptionalInts pads, IntOperand(context, 1));
  ASSIGN_OR_RETURN(const OptionalInts axes, IntOperand(context, 3));
  if (context.Has(2)) {
    RETURN_IF_ERROR(NeedSameDType(context, 0, 2));
    RETURN_IF_ERROR(NeedScalar(context, 2));
  }
  Shape shape = SameRank(x);
  if (x.has_rank() && pads.has_value() && (axes.has_value() || !context.Has(3))) {
    ASSIGN_OR_RETURN(const Padding padding, ResolvePads(x.rank(), *pads, axes));
    ASSIGN_OR_RETURN(shape, PaddedShape(x, padding));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const DynamicSplit& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  const int pieces = static_cast<int>(context.outputs.size());
  ASSIGN_OR_RETURN(const OptionalInts sizes, IntOperand(context, 1));
  for (Type& output : context.outputs) output = {DTypeAt(context, 0), Shape()};
  if (!x.has_rank()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, x.rank()));
  Ints known(pieces, kUnknownDim);
  if (sizes.has_value() || !context.Has(1)) {
    ASSIGN_OR_RETURN(known, ResolveSplit(x.dim(axis), sizes, pieces));
  }
  for (int i = 0; i < pieces; ++i) {
    Dims dims = x.dims();
    dims[axis] = known[i];
    context.outputs[i].shape = Shape(std::move(dims));
  }
  return absl::OkStatus();
}

absl::Status InferShape(const SplitItem& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const OptionalInts sizes, IntOperand(context, 1));
  ASSIGN_OR_RETURN(const OptionalInts index, IntOperand(context, 2));
  RETURN_IF_ERROR(NeedScalar(context, 2));
  if (!x.has_rank()) return SetResult(context, DTypeAt(context, 0), Shape());
  ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, x.rank()));
  // Without an operand every piece has size 1, whatever the dim and the index.
  SplitPiece piece{axis, 0, context.Has(1) ? kUnknownDim : 1, !context.Has(1) && !op.keep_dims};
  if (x.dim(axis) != kUnknownDim && index.has_value() && (sizes.has_value() || !context.Has(1))) {
    // Only the split axis counts.
    Dims dims(x.rank(), 1);
    dims[axis] = x.dim(axis);
    ASSIGN_OR_RETURN(piece, ResolveSplitItem(op, dims, context.Constant(1), (*index)[0]));
  }
  Dims dims = x.dims();
  if (piece.drop_axis) {
    dims.erase(dims.begin() + axis);
  } else {
    dims[axis] = piece.size;
  }
  return SetResult(context, DTypeAt(context, 0), Shape(std::move(dims)));
}

absl::Status InferShape(const SequenceItem&, ShapeContext& context) {
  ASSIGN_OR_RETURN(const OptionalInts index, IntOperand(context, 0));
  RETURN_IF_ERROR(NeedScalar(context, 0));
  int chosen = -1;
  if (index.has_value()) {
    ASSIGN_OR_RETURN(const int item, ResolveSequenceIndex(
                                         (*index)[0], static_cast<int>(context.inputs.size()) - 1));
    chosen = item + 1;
  }
  return OneOf(context, 1, chosen);
}

absl::Status InferShape(const Choose&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedDType(context, 0, DType::kBool));
  RETURN_IF_ERROR(NeedScalar(context, 0));
  int chosen = -1;
  if (context.Constant(0) != nullptr) chosen = context.Constant(0)->IntScalar() != 0 ? 1 : 2;
  return OneOf(context, 1, chosen);
}

absl::Status InferShape(const Range&, ShapeContext& context) {
  bool known = true;
  for (int i = 0; i < 3; ++i) {
    RETURN_IF_ERROR(NeedSameDType(context, 0, i));
    RETURN_IF_ERROR(NeedScalar(context, i));
    known &= context.Constant(i) != nullptr;
  }
  if (DTypeAt(context, 0) == DType::kBool) return InvalidInput("a range of bool");
  int64_t length = kUnknownDim;
  if (known) {
    ASSIGN_OR_RETURN(length,
                     RangeLength(*context.Constant(0), *context.Constant(1), *context.Constant(2)));
  }
  return SetResult(context, DTypeAt(context, 0), Shape({length}));
}

absl::Status InferShape(const ShapeOf& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  int64_t length = kUnknownDim;
  if (x.has_rank()) {
    const ShapeRange range = ResolveShapeRange(op, x.rank());
    length = range.end - range.begin;
  }
  return SetResult(context, DType::kI64, Shape({length}));
}

absl::Status InferShape(const NonZero&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  return SetResult(context, DType::kI64,
                   Shape({x.has_rank() ? x.rank() : kUnknownDim, kUnknownDim}));
}

}  // namespace g4c::ir
