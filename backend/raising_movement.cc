// Operators that move data: their index operands become attributes.
#include <limits>
#include <numeric>

#include "backend/raise_context.h"
#include "base/text.h"
#include "ir/resolve.h"

namespace g4c::backend {

using ir::Ints;
using Context = RaiseContext;

Raised RaiseReshape(const Context& c) {
  RETURN_IF_ERROR(c.Need(1));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::ReshapeOptions>());
  Ints target;
  if (c.input(1) != nullptr) {
    ASSIGN_OR_RETURN(target, c.ConstantInts(1, "shape"));
  } else if (options->new_shape() != nullptr) {
    target.assign(options->new_shape()->begin(), options->new_shape()->end());
  } else {
    return InvalidInput("it has no shape");
  }
  ASSIGN_OR_RETURN(const ir::Shape shape,
                   ir::ResolveReshape(ir::Shape(c.input(0)->dims), target, /*allow_zero=*/true));
  return RaisedOperator{ir::Reshape{shape.dims()}, {0}};
}

Raised RaiseSqueeze(const Context& c) {
  RETURN_IF_ERROR(c.Need(1));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::SqueezeOptions>());
  ir::OptionalInts axes;
  if (options->squeeze_dims() != nullptr && options->squeeze_dims()->size() > 0) {
    axes = Ints(options->squeeze_dims()->begin(), options->squeeze_dims()->end());
  }
  ASSIGN_OR_RETURN(const ir::Shape shape, ir::ResolveSqueeze(ir::Shape(c.input(0)->dims), axes));
  return RaisedOperator{ir::Reshape{shape.dims()}, {0}};
}

Raised RaiseExpandDims(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(const int64_t axis, c.ConstantInt(1, "axis"));
  ASSIGN_OR_RETURN(const ir::Shape shape,
                   ir::ResolveUnsqueeze(ir::Shape(c.input(0)->dims), {axis}));
  return RaisedOperator{ir::Reshape{shape.dims()}, {0}};
}

Raised RaiseTranspose(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(Ints perm, c.ConstantIntsOfRank(1, "perm"));
  for (int64_t& axis : perm) {
    if (axis < 0) axis += c.rank();
  }
  return RaisedOperator{ir::Transpose{std::move(perm)}, {0}};
}

Raised RaiseSlice(const Context& c) {
  RETURN_IF_ERROR(c.Need(3));
  ASSIGN_OR_RETURN(Ints begin, c.ConstantIntsOfRank(1, "begin"));
  ASSIGN_OR_RETURN(Ints size, c.ConstantIntsOfRank(2, "size"));
  for (int i = 0; i < c.rank(); ++i) {
    if (size[i] == -1 && __builtin_sub_overflow(c.input(0)->dims[i], begin[i], &size[i])) {
      return InvalidInput("begin ", begin[i], " of axis ", i);
    }
  }
  Ints stride(begin.size(), 1);
  return RaisedOperator{ir::Slice{std::move(begin), std::move(size), std::move(stride)}, {0}};
}

Raised RaiseStridedSlice(const Context& c) {
  RETURN_IF_ERROR(c.Need(4));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::StridedSliceOptions>());
  if (options->ellipsis_mask() != 0 || options->new_axis_mask() != 0) {
    return Unsupported("it has an ellipsis or a new axis");
  }
  ASSIGN_OR_RETURN(Ints begin, c.ConstantInts(1, "begin"));
  ASSIGN_OR_RETURN(Ints end, c.ConstantInts(2, "end"));
  ASSIGN_OR_RETURN(const Ints strides, c.ConstantInts(3, "strides"));
  const ir::Dims& dims = c.input(0)->dims;
  const size_t count = begin.size();
  if (count > dims.size() || count > 31 || end.size() != count || strides.size() != count) {
    return InvalidInput("begin, end and strides have ", count, ", ", end.size(), " and ",
                        strides.size(), " entries for rank ", dims.size());
  }
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  Ints axes(count);
  std::iota(axes.begin(), axes.end(), 0);
  for (size_t i = 0; i < count; ++i) {
    const bool shrink = (options->shrink_axis_mask() >> i & 1) != 0;
    const bool forward = strides[i] > 0;
    if (options->offset() && __builtin_add_overflow(end[i], begin[i], &end[i])) {
      return InvalidInput("end ", end[i], " of axis ", i);
    }
    if (shrink) {
      if (begin[i] < -dims[i] || begin[i] >= dims[i] || !forward) {
        return InvalidInput("index ", begin[i], " of axis ", i, " of ", DimsText(dims));
      }
      if (begin[i] < 0) begin[i] += dims[i];
      end[i] = begin[i] + 1;
      continue;
    }
    if ((options->begin_mask() >> i & 1) != 0) begin[i] = forward ? 0 : kLast;
    if ((options->end_mask() >> i & 1) != 0) end[i] = forward ? kLast : kFirst;
  }
  ASSIGN_OR_RETURN(const ir::Slice slice,
                   ir::ResolveSlice(ir::Shape(dims), begin, end, axes, strides));
  RaisedOperator raised{slice, {0}};
  if (options->shrink_axis_mask() != 0) {
    raised.result_dims.emplace();
    for (size_t i = 0; i < dims.size(); ++i) {
      const bool shrink = i < count && (options->shrink_axis_mask() >> i & 1) != 0;
      if (!shrink) raised.result_dims->push_back(slice.size[i]);
    }
  }
  return raised;
}

static absl::StatusOr<int> AxisOf(const Context& c, int operand, int64_t axis) {
  return ir::NormalizeAxis(axis, static_cast<int>(c.input(operand)->dims.size()));
}

Raised RaiseSplit(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  RETURN_IF_ERROR(c.OptionsOf<circle::SplitOptions>().status());
  ASSIGN_OR_RETURN(const int64_t given, c.ConstantInt(0, "axis"));
  ASSIGN_OR_RETURN(const int axis, AxisOf(c, 1, given));
  const int64_t dim = c.input(1)->dims[axis];
  if (dim % c.num_outputs() != 0) {
    return InvalidInput("a dimension of ", dim, " does not split into ", c.num_outputs());
  }
  return RaisedOperator{ir::Split{axis, Ints(c.num_outputs(), dim / c.num_outputs())}, {1}};
}

Raised RaiseSplitV(const Context& c) {
  RETURN_IF_ERROR(c.Need(3));
  RETURN_IF_ERROR(c.OptionsOf<circle::SplitVOptions>().status());
  ASSIGN_OR_RETURN(Ints sizes, c.ConstantInts(1, "sizes"));
  ASSIGN_OR_RETURN(const int64_t given, c.ConstantInt(2, "axis"));
  ASSIGN_OR_RETURN(const int axis, AxisOf(c, 0, given));
  int64_t rest = c.input(0)->dims[axis];
  int64_t* inferred = nullptr;
  for (int64_t& size : sizes) {
    if (size == -1 && inferred == nullptr) {
      inferred = &size;
    } else if (size < 0 || __builtin_sub_overflow(rest, size, &rest)) {
      return InvalidInput("a piece of ", size);
    }
  }
  if (inferred != nullptr) *inferred = rest;
  return RaisedOperator{ir::Split{axis, std::move(sizes)}, {0}};
}

Raised RaiseConcat(const Context& c) {
  RETURN_IF_ERROR(c.Need(1));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::ConcatenationOptions>());
  RETURN_IF_ERROR(NeedNoActivation(options->fused_activation_function()));
  ASSIGN_OR_RETURN(const int axis, AxisOf(c, 0, options->axis()));
  return c.All(ir::Concat{axis});
}

Raised RaisePack(const Context& c) {
  RETURN_IF_ERROR(c.Need(1));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::PackOptions>());
  ASSIGN_OR_RETURN(const int axis, ir::NormalizeAxis(options->axis(), c.rank() + 1));
  return c.All(ir::Pack{axis});
}

Raised RaiseUnpack(const Context& c) {
  RETURN_IF_ERROR(c.Need(1));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::UnpackOptions>());
  ASSIGN_OR_RETURN(const int axis, AxisOf(c, 0, options->axis()));
  return c.All(ir::Unpack{axis});
}

Raised RaiseBroadcastTo(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(Ints shape, c.ConstantInts(1, "shape"));
  return RaisedOperator{ir::BroadcastTo{std::move(shape)}, {0}};
}

Raised RaiseTile(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(Ints multiples, c.ConstantIntsOfRank(1, "multiples"));
  return RaisedOperator{ir::Tile{std::move(multiples)}, {0}};
}

// paddings is [rank, 2].
static absl::StatusOr<ir::Pad> PadOf(const Context& c, ir::PadMode mode, double value) {
  ASSIGN_OR_RETURN(const Ints paddings, c.ConstantInts(1, "paddings"));
  if (static_cast<int64_t>(paddings.size()) != 2 * int64_t{c.rank()}) {
    return InvalidInput("paddings has ", paddings.size(), " entries for rank ", c.rank());
  }
  ir::Pad pad{{}, {}, mode, value};
  for (size_t i = 0; i < paddings.size(); i += 2) {
    pad.before.push_back(paddings[i]);
    pad.after.push_back(paddings[i + 1]);
  }
  return pad;
}

Raised RaisePad(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(ir::Pad pad, PadOf(c, ir::PadMode::kConstant, 0));
  return RaisedOperator{std::move(pad), {0}};
}

Raised RaisePadV2(const Context& c) {
  RETURN_IF_ERROR(c.Need(3));
  const CircleTensor& fill = *c.input(2);
  if (ir::NumElements(fill.dims) != 1) return InvalidInput("input 2 (value) has not one element");
  if (fill.bytes.empty()) return Unsupported("input 2 (value) is not constant");
  if (fill.stored != c.input(0)->stored || fill.quantization != c.input(0)->quantization) {
    return Unsupported("input 2 (value) has another type or other qparams than input 0");
  }
  if (ir::BitWidth(fill.stored) == 4) return Unsupported("its value is packed");
  ASSIGN_OR_RETURN(const ir::Tensor tensor,
                   ir::Tensor::View(fill.stored, {1}, fill.bytes, nullptr));
  double value;
  tensor.ReadDoubles(0, absl::MakeSpan(&value, 1));
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&fill.quantization)) {
    value = q->scale * static_cast<float>(value - static_cast<double>(q->zero_point));
  }
  ASSIGN_OR_RETURN(ir::Pad pad, PadOf(c, ir::PadMode::kConstant, value));
  return RaisedOperator{std::move(pad), {0}};
}

Raised RaiseMirrorPad(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::MirrorPadOptions>());
  if (options->mode() != circle::MirrorPadMode_REFLECT) return Unsupported("symmetric padding");
  ASSIGN_OR_RETURN(ir::Pad pad, PadOf(c, ir::PadMode::kReflect, 0));
  return RaisedOperator{std::move(pad), {0}};
}

Raised RaiseGather(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::GatherOptions>());
  if (options->batch_dims() != 0) return Unsupported("it has batch dimensions");
  ASSIGN_OR_RETURN(const int axis, AxisOf(c, 0, options->axis()));
  return c.All(ir::Gather{axis});
}

}  // namespace g4c::backend
