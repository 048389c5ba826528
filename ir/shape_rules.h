// What the files of shape rules share.
#ifndef IR_SHAPE_RULES_H_
#define IR_SHAPE_RULES_H_

#include "absl/strings/string_view.h"
#include "ir/resolve.h"
#include "ir/shape_inference.h"

namespace g4c::ir {

// The integer elements of an operand; nullopt where it is omitted or not constant. InvalidInput for
// a float operand.
absl::StatusOr<OptionalInts> IntOperand(const ShapeContext& context, int input);
// The length of a rank-1 operand; kUnknownDim where it is not known. A higher rank is refused.
absl::StatusOr<int64_t> ListLength(const ShapeContext& context, int input);

absl::Status NeedSameDType(const ShapeContext& context, int a, int b);
absl::Status NeedFloat(const ShapeContext& context, int input);
absl::Status NeedDType(const ShapeContext& context, int input, DType dtype);
// i32 or i64.
absl::Status NeedIndex(const ShapeContext& context, int input);

// Two dims that must be equal; an unknown one gives way. `what` ends the message "... differ: 3 and
// 4".
absl::StatusOr<int64_t> MergeDims(int64_t a, int64_t b, absl::string_view what);
// Two shapes that must be equal.
absl::StatusOr<Shape> MergeShapes(const Shape& a, const Shape& b);
// What two shapes have in common: dims that differ become unknown, ranks that differ an unknown
// rank.
Shape CommonShape(const Shape& a, const Shape& b);

inline absl::Status SetResult(ShapeContext& context, DType dtype, Shape shape) {
  context.outputs[0] = {dtype, std::move(shape)};
  return absl::OkStatus();
}
inline const Shape& ShapeAt(const ShapeContext& context, int input) {
  return context.inputs[input]->shape;
}
inline DType DTypeAt(const ShapeContext& context, int input) {
  return context.inputs[input]->dtype;
}

}  // namespace g4c::ir

#endif  // IR_SHAPE_RULES_H_
