// Gathers and scatters.
#include <algorithm>

#include "base/status.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

absl::Status KeepData(ShapeContext& context) {
  context.outputs[0] = *context.inputs[0];
  return absl::OkStatus();
}

// The dims that gather_nd's indices leave: indices[:-1] + data[batch_dims + indices[-1]:]. No rank
// where that cannot be known yet.
absl::StatusOr<Shape> NdShape(const Shape& data, const Shape& indices, int64_t batch_dims) {
  if (!data.has_rank() || !indices.has_rank()) return Shape();
  if (indices.rank() == 0) return InvalidInput("the indices are a scalar");
  if (batch_dims < 0 || batch_dims >= indices.rank() || batch_dims >= std::max(data.rank(), 1)) {
    return InvalidInput(batch_dims, " batch dimensions of ", ShapeText(data), " and ",
                        ShapeText(indices));
  }
  Dims dims(indices.dims().begin(), indices.dims().end() - 1);
  for (int64_t i = 0; i < batch_dims; ++i) {
    ASSIGN_OR_RETURN(dims[i],
                     MergeDims(dims[i], data.dim(static_cast<int>(i)), "batch dimensions"));
  }
  const int64_t depth = indices.dims().back();
  if (depth == kUnknownDim) return Shape();
  if (depth > data.rank() - batch_dims) {
    return InvalidInput("indices of ", depth, " coordinates into ", ShapeText(data));
  }
  dims.insert(dims.end(), data.dims().begin() + batch_dims + depth, data.dims().end());
  return Shape(std::move(dims));
}

}  // namespace

absl::Status InferShape(const Gather& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedIndex(context, 1));
  const Shape& data = ShapeAt(context, 0);
  const Shape& indices = ShapeAt(context, 1);
  if (!data.has_rank()) return SetResult(context, DTypeAt(context, 0), Shape());
  ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, data.rank()));
  if (!indices.has_rank()) return SetResult(context, DTypeAt(context, 0), Shape());
  Dims dims = data.dims();
  dims.erase(dims.begin() + axis);
  dims.insert(dims.begin() + axis, indices.dims().begin(), indices.dims().end());
  return SetResult(context, DTypeAt(context, 0), Shape(std::move(dims)));
}

absl::Status InferShape(const GatherNd& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedIndex(context, 1));
  ASSIGN_OR_RETURN(Shape shape, NdShape(ShapeAt(context, 0), ShapeAt(context, 1), op.batch_dims));
  return SetResult(context, DTypeAt(context, 0), std::move(shape));
}

absl::Status InferShape(const GatherElements& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedIndex(context, 1));
  const Shape& data = ShapeAt(context, 0);
  const Shape& indices = ShapeAt(context, 1);
  if (data.has_rank()) {
    RETURN_IF_ERROR(NormalizeAxis(op.axis, data.rank()).status());
    if (indices.has_rank() && indices.rank() != data.rank()) {
      return InvalidInput("indices of ", ShapeText(indices), " into ", ShapeText(data));
    }
  }
  return SetResult(context, DTypeAt(context, 0), indices);
}

absl::Status InferShape(const ScatterNd&, ShapeContext& context) {
  RETURN_IF_ERROR(NeedIndex(context, 1));
  RETURN_IF_ERROR(NeedSameDType(context, 0, 2));
  ASSIGN_OR_RETURN(const Shape updates, NdShape(ShapeAt(context, 0), ShapeAt(context, 1), 0));
  RETURN_IF_ERROR(Prefixed(MergeShapes(updates, ShapeAt(context, 2)).status(), "updates: "));
  return KeepData(context);
}

absl::Status InferShape(const ScatterElements& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedIndex(context, 1));
  RETURN_IF_ERROR(NeedSameDType(context, 0, 2));
  const Shape& data = ShapeAt(context, 0);
  ASSIGN_OR_RETURN(const Shape updates, MergeShapes(ShapeAt(context, 1), ShapeAt(context, 2)));
  if (data.has_rank()) {
    RETURN_IF_ERROR(NormalizeAxis(op.axis, data.rank()).status());
    if (updates.has_rank() && updates.rank() != data.rank()) {
      return InvalidInput("updates of ", ShapeText(updates), " into ", ShapeText(data));
    }
  }
  return KeepData(context);
}

absl::Status InferShape(const OneHot& op, ShapeContext& context) {
  RETURN_IF_ERROR(Prefixed(ListLength(context, 1).status(), "depth: "));
  ASSIGN_OR_RETURN(const int64_t values, ListLength(context, 2));
  RETURN_IF_ERROR(MergeDims(values, 2, "the values' length and 2").status());
  int64_t depth = kUnknownDim;
  if (context.Constant(1) != nullptr) {
    ASSIGN_OR_RETURN(depth, IntScalarOf(*context.Constant(1)));
    if (depth < 1) return InvalidInput("one_hot of depth ", depth);
  }
  Shape shape = ShapeAt(context, 0);
  if (shape.has_rank()) {
    ASSIGN_OR_RETURN(const int axis, NormalizeAxis(op.axis, shape.rank() + 1));
    Dims dims = shape.dims();
    dims.insert(dims.begin() + axis, depth);
    shape = Shape(std::move(dims));
  }
  return SetResult(context, DTypeAt(context, 2), std::move(shape));
}

}  // namespace g4c::ir
