// Element by element: unary operators keep the shape, the others broadcast.
#include "base/status.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

absl::Status Same(ShapeContext& context) {
  context.outputs[0] = *context.inputs[0];
  return absl::OkStatus();
}

absl::Status SameFloat(ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloat(context, 0));
  return Same(context);
}

absl::Status SameNumber(ShapeContext& context) {
  if (DTypeAt(context, 0) == DType::kBool)
    return InvalidInput("operand 0 must be a number, is bool");
  return Same(context);
}

absl::Status Broadcast(ShapeContext& context, DType result) {
  RETURN_IF_ERROR(NeedSameDType(context, 0, 1));
  ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(ShapeAt(context, 0), ShapeAt(context, 1)));
  return SetResult(context, result, std::move(shape));
}

absl::Status Arithmetic(ShapeContext& context) {
  if (DTypeAt(context, 0) == DType::kBool)
    return InvalidInput("operand 0 must be a number, is bool");
  return Broadcast(context, DTypeAt(context, 0));
}

absl::Status Logical(ShapeContext& context) {
  RETURN_IF_ERROR(NeedDType(context, 0, DType::kBool));
  return Broadcast(context, DType::kBool);
}

absl::Status Comparison(ShapeContext& context) { return Broadcast(context, DType::kBool); }

}  // namespace

#define RULE(Name, function) \
  absl::Status InferShape(const Name&, ShapeContext& context) { return function(context); }

RULE(Abs, SameNumber)
RULE(Ceil, SameFloat)
RULE(Cos, SameFloat)
RULE(Erf, SameFloat)
RULE(Exp, SameFloat)
RULE(Floor, SameFloat)
RULE(Gelu, SameFloat)
RULE(Logistic, SameFloat)
RULE(Log, SameFloat)
RULE(Neg, SameNumber)
RULE(Relu, SameNumber)
RULE(Round, SameFloat)
RULE(Rsqrt, SameFloat)
RULE(Sign, SameNumber)
RULE(Sin, SameFloat)
RULE(Sqrt, SameFloat)
RULE(Square, SameNumber)
RULE(Tanh, SameFloat)

RULE(Add, Arithmetic)
RULE(Sub, Arithmetic)
RULE(Mul, Arithmetic)
RULE(Div, Arithmetic)
RULE(Pow, Arithmetic)
RULE(Maximum, Arithmetic)
RULE(Minimum, Arithmetic)
RULE(SquaredDifference, Arithmetic)
RULE(Mod, Arithmetic)
RULE(LogicalAnd, Logical)
RULE(LogicalOr, Logical)
RULE(LogicalXor, Logical)
RULE(Equal, Comparison)
RULE(NotEqual, Comparison)
RULE(Greater, Comparison)
RULE(GreaterEqual, Comparison)
RULE(Less, Comparison)
RULE(LessEqual, Comparison)
#undef RULE

absl::Status InferShape(const LogicalNot&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedDType(context, 0, DType::kBool));
  return Same(context);
}

absl::Status InferShape(const IsNan&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloat(context, 0));
  return SetResult(context, DType::kBool, ShapeAt(context, 0));
}

absl::Status InferShape(const Select&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedDType(context, 0, DType::kBool));
  RETURN_IF_ERROR(NeedSameDType(context, 1, 2));
  ASSIGN_OR_RETURN(const Shape branches, BroadcastShapes(ShapeAt(context, 1), ShapeAt(context, 2)));
  ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(ShapeAt(context, 0), branches));
  return SetResult(context, DTypeAt(context, 1), std::move(shape));
}

absl::Status InferShape(const Clamp& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  if (!(op.min <= op.max)) return InvalidInput("clamp from ", op.min, " to ", op.max);
  return Same(context);
}

absl::Status InferShape(const Cast& op, ShapeContext& context) {
  return SetResult(context, op.to, ShapeAt(context, 0));
}

absl::Status InferShape(const Quantize&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  return Same(context);
}

absl::Status InferShape(const Dequantize&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedDType(context, 0, DType::kF32));
  return Same(context);
}

}  // namespace g4c::ir
