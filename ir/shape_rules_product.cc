// Products.
#include <algorithm>

#include "base/status.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

absl::Status NeedFloats(const ShapeContext& context, int a, int b) {
  RETURN_IF_ERROR(NeedFloat(context, a));
  return NeedSameDType(context, a, b);
}

// [..., m, k] x [..., k, n], ranks known and >= 2.
absl::StatusOr<Shape> Product(const Shape& a, const Shape& b) {
  const auto lead = [](const Shape& s) {
    return Shape(Dims(s.dims().begin(), s.dims().end() - 2));
  };
  auto inner = MergeDims(a.dim(a.rank() - 1), b.dim(b.rank() - 2), "");
  auto batch = BroadcastShapes(lead(a), lead(b));
  if (!inner.ok() || !batch.ok()) {
    return InvalidInput("cannot multiply ", ShapeText(a), " by ", ShapeText(b));
  }
  Dims dims = batch->dims();
  dims.push_back(a.dim(a.rank() - 2));
  dims.push_back(b.dim(b.rank() - 1));
  return Shape(std::move(dims));
}

Shape Permuted(const Shape& x, const std::vector<int>& perm) {
  Dims dims;
  for (int axis : perm) dims.push_back(x.dim(axis));
  return Shape(std::move(dims));
}

// ONNX MatMul: a rank-1 operand is a row on the left and a column on the right, and its axis goes
// again.
absl::StatusOr<Shape> MatMulShape(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return Shape();
  if (a.rank() == 0 || b.rank() == 0) return InvalidInput("a product with a scalar operand");
  ASSIGN_OR_RETURN(const Shape product, Product(a.rank() == 1 ? Shape({1, a.dim(0)}) : a,
                                                b.rank() == 1 ? Shape({b.dim(0), 1}) : b));
  Dims dims = product.dims();
  if (b.rank() == 1) dims.pop_back();
  if (a.rank() == 1) dims.erase(dims.end() - (b.rank() == 1 ? 1 : 2));
  return Shape(std::move(dims));
}

}  // namespace

absl::Status InferShape(const BatchMatMul& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloats(context, 0, 1));
  const Shape& a = ShapeAt(context, 0);
  const Shape& b = ShapeAt(context, 1);
  for (const Shape* x : {&a, &b}) {
    if (x->has_rank() && x->rank() < 2)
      return InvalidInput("batch_matmul of ", ShapeText(a), " and ", ShapeText(b));
  }
  Shape shape;
  if (a.has_rank() && b.has_rank()) {
    ASSIGN_OR_RETURN(shape, Product(Permuted(a, FusedMatMulPerm(a.rank(), op.adj_x, false)),
                                    Permuted(b, FusedMatMulPerm(b.rank(), op.adj_y, false))));
  }
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const MatMul&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedSameDType(context, 0, 1));
  ASSIGN_OR_RETURN(Shape shape, MatMulShape(ShapeAt(context, 0), ShapeAt(context, 1)));
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const FusedMatMul& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloats(context, 0, 1));
  Shape a = ShapeAt(context, 0);
  Shape b = ShapeAt(context, 1);
  if (a.has_rank()) a = Permuted(a, FusedMatMulPerm(a.rank(), op.trans_a, op.trans_batch_a));
  if (b.has_rank()) b = Permuted(b, FusedMatMulPerm(b.rank(), op.trans_b, op.trans_batch_b));
  ASSIGN_OR_RETURN(Shape shape, MatMulShape(a, b));
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const FullyConnected&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloats(context, 0, 1));
  const Shape& x = ShapeAt(context, 0);
  const Shape& weight = ShapeAt(context, 1);
  if (x.has_rank() && x.rank() == 0) return InvalidInput("fully_connected of a scalar");
  int64_t n = kUnknownDim;
  if (weight.has_rank()) {
    if (weight.rank() != 2) return InvalidInput("a weight of ", ShapeText(weight));
    n = weight.dim(0);
    if (x.has_rank() && !MergeDims(x.dim(x.rank() - 1), weight.dim(1), "").ok()) {
      return InvalidInput("cannot multiply ", ShapeText(x), " by the weight ", ShapeText(weight));
    }
  }
  if (context.Has(2)) {
    RETURN_IF_ERROR(NeedSameDType(context, 0, 2));
    ASSIGN_OR_RETURN(const int64_t bias, ListLength(context, 2));
    ASSIGN_OR_RETURN(n, MergeDims(n, bias, "the weight's and the bias' channels"));
  }
  if (!x.has_rank()) return SetResult(context, DTypeAt(context, 0), Shape());
  Dims dims = x.dims();
  dims.back() = n;
  return SetResult(context, DTypeAt(context, 0), Shape(std::move(dims)));
}

}  // namespace g4c::ir
