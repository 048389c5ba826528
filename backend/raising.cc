#include "backend/raising.h"

#include <cstring>
#include <limits>
#include <numeric>

#include "backend/tensor_encoding.h"
#include "base/status.h"
#include "base/text.h"
#include "ir/resolve.h"

namespace g4c::backend {
namespace {

using ir::DType;
using ir::Ints;
using Raised = absl::StatusOr<RaisedOperator>;

// Stands in plain_ops.inc for operators that have no table of options.
struct NoOptions {};

// A table without fields: all of them read as their defaults.
alignas(8) constexpr uint8_t kNoFields[] = {4, 0, 4, 0, 4, 0, 0, 0};

class Context {
 public:
  Context(const CircleFile& file, const circle::Operator& op) : file_(file), op_(op) {
    if (op.inputs() != nullptr) inputs_ = {op.inputs()->data(), op.inputs()->size()};
    if (op.outputs() != nullptr) outputs_ = {op.outputs()->data(), op.outputs()->size()};
  }

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  // Null for an omitted input, and beyond the last.
  const CircleTensor* input(int i) const {
    if (i >= num_inputs() || inputs_[i] < 0) return nullptr;
    return &file_.tensors()[inputs_[i]];
  }
  const CircleTensor& output(int i) const { return file_.tensors()[outputs_[i]]; }
  int rank() const { return static_cast<int>(input(0)->dims.size()); }

  // `first` inputs that must be there, and one result at least.
  absl::Status Need(int first) const {
    for (int i = 0; i < first; ++i) {
      if (input(i) == nullptr) return InvalidInput("input ", i, " is missing");
    }
    if (num_outputs() == 0) return InvalidInput("it has no result");
    return absl::OkStatus();
  }

  template <typename Options>
  absl::StatusOr<const Options*> OptionsOf() const {
    const circle::BuiltinOptions type = op_.builtin_options_type();
    if (type == circle::BuiltinOptions_NONE || op_.builtin_options() == nullptr) {
      return reinterpret_cast<const Options*>(kNoFields + 4);
    }
    if (type != circle::BuiltinOptionsTraits<Options>::enum_value) {
      return InvalidInput("its options are ", circle::EnumNameBuiltinOptions(type));
    }
    return static_cast<const Options*>(op_.builtin_options());
  }

  // The elements of a constant i32 or i64 input.
  absl::StatusOr<Ints> ConstantInts(int i, absl::string_view what) const {
    const CircleTensor* tensor = input(i);
    if (tensor == nullptr) return InvalidInput("input ", i, " (", what, ") is missing");
    if ((tensor->stored != DType::kI32 && tensor->stored != DType::kI64) ||
        ir::HasQparams(tensor->quantization)) {
      return InvalidInput("input ", i, " (", what, ") is no plain i32 or i64");
    }
    const int64_t count = ir::NumElements(tensor->dims);
    if (tensor->bytes.empty() && count != 0) {
      return Unsupported("input ", i, " (", what, ") is not constant");
    }
    Ints values(count);
    for (int64_t k = 0; k < count; ++k) {
      if (tensor->stored == DType::kI32) {
        int32_t value;
        std::memcpy(&value, tensor->bytes.data() + k * sizeof(value), sizeof(value));
        values[k] = value;
      } else {
        std::memcpy(&values[k], tensor->bytes.data() + k * sizeof(int64_t), sizeof(int64_t));
      }
    }
    return values;
  }
  absl::StatusOr<int64_t> ConstantInt(int i, absl::string_view what) const {
    ASSIGN_OR_RETURN(const Ints values, ConstantInts(i, what));
    if (values.size() != 1) return InvalidInput("input ", i, " (", what, ") has not one element");
    return values[0];
  }
  // One entry an axis of input 0.
  absl::StatusOr<Ints> ConstantIntsOfRank(int i, absl::string_view what) const {
    ASSIGN_OR_RETURN(Ints values, ConstantInts(i, what));
    if (static_cast<int>(values.size()) != rank()) {
      return InvalidInput("input ", i, " (", what, ") has ", values.size(), " entries for rank ",
                          rank());
    }
    return values;
  }

  // The node with all inputs as operands.
  Raised All(ir::Op op) const {
    std::vector<int> operands(num_inputs());
    std::iota(operands.begin(), operands.end(), 0);
    return RaisedOperator{std::move(op), std::move(operands)};
  }

 private:
  const CircleFile& file_;
  const circle::Operator& op_;
  absl::Span<const int32_t> inputs_;
  absl::Span<const int32_t> outputs_;
};

absl::StatusOr<ir::Activation> ActivationOf(circle::ActivationFunctionType type) {
  const absl::optional<ir::Activation> activation = DecodeActivation(type);
  if (activation.has_value()) return *activation;
  return InvalidInput("fused activation ", static_cast<int>(type));
}

absl::Status NeedNoActivation(circle::ActivationFunctionType type) {
  if (type == circle::ActivationFunctionType_NONE) return absl::OkStatus();
  return Unsupported("it has a fused activation");
}

// ---- Operators whose operands are the node's ----

template <typename Op, typename Options>
Raised Plain(const Context& c) {
  if constexpr (!std::is_same_v<Options, NoOptions>) {
    RETURN_IF_ERROR(c.OptionsOf<Options>().status());
  }
  return c.All(Op());
}

template <typename Op, typename Options>
Raised Arithmetic(const Context& c) {
  ASSIGN_OR_RETURN(const Options* options, c.OptionsOf<Options>());
  ASSIGN_OR_RETURN(const ir::Activation activation,
                   ActivationOf(options->fused_activation_function()));
  return c.All(Op{activation});
}

Raised RaiseDequantize(const Context& c) {
  RETURN_IF_ERROR(c.Need(1));
  // Half floats have no qparams; widening them is a cast.
  if (ir::IsFloat(c.input(0)->stored)) return c.All(ir::Cast{c.output(0).stored});
  return c.All(ir::Dequantize());
}

Raised RaiseCast(const Context& c) {
  RETURN_IF_ERROR(c.Need(1));
  RETURN_IF_ERROR(c.OptionsOf<circle::CastOptions>().status());
  if (ir::HasQparams(c.input(0)->quantization) || ir::HasQparams(c.output(0).quantization)) {
    return Unsupported("it casts the stored integers of a quantised tensor");
  }
  return c.All(ir::Cast{c.output(0).stored});
}

Raised RaiseGelu(const Context& c) {
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::GeluOptions>());
  return c.All(ir::Gelu{options->approximate()});
}

Raised RaiseSoftmax(const Context& c) {
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::SoftmaxOptions>());
  return c.All(ir::Softmax{options->beta()});
}

Raised RaiseRmsNorm(const Context& c) {
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::RmsNormOptions>());
  return c.All(ir::RmsNorm{options->epsilon()});
}

Raised RaiseL2Norm(const Context& c) {
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::L2NormOptions>());
  RETURN_IF_ERROR(NeedNoActivation(options->fused_activation_function()));
  return c.All(ir::L2Norm());
}

Raised RaiseBatchMatMul(const Context& c) {
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::BatchMatMulOptions>());
  return c.All(ir::BatchMatMul{options->adjoint_lhs(), options->adjoint_rhs()});
}

Raised RaiseFullyConnected(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::FullyConnectedOptions>());
  if (options->weights_format() != circle::FullyConnectedOptionsWeightsFormat_DEFAULT) {
    return Unsupported("its weights are shuffled");
  }
  ASSIGN_OR_RETURN(const ir::Activation activation,
                   ActivationOf(options->fused_activation_function()));
  ASSIGN_OR_RETURN(RaisedOperator raised, c.All(ir::FullyConnected{activation}));
  const ir::Dims& weight = c.input(1)->dims;
  if (options->keep_num_dims() || c.rank() == 2 || weight.size() != 2) return raised;
  // Without keep_num_dims the leading dims are one: [elements / k, k].
  const int64_t elements = ir::NumElements(c.input(0)->dims);
  if (weight[1] == 0 || elements % weight[1] != 0) {
    return InvalidInput("an input of ", DimsText(c.input(0)->dims), " for the weight ",
                        DimsText(weight));
  }
  raised.operand_dims = ir::Dims{elements / weight[1], weight[1]};
  return raised;
}

// The old SELECT has a rule of its own for a condition of rank 1.
Raised RaiseSelect(const Context& c) {
  RETURN_IF_ERROR(c.Need(3));
  RETURN_IF_ERROR(c.OptionsOf<circle::SelectOptions>().status());
  if (c.input(0)->dims != c.input(1)->dims || c.input(1)->dims != c.input(2)->dims) {
    return Unsupported("SELECT of unlike shapes");
  }
  return c.All(ir::Select());
}

Raised RaiseClamp(const Context& c, float min, float max) { return c.All(ir::Clamp{min, max}); }

// ---- Reductions ----

template <typename Op>
Raised Reduce(const Context& c) {
  RETURN_IF_ERROR(c.Need(2));
  ASSIGN_OR_RETURN(const auto* options, c.OptionsOf<circle::ReducerOptions>());
  ASSIGN_OR_RETURN(const Ints axes, c.ConstantInts(1, "axes"));
  ASSIGN_OR_RETURN(Ints normal, ir::NormalizeAxes(axes, c.rank()));
  return RaisedOperator{Op{std::move(normal), options->keep_dims()}, {0}};
}

// ---- Moving data ----

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
    if (size[i] == -1) size[i] = c.input(0)->dims[i] - begin[i];
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
  ir::Dims shrunk;
  for (size_t i = 0; i < count; ++i) {
    const bool shrink = (options->shrink_axis_mask() >> i & 1) != 0;
    const bool forward = strides[i] > 0;
    if (options->offset()) end[i] += begin[i];
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
  if (options->shrink_axis_mask() != 0) raised.result_dims = slice.size;
  return raised;
}

absl::StatusOr<int> AxisOf(const Context& c, int operand, int64_t axis) {
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
absl::StatusOr<ir::Pad> PadOf(const Context& c, ir::PadMode mode, double value) {
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

}  // namespace

Raised RaiseOperator(const CircleFile& file, const circle::Operator& op) {
  const Context c(file, op);
  using namespace circle;  // the operators' numbers and options
  if (op.builtin_options_2_type() != BuiltinOptions2_NONE) {
    return Unsupported("its options are ", EnumNameBuiltinOptions2(op.builtin_options_2_type()));
  }
  switch (file.Code(op)) {
#define G4C_PLAIN(Name, CODE, Options) \
  case BuiltinOperator_##CODE:         \
    return Plain<ir::Name, Options>(c);
#include "backend/plain_ops.inc"
#undef G4C_PLAIN
    case BuiltinOperator_ADD:
      return Arithmetic<ir::Add, AddOptions>(c);
    case BuiltinOperator_SUB:
      return Arithmetic<ir::Sub, SubOptions>(c);
    case BuiltinOperator_MUL:
      return Arithmetic<ir::Mul, MulOptions>(c);
    case BuiltinOperator_DIV:
      return Arithmetic<ir::Div, DivOptions>(c);
    case BuiltinOperator_FLOOR_MOD:
      return Plain<ir::Mod, FloorModOptions>(c);
    case BuiltinOperator_DEQUANTIZE:
      return RaiseDequantize(c);
    case BuiltinOperator_CAST:
      return RaiseCast(c);
    case BuiltinOperator_GELU:
      return RaiseGelu(c);
    case BuiltinOperator_SOFTMAX:
      return RaiseSoftmax(c);
    case BuiltinOperator_RMS_NORM:
      return RaiseRmsNorm(c);
    case BuiltinOperator_L2_NORMALIZATION:
      return RaiseL2Norm(c);
    case BuiltinOperator_BATCH_MATMUL:
      return RaiseBatchMatMul(c);
    case BuiltinOperator_FULLY_CONNECTED:
      return RaiseFullyConnected(c);
    case BuiltinOperator_SELECT:
      return RaiseSelect(c);
    case BuiltinOperator_RELU6:
      return RaiseClamp(c, 0, 6);
    case BuiltinOperator_RELU_N1_TO_1:
      return RaiseClamp(c, -1, 1);
    case BuiltinOperator_RELU_0_TO_1:
      return RaiseClamp(c, 0, 1);
    case BuiltinOperator_MEAN:
      return Reduce<ir::ReduceMean>(c);
    case BuiltinOperator_SUM:
      return Reduce<ir::ReduceSum>(c);
    case BuiltinOperator_REDUCE_MAX:
      return Reduce<ir::ReduceMax>(c);
    case BuiltinOperator_REDUCE_MIN:
      return Reduce<ir::ReduceMin>(c);
    case BuiltinOperator_REDUCE_PROD:
      return Reduce<ir::ReduceProd>(c);
    case BuiltinOperator_RESHAPE:
      return RaiseReshape(c);
    case BuiltinOperator_SQUEEZE:
      return RaiseSqueeze(c);
    case BuiltinOperator_EXPAND_DIMS:
      return RaiseExpandDims(c);
    case BuiltinOperator_TRANSPOSE:
      return RaiseTranspose(c);
    case BuiltinOperator_SLICE:
      return RaiseSlice(c);
    case BuiltinOperator_STRIDED_SLICE:
      return RaiseStridedSlice(c);
    case BuiltinOperator_SPLIT:
      return RaiseSplit(c);
    case BuiltinOperator_SPLIT_V:
      return RaiseSplitV(c);
    case BuiltinOperator_CONCATENATION:
      return RaiseConcat(c);
    case BuiltinOperator_PACK:
      return RaisePack(c);
    case BuiltinOperator_UNPACK:
      return RaiseUnpack(c);
    case BuiltinOperator_BROADCAST_TO:
      return RaiseBroadcastTo(c);
    case BuiltinOperator_TILE:
      return RaiseTile(c);
    case BuiltinOperator_PAD:
      return RaisePad(c);
    case BuiltinOperator_PADV2:
      return RaisePadV2(c);
    case BuiltinOperator_MIRROR_PAD:
      return RaiseMirrorPad(c);
    case BuiltinOperator_GATHER:
      return RaiseGather(c);
    case BuiltinOperator_GATHER_ND:
      return Plain<ir::GatherNd, GatherNdOptions>(c);
    default:  // what the format may yet name
      return Unsupported("the operator is not modelled");
  }
}

}  // namespace g4c::backend
