// Along axes: reductions, norms, softmax, scans.
#include <algorithm>

#include "base/status.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

absl::Status Reduce(const Ints& axes, bool keep_dims, ShapeContext& context) {
  if (DTypeAt(context, 0) == DType::kBool)
    return InvalidInput("operand 0 must be a number, is bool");
  const Shape& x = ShapeAt(context, 0);
  if (!x.has_rank()) return SetResult(context, DTypeAt(context, 0), Shape());
  const bool ascending =
      std::adjacent_find(axes.begin(), axes.end(), std::greater_equal<>()) == axes.end();
  if (!ascending || (!axes.empty() && (axes.front() < 0 || axes.back() >= x.rank()))) {
    return InvalidInput("bad axes ", ShapeText(Shape(axes)), " of ", ShapeText(x));
  }
  return SetResult(context, DTypeAt(context, 0), ReducedShape(x, axes, keep_dims));
}

// A float operand of rank >= 1, whose type the result has.
absl::Status KeepFloat(ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloat(context, 0));
  const Shape& x = ShapeAt(context, 0);
  if (x.has_rank() && x.rank() == 0) return InvalidInput("operand 0 is a scalar");
  context.outputs[0] = *context.inputs[0];
  return absl::OkStatus();
}

absl::Status KeepFloatAlong(int64_t axis, ShapeContext& context) {
  RETURN_IF_ERROR(KeepFloat(context));
  const Shape& x = ShapeAt(context, 0);
  return x.has_rank() ? NormalizeAxis(axis, x.rank()).status() : absl::OkStatus();
}

// A norm's scale or bias broadcasts one way, to the operand.
absl::Status NeedBroadcastTo(ShapeContext& context, int input) {
  if (!context.Has(input)) return absl::OkStatus();
  RETURN_IF_ERROR(NeedSameDType(context, 0, input));
  const Shape& x = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const Shape both, BroadcastShapes(x, ShapeAt(context, input)));
  if (both.has_rank() && x.has_rank()) {
    bool larger = both.rank() > x.rank();
    for (int i = 0; !larger && i < x.rank(); ++i) larger = x.dim(i) == 1 && both.dim(i) > 1;
    if (larger)
      return InvalidInput("operand ", input, " of ", ShapeText(ShapeAt(context, input)), " widens ",
                          ShapeText(x));
  }
  return absl::OkStatus();
}

}  // namespace

#define RULE(Name)                                                 \
  absl::Status InferShape(const Name& op, ShapeContext& context) { \
    return Reduce(op.axes, op.keep_dims, context);                 \
  }
RULE(ReduceSum)
RULE(ReduceMean)
RULE(ReduceMax)
RULE(ReduceMin)
RULE(ReduceProd)
#undef RULE

absl::Status InferShape(const DynamicReduce& op, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  const DType dtype = DTypeAt(context, 0);
  ASSIGN_OR_RETURN(const OptionalInts axes, IntOperand(context, 1));
  if (context.Has(1) && !axes.has_value()) {
    // Which axes go is not known; with keep_dims at least the rank is.
    Shape shape;
    if (op.keep_dims && x.has_rank()) shape = Dims(x.rank(), kUnknownDim);
    return SetResult(context, dtype, std::move(shape));
  }
  if (!x.has_rank()) return SetResult(context, dtype, Shape());
  ASSIGN_OR_RETURN(const Ints normal, ResolveReduceAxes(op, x.rank(), axes));
  return Reduce(normal, op.keep_dims, context);
}

absl::Status InferShape(const Softmax&, ShapeContext& context) { return KeepFloat(context); }

absl::Status InferShape(const SoftmaxAxis& op, ShapeContext& context) {
  return KeepFloatAlong(op.axis, context);
}

absl::Status InferShape(const L2Norm&, ShapeContext& context) { return KeepFloat(context); }

absl::Status InferShape(const RmsNorm&, ShapeContext& context) {
  RETURN_IF_ERROR(KeepFloat(context));
  if (!context.Has(1)) return absl::OkStatus();
  RETURN_IF_ERROR(NeedSameDType(context, 0, 1));
  ASSIGN_OR_RETURN(const int64_t length, ListLength(context, 1));
  const Shape& x = ShapeAt(context, 0);
  if (!x.has_rank() || length == kUnknownDim || length == 1) return absl::OkStatus();
  return MergeDims(x.dim(x.rank() - 1), length, "the last dimension and the gain's length")
      .status();
}

absl::Status InferShape(const RmsNormAxes& op, ShapeContext& context) {
  RETURN_IF_ERROR(KeepFloatAlong(op.axis, context));
  return NeedBroadcastTo(context, 1);
}

absl::Status InferShape(const LayerNorm& op, ShapeContext& context) {
  RETURN_IF_ERROR(KeepFloatAlong(op.axis, context));
  RETURN_IF_ERROR(NeedBroadcastTo(context, 1));
  return NeedBroadcastTo(context, 2);
}

absl::Status InferShape(const CumSum&, ShapeContext& context) {
  const Shape& x = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const OptionalInts axis, IntOperand(context, 1));
  if (axis.has_value() && axis->size() != 1)
    return InvalidInput("cumsum along ", axis->size(), " axes");
  if (axis.has_value() && x.has_rank())
    RETURN_IF_ERROR(NormalizeAxis((*axis)[0], x.rank()).status());
  context.outputs[0] = *context.inputs[0];
  return absl::OkStatus();
}

}  // namespace g4c::ir
