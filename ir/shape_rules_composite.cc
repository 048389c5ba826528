// Composites, the quantisation operators of ONNX, and operators that are not modelled.
#include <algorithm>

#include "base/status.h"
#include "ir/einsum.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

// The scale (operand 1) and zero point (operand 2) of a QuantizeLinear or DequantizeLinear.
absl::Status CheckQparams(int64_t axis, DType stored, const ShapeContext& context) {
  if (!IsInteger(stored))
    return InvalidInput("quantised data is ", DTypeName(stored), ", must be an integer");
  RETURN_IF_ERROR(NeedFloat(context, 1));
  ASSIGN_OR_RETURN(int64_t channels, ListLength(context, 1));
  if (context.Has(2)) {
    RETURN_IF_ERROR(NeedDType(context, 2, stored));
    ASSIGN_OR_RETURN(const int64_t zero_points, ListLength(context, 2));
    ASSIGN_OR_RETURN(channels,
                     MergeDims(channels, zero_points, "the lengths of scale and zero point"));
  }
  const Shape& x = ShapeAt(context, 0);
  if (axis < -1) return InvalidInput("axis ", axis);
  if (axis == -1) return MergeDims(channels, 1, "the number of scales and 1").status();
  if (!x.has_rank()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int normal, NormalizeAxis(axis, x.rank()));
  return MergeDims(channels, x.dim(normal), "the number of scales and of channels").status();
}

}  // namespace

absl::Status InferShape(const QuantizeLinear& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloat(context, 0));
  RETURN_IF_ERROR(CheckQparams(op.axis, op.to, context));
  return SetResult(context, op.to, ShapeAt(context, 0));
}

absl::Status InferShape(const DequantizeLinear& op, ShapeContext& context) {
  RETURN_IF_ERROR(CheckQparams(op.axis, DTypeAt(context, 0), context));
  return SetResult(context, DType::kF32, ShapeAt(context, 0));
}

absl::Status InferShape(const Attention& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloat(context, 0));
  RETURN_IF_ERROR(NeedSameDType(context, 0, 1));
  RETURN_IF_ERROR(NeedSameDType(context, 0, 2));
  if (context.Has(3) && DTypeAt(context, 3) != DType::kBool)
    RETURN_IF_ERROR(NeedSameDType(context, 0, 3));
  const Shape& q = ShapeAt(context, 0);
  if (!q.has_rank() || !ShapeAt(context, 1).has_rank() || !ShapeAt(context, 2).has_rank()) {
    return SetResult(context, DTypeAt(context, 0), Shape());
  }
  ASSIGN_OR_RETURN(const AttentionSizes sizes,
                   ResolveAttention(op, q, ShapeAt(context, 1), ShapeAt(context, 2)));
  if (context.Has(3) && ShapeAt(context, 3).has_rank()) {
    const Shape& mask = ShapeAt(context, 3);
    const Shape logits({sizes.batch, sizes.q_heads, sizes.q_length, kUnknownDim});
    if (mask.rank() < 1 || mask.rank() > 4 || !BroadcastShapes(mask, logits).ok() ||
        (sizes.kv_length != kUnknownDim &&
         mask.dim(mask.rank() - 1) > std::max<int64_t>(sizes.kv_length, 1))) {
      return InvalidInput(
          "a mask of ", ShapeText(mask), " for attention weights of ",
          ShapeText(Shape({sizes.batch, sizes.q_heads, sizes.q_length, sizes.kv_length})));
    }
  }
  if (!sizes.packed) {
    return SetResult(context, DTypeAt(context, 0),
                     Shape({sizes.batch, sizes.q_heads, sizes.q_length, sizes.v_head_size}));
  }
  const int64_t width =
      sizes.v_head_size == kUnknownDim ? kUnknownDim : sizes.q_heads * sizes.v_head_size;
  return SetResult(context, DTypeAt(context, 0), Shape({sizes.batch, sizes.q_length, width}));
}

absl::Status InferShape(const RotaryEmbedding& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloat(context, 0));
  RETURN_IF_ERROR(NeedSameDType(context, 0, 1));
  RETURN_IF_ERROR(NeedSameDType(context, 0, 2));
  RETURN_IF_ERROR(MergeShapes(ShapeAt(context, 1), ShapeAt(context, 2)).status());
  if (context.Has(3)) RETURN_IF_ERROR(NeedIndex(context, 3));
  const Shape& x = ShapeAt(context, 0);
  const Shape& cache = ShapeAt(context, 1);
  context.outputs[0] = *context.inputs[0];
  if (x.has_rank()) {
    if (x.rank() != 3 && x.rank() != 4) return InvalidInput("rotary_embedding of ", ShapeText(x));
    if (x.rank() == 3 && op.num_heads < 1)
      return InvalidInput("rotary_embedding of a 3-D operand needs num_heads");
    int64_t head_size = x.dim(x.rank() - 1);
    if (x.rank() == 3 && head_size != kUnknownDim) {
      if (head_size % op.num_heads != 0)
        return InvalidInput(ShapeText(x), " for ", op.num_heads, " heads");
      head_size /= op.num_heads;
    }
    const int64_t rotary = op.rotary_dim > 0 ? op.rotary_dim : head_size;
    if (rotary != kUnknownDim &&
        (rotary % 2 != 0 || (head_size != kUnknownDim && rotary > head_size))) {
      return InvalidInput("rotary dimension ", rotary, " of a head of ", head_size);
    }
    if (cache.has_rank() && cache.rank() > 0 && rotary != kUnknownDim) {
      RETURN_IF_ERROR(MergeDims(cache.dim(cache.rank() - 1), rotary / 2,
                                "the cache's width and half the rotary dimension")
                          .status());
    }
  }
  const int cache_rank = context.Has(3) ? 2 : 3;
  if (cache.has_rank() && cache.rank() != cache_rank) {
    return InvalidInput("a cache of ", ShapeText(cache), context.Has(3) ? " with" : " without",
                        " position ids");
  }
  return absl::OkStatus();
}

absl::Status InferShape(const Einsum& op, ShapeContext& context) {
  std::vector<int> ranks;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    RETURN_IF_ERROR(NeedSameDType(context, 0, static_cast<int>(i)));
    const Shape& x = ShapeAt(context, static_cast<int>(i));
    if (!x.has_rank()) return SetResult(context, DTypeAt(context, 0), Shape());
    ranks.push_back(x.rank());
  }
  ASSIGN_OR_RETURN(const EinsumTerms terms, ParseEinsum(op.equation, ranks));
  // A dim of 1 broadcasts, so that the rule of BroadcastShapes holds label by label.
  Dims of_label(terms.num_labels, 1);
  for (size_t i = 0; i < ranks.size(); ++i) {
    for (int axis = 0; axis < ranks[i]; ++axis) {
      int64_t& dim = of_label[terms.inputs[i][axis]];
      auto merged =
          BroadcastShapes(Shape({dim}), Shape({ShapeAt(context, static_cast<int>(i)).dim(axis)}));
      if (!merged.ok()) {
        return InvalidInput("einsum '", op.equation, "': axis ", axis, " of operand ", i, " of ",
                            ShapeText(ShapeAt(context, static_cast<int>(i))), " meets ", dim);
      }
      dim = merged->dim(0);
    }
  }
  Dims dims;
  for (int label : terms.output) dims.push_back(of_label[label]);
  return SetResult(context, DTypeAt(context, 0), Shape(std::move(dims)));
}

absl::Status InferShape(const Conv& op, ShapeContext& context) {
  RETURN_IF_ERROR(NeedFloat(context, 0));
  RETURN_IF_ERROR(NeedSameDType(context, 0, 1));
  const Shape& x = ShapeAt(context, 0);
  const Shape& weight = ShapeAt(context, 1);
  if (!x.has_rank() || !weight.has_rank()) {
    return SetResult(context, DTypeAt(context, 0),
                     x.has_rank() ? Shape(Dims(x.rank(), kUnknownDim)) : Shape());
  }
  ASSIGN_OR_RETURN(const ConvWindow window, ResolveConv(op, x, weight));
  int64_t channels = weight.dim(0);
  if (context.Has(2)) {
    RETURN_IF_ERROR(NeedSameDType(context, 0, 2));
    ASSIGN_OR_RETURN(const int64_t bias, ListLength(context, 2));
    ASSIGN_OR_RETURN(channels, MergeDims(channels, bias, "the weight's and the bias' channels"));
  }
  if (x.dim(1) != kUnknownDim && weight.dim(1) != kUnknownDim &&
      x.dim(1) != weight.dim(1) * op.group) {
    return InvalidInput("conv of ", ShapeText(x), " with weight ", ShapeText(weight), " in ",
                        op.group, " groups");
  }
  if (channels != kUnknownDim && channels % op.group != 0) {
    return InvalidInput(channels, " channels in ", op.group, " groups");
  }
  Dims dims = {x.dim(0), channels};
  dims.insert(dims.end(), window.out.begin(), window.out.end());
  return SetResult(context, DTypeAt(context, 0), Shape(std::move(dims)));
}

// Nothing is known of it: what the file says stays.
absl::Status InferShape(const Foreign&, ShapeContext&) { return absl::OkStatus(); }

}  // namespace g4c::ir
