#include "ir/shape_rules.h"

#include "base/status.h"

namespace g4c::ir {

absl::StatusOr<OptionalInts> IntOperand(const ShapeContext& context, int input) {
  if (!context.Has(input)) return OptionalInts();
  if (!IsInteger(DTypeAt(context, input))) {
    return InvalidInput("operand ", input, " must be an integer, is ",
                        DTypeName(DTypeAt(context, input)));
  }
  const Tensor* constant = context.Constant(input);
  if (constant != nullptr && !IsInteger(constant->dtype())) {
    return InvalidInput("the data of operand ", input, " are ", DTypeName(constant->dtype()));
  }
  return IntsOf(constant);
}

absl::StatusOr<int64_t> ListLength(const ShapeContext& context, int input) {
  const Shape& shape = ShapeAt(context, input);
  if (!shape.has_rank()) return kUnknownDim;
  if (shape.rank() > 1)
    return InvalidInput("operand ", input, " must be a list, has shape ", ShapeText(shape));
  return shape.rank() == 0 ? 1 : shape.dim(0);
}

absl::Status NeedSameDType(const ShapeContext& context, int a, int b) {
  if (DTypeAt(context, a) == DTypeAt(context, b)) return absl::OkStatus();
  return InvalidInput("operands ", a, " and ", b,
                      " differ in dtype: ", DTypeName(DTypeAt(context, a)), " and ",
                      DTypeName(DTypeAt(context, b)));
}

absl::Status NeedFloat(const ShapeContext& context, int input) {
  if (IsFloat(DTypeAt(context, input))) return absl::OkStatus();
  return InvalidInput("operand ", input, " must be a float, is ",
                      DTypeName(DTypeAt(context, input)));
}

absl::Status NeedDType(const ShapeContext& context, int input, DType dtype) {
  if (DTypeAt(context, input) == dtype) return absl::OkStatus();
  return InvalidInput("operand ", input, " must be ", DTypeName(dtype), ", is ",
                      DTypeName(DTypeAt(context, input)));
}

absl::Status NeedIndex(const ShapeContext& context, int input) {
  const DType dtype = DTypeAt(context, input);
  if (dtype == DType::kI32 || dtype == DType::kI64) return absl::OkStatus();
  return InvalidInput("operand ", input, " must be i32 or i64, is ", DTypeName(dtype));
}

absl::StatusOr<int64_t> MergeDims(int64_t a, int64_t b, absl::string_view what) {
  if (a == b || b == kUnknownDim) return a;
  if (a == kUnknownDim) return b;
  return InvalidInput(what, " differ: ", a, " and ", b);
}

absl::StatusOr<Shape> MergeShapes(const Shape& a, const Shape& b) {
  if (!a.has_rank()) return b;
  if (!b.has_rank()) return a;
  bool equal = a.rank() == b.rank();
  Dims dims = a.dims();
  for (int i = 0; equal && i < a.rank(); ++i) {
    if (dims[i] == kUnknownDim) dims[i] = b.dim(i);
    equal = b.dim(i) == kUnknownDim || dims[i] == b.dim(i);
  }
  if (!equal) return InvalidInput("shapes ", ShapeText(a), " and ", ShapeText(b), " differ");
  return Shape(std::move(dims));
}

Shape CommonShape(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) return Shape();
  Dims dims = a.dims();
  for (int i = 0; i < a.rank(); ++i) {
    if (dims[i] != b.dim(i)) dims[i] = kUnknownDim;
  }
  return Shape(std::move(dims));
}

}  // namespace g4c::ir
