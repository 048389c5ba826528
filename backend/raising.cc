#include "backend/raising.h"

#include "backend/raise_context.h"
#include "backend/tensor_encoding.h"
#include "base/text.h"
#include "ir/resolve.h"

namespace g4c::backend {
namespace {

using ir::Ints;
using Context = RaiseContext;

// Stands in plain_ops.inc for operators that have no table of options.
struct NoOptions {};

absl::StatusOr<ir::Activation> ActivationOf(circle::ActivationFunctionType type) {
  const absl::optional<ir::Activation> activation = DecodeActivation(type);
  if (activation.has_value()) return *activation;
  return InvalidInput("fused activation ", static_cast<int>(type));
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
  if (c.input(2) == nullptr) raised.operands.resize(2);
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

}  // namespace

absl::Status NeedNoActivation(circle::ActivationFunctionType type) {
  if (type == circle::ActivationFunctionType_NONE) return absl::OkStatus();
  return Unsupported("it has a fused activation");
}

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
