#include "backend/lowering.h"

#include <algorithm>

#include "backend/canonical_op.h"
#include "backend/tensor_encoding.h"
#include "base/status.h"
#include "ir/circle_name.h"

namespace g4c::backend {
namespace {

using ir::DType;
using ir::Ints;

// Stands in plain_ops.inc for operators that have no table of options.
struct NoOptions {};

class Context {
 public:
  Context(const ir::Graph& graph, const ir::Node& node, flatbuffers::FlatBufferBuilder& builder)
      : graph_(graph), node_(node), builder_(builder) {
    for (ir::ValueId input : node.inputs) out.operands.push_back({input, absl::nullopt});
  }

  flatbuffers::FlatBufferBuilder& builder() { return builder_; }
  const ir::Value& operand(int i) const { return graph_.value(node_.inputs[i]); }
  const ir::Value& result(int i = 0) const { return graph_.value(node_.outputs[i]); }
  const ir::Dims& dims() const { return operand(0).type.shape.dims(); }
  std::string circle_name() const { return ir::CircleName(graph_, node_); }
  int num_operands() const { return static_cast<int>(node_.inputs.size()); }
  int num_results() const { return static_cast<int>(node_.outputs.size()); }

  absl::Status Emit(circle::BuiltinOperator code) {
    out.code = code;
    return absl::OkStatus();
  }
  template <typename Options>
  absl::Status Emit(circle::BuiltinOperator code, flatbuffers::Offset<Options> options,
                    int version = 1) {
    out.code = code;
    out.version = version;
    out.options_type = circle::BuiltinOptionsTraits<Options>::enum_value;
    out.options = options.Union();
    return absl::OkStatus();
  }
  template <typename Options>
  absl::Status EmitEmpty(circle::BuiltinOperator code, int version = 1) {
    if constexpr (std::is_same_v<Options, NoOptions>) {
      return Emit(code);
    } else {
      const auto start = builder_.StartTable();
      return Emit(code, flatbuffers::Offset<Options>(builder_.EndTable(start)), version);
    }
  }

  // Index operands are i32 whatever the source had: runtimes take i32 everywhere. Values are dims,
  // axes or positions, which the writer has found to fit.
  LoweredOperand IntOperand(absl::string_view what, ir::Dims dims, const Ints& values) const {
    ir::Value value;
    value.name = std::string(what);
    value.type = {DType::kI32, ir::Shape(dims)};
    value.constant = ir::Tensor::FromInts(DType::kI32, std::move(dims), values);
    return {ir::kNoValue, std::move(value)};
  }
  void AppendInts(absl::string_view what, const Ints& values) {
    out.operands.push_back(IntOperand(what, {static_cast<int64_t>(values.size())}, values));
  }

  absl::Status Refuse(absl::string_view why) const {
    return Unsupported(Describe(), ": ", ir::OpName(node_.op), " cannot be written: ", why);
  }

  LoweredOperator out;

 private:
  std::string Describe() const { return ir::Describe(graph_, result().producer); }

  const ir::Graph& graph_;
  const ir::Node& node_;
  flatbuffers::FlatBufferBuilder& builder_;
};

// ---- Operators without attributes ----

#define G4C_PLAIN(Name, CODE, Options)                            \
  absl::Status Lower(const ir::Name&, Context& c) {               \
    using circle::BuiltinOperator_##CODE;                         \
    using namespace circle; /* Options, unless it is NoOptions */ \
    return c.EmitEmpty<Options>(BuiltinOperator_##CODE);          \
  }
#include "backend/plain_ops.inc"
#undef G4C_PLAIN

absl::Status Lower(const ir::Dequantize&, Context& c) {
  return c.EmitEmpty<circle::DequantizeOptions>(circle::BuiltinOperator_DEQUANTIZE);
}

// ---- Arithmetic and products ----

// pot_scale_int16 false: the scales of i16 operands need not be powers of two.
absl::Status Lower(const ir::Add& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_ADD,
                circle::CreateAddOptions(c.builder(), EncodeActivation(op.activation), false));
}
absl::Status Lower(const ir::Sub& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_SUB,
                circle::CreateSubOptions(c.builder(), EncodeActivation(op.activation), false));
}
absl::Status Lower(const ir::Mul& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_MUL,
                circle::CreateMulOptions(c.builder(), EncodeActivation(op.activation)));
}
absl::Status Lower(const ir::Div& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_DIV,
                circle::CreateDivOptions(c.builder(), EncodeActivation(op.activation)));
}

absl::Status Lower(const ir::Mod& op, Context& c) {
  if (op.fmod) return c.Refuse("the remainder with the dividend's sign has no Circle operator");
  return c.EmitEmpty<circle::FloorModOptions>(circle::BuiltinOperator_FLOOR_MOD);
}

absl::Status Lower(const ir::Cast& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_CAST,
                circle::CreateCastOptions(c.builder(),
                                          EncodeDType(c.operand(0).type.dtype, /*is_tflite=*/false),
                                          EncodeDType(op.to, false)));
}

absl::Status Lower(const ir::Gelu& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_GELU,
                circle::CreateGeluOptions(c.builder(), op.approximate));
}

absl::Status Lower(const ir::BatchMatMul& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_BATCH_MATMUL,
                circle::CreateBatchMatMulOptions(c.builder(), op.adj_x, op.adj_y));
}

// A missing bias is written as -1: onert does not load two operands.
absl::Status Lower(const ir::FullyConnected& op, Context& c) {
  c.out.operands.resize(3);
  return c.Emit(circle::BuiltinOperator_FULLY_CONNECTED,
                circle::CreateFullyConnectedOptions(
                    c.builder(), EncodeActivation(op.activation),
                    circle::FullyConnectedOptionsWeightsFormat_DEFAULT, /*keep_num_dims=*/true));
}

// ---- Along axes ----

template <typename Reduce>
absl::Status LowerReduce(circle::BuiltinOperator code, const Reduce& op, Context& c) {
  c.AppendInts("axes", op.axes);
  return c.Emit(code, circle::CreateReducerOptions(c.builder(), op.keep_dims));
}
absl::Status Lower(const ir::ReduceMean& op, Context& c) {
  return LowerReduce(circle::BuiltinOperator_MEAN, op, c);
}
absl::Status Lower(const ir::ReduceSum& op, Context& c) {
  return LowerReduce(circle::BuiltinOperator_SUM, op, c);
}
absl::Status Lower(const ir::ReduceMax& op, Context& c) {
  return LowerReduce(circle::BuiltinOperator_REDUCE_MAX, op, c);
}
absl::Status Lower(const ir::ReduceMin& op, Context& c) {
  return LowerReduce(circle::BuiltinOperator_REDUCE_MIN, op, c);
}
absl::Status Lower(const ir::ReduceProd& op, Context& c) {
  return LowerReduce(circle::BuiltinOperator_REDUCE_PROD, op, c);
}

absl::Status Lower(const ir::Softmax& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_SOFTMAX,
                circle::CreateSoftmaxOptions(c.builder(), op.beta));
}

absl::Status Lower(const ir::RmsNorm& op, Context& c) {
  c.out.operands.resize(2);
  if (c.num_operands() < 2 || c.out.operands[1].value == ir::kNoValue) {
    c.out.operands[1].own = UnitGain(c.operand(0));
  }
  return c.Emit(circle::BuiltinOperator_RMS_NORM,
                circle::CreateRmsNormOptions(c.builder(), op.epsilon));
}

absl::Status Lower(const ir::L2Norm&, Context& c) {
  return c.Emit(circle::BuiltinOperator_L2_NORMALIZATION, circle::CreateL2NormOptions(c.builder()));
}

// ---- Moving data ----

// A scalar has no shape operand with data, so that it is a squeeze of all its dims of 1.
absl::Status Lower(const ir::Reshape& op, Context& c) {
  if (op.shape.empty()) {
    return c.EmitEmpty<circle::SqueezeOptions>(circle::BuiltinOperator_SQUEEZE);
  }
  c.AppendInts("shape", op.shape);
  const std::vector<int32_t> shape(op.shape.begin(), op.shape.end());
  const auto new_shape = c.builder().CreateVector(shape);
  return c.Emit(circle::BuiltinOperator_RESHAPE,
                circle::CreateReshapeOptions(c.builder(), new_shape));
}

absl::Status Lower(const ir::Transpose& op, Context& c) {
  c.AppendInts("perm", op.perm);
  return c.EmitEmpty<circle::TransposeOptions>(circle::BuiltinOperator_TRANSPOSE);
}

// ir/circle_name.h says which of the two.
absl::Status Lower(const ir::Slice& op, Context& c) {
  c.AppendInts("begin", op.begin);
  if (c.circle_name() == "SLICE") {
    c.AppendInts("size", op.size);
    return c.EmitEmpty<circle::SliceOptions>(circle::BuiltinOperator_SLICE);
  }
  if (op.size.size() > 31) return c.Refuse("a mask has 31 bits for axes");
  Ints end(op.size.size());
  int end_mask = 0;
  for (size_t i = 0; i < end.size(); ++i) {
    const int64_t step = op.stride[i] > 0 ? 1 : -1;
    end[i] = op.size[i] == 0 ? op.begin[i] : op.begin[i] + (op.size[i] - 1) * op.stride[i] + step;
    // An end of -1 would count from the back.
    if (end[i] < 0) {
      end_mask |= 1 << i;
      end[i] = 0;
    }
  }
  c.AppendInts("end", end);
  c.AppendInts("strides", op.stride);
  return c.Emit(circle::BuiltinOperator_STRIDED_SLICE,
                circle::CreateStridedSliceOptions(c.builder(), 0, end_mask));
}

// Equal pieces are a SPLIT, since onert's SPLIT_V gives zeros.
absl::Status Lower(const ir::Split& op, Context& c) {
  LoweredOperand axis = c.IntOperand("axis", {}, {op.axis});
  if (c.circle_name() == "SPLIT") {
    c.out.operands.insert(c.out.operands.begin(), std::move(axis));
    return c.Emit(circle::BuiltinOperator_SPLIT,
                  circle::CreateSplitOptions(c.builder(), c.num_results()));
  }
  c.AppendInts("sizes", op.sizes);
  c.out.operands.push_back(std::move(axis));
  return c.Emit(circle::BuiltinOperator_SPLIT_V,
                circle::CreateSplitVOptions(c.builder(), c.num_results()));
}

absl::Status Lower(const ir::Concat& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_CONCATENATION,
                circle::CreateConcatenationOptions(c.builder(), static_cast<int>(op.axis)));
}

absl::Status Lower(const ir::Pack& op, Context& c) {
  return c.Emit(
      circle::BuiltinOperator_PACK,
      circle::CreatePackOptions(c.builder(), c.num_operands(), static_cast<int>(op.axis)));
}

absl::Status Lower(const ir::Unpack& op, Context& c) {
  return c.Emit(
      circle::BuiltinOperator_UNPACK,
      circle::CreateUnpackOptions(c.builder(), c.num_results(), static_cast<int>(op.axis)));
}

absl::Status Lower(const ir::BroadcastTo& op, Context& c) {
  c.AppendInts("shape", op.shape);
  return c.EmitEmpty<circle::BroadcastToOptions>(circle::BuiltinOperator_BROADCAST_TO,
                                                 /*version=*/2);
}

absl::Status Lower(const ir::Tile& op, Context& c) {
  c.AppendInts("multiples", op.multiples);
  return c.EmitEmpty<circle::TileOptions>(circle::BuiltinOperator_TILE);
}

absl::Status Lower(const ir::Pad& op, Context& c) {
  if (op.mode == ir::PadMode::kEdge || op.mode == ir::PadMode::kWrap) {
    return c.Refuse("Circle pads with a constant or by reflection only");
  }
  const int64_t rank = static_cast<int64_t>(op.before.size());
  Ints paddings;
  for (int64_t i = 0; i < rank; ++i) {
    paddings.push_back(op.before[i]);
    paddings.push_back(op.after[i]);
  }
  c.out.operands.push_back(c.IntOperand("paddings", {rank, 2}, paddings));
  if (op.mode == ir::PadMode::kReflect) {
    return c.Emit(circle::BuiltinOperator_MIRROR_PAD,
                  circle::CreateMirrorPadOptions(c.builder(), circle::MirrorPadMode_REFLECT));
  }
  if (op.value == 0) return c.EmitEmpty<circle::PadOptions>(circle::BuiltinOperator_PAD);
  ir::Value value;
  value.name = "value";
  value.type = {c.operand(0).type.dtype, ir::Shape(ir::Dims())};
  value.constant = ir::Tensor::FromDoubles(value.type.dtype, {}, {op.value});
  value.quantization = c.operand(0).quantization;
  c.out.operands.push_back({ir::kNoValue, std::move(value)});
  return c.EmitEmpty<circle::PadV2Options>(circle::BuiltinOperator_PADV2);
}

absl::Status Lower(const ir::Gather& op, Context& c) {
  return c.Emit(circle::BuiltinOperator_GATHER,
                circle::CreateGatherOptions(c.builder(), static_cast<int>(op.axis)));
}

absl::Status Lower(const ir::GatherNd& op, Context& c) {
  if (op.batch_dims != 0) return c.Refuse("GATHER_ND has no batch dimensions");
  return c.EmitEmpty<circle::GatherNdOptions>(circle::BuiltinOperator_GATHER_ND);
}

// ---- Not written ----

#define G4C_REFUSED(Name, why) \
  absl::Status Lower(const ir::Name&, Context& c) { return c.Refuse(why); }

constexpr absl::string_view kLegalised = "it is rewritten before a graph is written";
constexpr absl::string_view kFolded = "it must be folded to a constant before a graph is written";

// Canonical form has not_equal instead.
G4C_REFUSED(LogicalXor, kLegalised)
G4C_REFUSED(Clamp, kLegalised)
G4C_REFUSED(Erf, "Circle has no such operator")
G4C_REFUSED(IsNan, "Circle has no such operator")
G4C_REFUSED(Foreign, "it is known by name only")
G4C_REFUSED(QuantizeLinear, kLegalised)
G4C_REFUSED(DequantizeLinear, kLegalised)
G4C_REFUSED(LayerNorm, kLegalised)
G4C_REFUSED(RmsNormAxes, kLegalised)
G4C_REFUSED(SoftmaxAxis, kLegalised)
G4C_REFUSED(MatMul, kLegalised)
G4C_REFUSED(Attention, kLegalised)
G4C_REFUSED(RotaryEmbedding, kLegalised)
G4C_REFUSED(Einsum, kLegalised)
G4C_REFUSED(Conv, kLegalised)
G4C_REFUSED(FusedMatMul, kLegalised)
G4C_REFUSED(DynamicReshape, kFolded)
G4C_REFUSED(DynamicExpand, kFolded)
G4C_REFUSED(DynamicSlice, kFolded)
G4C_REFUSED(DynamicSqueeze, kFolded)
G4C_REFUSED(DynamicUnsqueeze, kFolded)
G4C_REFUSED(DynamicTile, kFolded)
G4C_REFUSED(DynamicPad, kFolded)
G4C_REFUSED(DynamicSplit, kFolded)
G4C_REFUSED(DynamicReduce, kFolded)
G4C_REFUSED(SplitItem, kFolded)
G4C_REFUSED(SequenceItem, kFolded)
G4C_REFUSED(Choose, kFolded)
G4C_REFUSED(Range, kFolded)
G4C_REFUSED(ShapeOf, kFolded)
G4C_REFUSED(NonZero, kFolded)
G4C_REFUSED(CumSum, kFolded)
G4C_REFUSED(Trilu, kFolded)
G4C_REFUSED(OneHot, kFolded)
G4C_REFUSED(GatherElements, kFolded)
G4C_REFUSED(ScatterNd, kFolded)
G4C_REFUSED(ScatterElements, kFolded)
#undef G4C_REFUSED

absl::Status Lower(const std::monostate&, Context&) {
  G4C_CHECK(false && "monostate only closes the list");
  return absl::OkStatus();
}

}  // namespace

ir::Value UnitGain(const ir::Value& x) {
  ir::Value gain;
  gain.name = "gain";
  gain.type = {DType::kF32, ir::Shape({1})};
  gain.constant = ir::Tensor::FromDoubles(DType::kF32, {1}, {1.0});
  if (ir::HasQparams(x.quantization)) {
    gain.quantization = ir::QuantPerTensor{ir::QuantDType(x.quantization), 1.0f, 0};
  }
  return gain;
}

absl::StatusOr<LoweredOperator> LowerNode(const ir::Graph& graph, const ir::Node& node,
                                          flatbuffers::FlatBufferBuilder& builder) {
  Context context(graph, node, builder);
  const ir::Op op = CanonicalOp(graph, node);
  RETURN_IF_ERROR(
      std::visit([&context](const auto& attributes) { return Lower(attributes, context); }, op));
  return std::move(context.out);
}

}  // namespace g4c::backend
