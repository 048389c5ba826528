// The operators: one small struct of attributes each, and the variant over them.
//
// ir/op_table.inc lists every operator once; enum-like code (names, arity, printing, parsing, shape
// rules, evaluation, lowering) expands or visits it, so that an operator that lacks one of them
// does not compile or link.
//
// Operators come in two kinds. Those of the written file map one to one to Circle. The others exist
// only until the fold phase: "dynamic_*" operators take as inputs what the static ones have as
// attributes, and composites (attention, layer_norm, einsum, ...) are decomposed once shapes are
// static.
#ifndef IR_OP_H_
#define IR_OP_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/dtype.h"

namespace g4c::ir {

using Ints = std::vector<int64_t>;

enum class Activation : uint8_t { kNone, kRelu, kRelu6, kReluN1To1, kTanh, kSignBit };
enum class ReduceKind : uint8_t { kSum, kMean, kMax, kMin, kProd };
enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };
enum class ScatterKind : uint8_t { kNone, kAdd, kMul, kMax, kMin };

// The names of an enum's values in the ir text, in the order of the values.
absl::Span<const absl::string_view> EnumNames(Activation);
absl::Span<const absl::string_view> EnumNames(ReduceKind);
absl::Span<const absl::string_view> EnumNames(PadMode);
absl::Span<const absl::string_view> EnumNames(ScatterKind);

// How an operator's result relates to the qparams of its operands.
enum class QparamRule : uint8_t {
  kComputes,    // the result has qparams of its own
  kMovesData,   // every float operand and result share one set of qparams, or an explicit quantize
                // stands between
  kFixedRange,  // the result's range is known without data (quantization/fixed_range.h)
  kNotApplicable,  // the result is an index, a shape or a Boolean
  kConverts,       // quantize, dequantize: changes the qparams and nothing else
};

#define G4C_OP_BODY(Name) bool operator==(const Name&) const = default;
// An operator without attributes.
#define G4C_PLAIN_OP(Name)                     \
  struct Name {                                \
    G4C_OP_BODY(Name)                          \
    template <typename Self, typename Visitor> \
    static void Visit(Self&, Visitor&&) {}     \
  };
// The attributes in printing order: visit("name", self.field) for each.
#define G4C_ATTRIBUTES(...)                        \
  template <typename Self, typename Visitor>       \
  static void Visit(Self& self, Visitor&& visit) { \
    __VA_ARGS__                                    \
  }

// ---- Element by element. Binary operators broadcast as NumPy does; both operands have one dtype.
// ----
G4C_PLAIN_OP(Abs)
G4C_PLAIN_OP(Ceil)
G4C_PLAIN_OP(Cos)
G4C_PLAIN_OP(Erf)
G4C_PLAIN_OP(Exp)
G4C_PLAIN_OP(Floor)
G4C_PLAIN_OP(IsNan)
G4C_PLAIN_OP(Logistic)
G4C_PLAIN_OP(Log)
G4C_PLAIN_OP(LogicalNot)
G4C_PLAIN_OP(Neg)
G4C_PLAIN_OP(Relu)
G4C_PLAIN_OP(Round)  // half to even
G4C_PLAIN_OP(Rsqrt)
G4C_PLAIN_OP(Sign)
G4C_PLAIN_OP(Sin)
G4C_PLAIN_OP(Sqrt)
G4C_PLAIN_OP(Square)
G4C_PLAIN_OP(Tanh)

// The four with a fused activation, as Circle has them. Only files read back may have one.
#define G4C_ARITHMETIC_OP(Name)                           \
  struct Name {                                           \
    Activation activation = Activation::kNone;            \
    G4C_OP_BODY(Name)                                     \
    G4C_ATTRIBUTES(visit("activation", self.activation);) \
  };
G4C_ARITHMETIC_OP(Add)
G4C_ARITHMETIC_OP(Sub)
G4C_ARITHMETIC_OP(Mul)
G4C_ARITHMETIC_OP(Div)  // integers: truncates towards zero

G4C_PLAIN_OP(Pow)
G4C_PLAIN_OP(Maximum)
G4C_PLAIN_OP(Minimum)
G4C_PLAIN_OP(SquaredDifference)
G4C_PLAIN_OP(LogicalAnd)
G4C_PLAIN_OP(LogicalOr)
G4C_PLAIN_OP(LogicalXor)
G4C_PLAIN_OP(Equal)
G4C_PLAIN_OP(NotEqual)
G4C_PLAIN_OP(Greater)
G4C_PLAIN_OP(GreaterEqual)
G4C_PLAIN_OP(Less)
G4C_PLAIN_OP(LessEqual)

// The remainder's sign: the divisor's (Python), or with fmod the dividend's (C).
struct Mod {
  bool fmod = false;
  G4C_OP_BODY(Mod)
  G4C_ATTRIBUTES(visit("fmod", self.fmod);)
};

// (condition: bool, a, b) -> a where condition else b; the three broadcast.
G4C_PLAIN_OP(Select)

// min(max(x, min), max); an infinite bound is none. f32 only.
struct Clamp {
  float min;
  float max;
  G4C_OP_BODY(Clamp)
  G4C_ATTRIBUTES(visit("min", self.min); visit("max", self.max);)
};

struct Cast {
  DType to;
  G4C_OP_BODY(Cast)
  G4C_ATTRIBUTES(visit("to", self.to);)
};

// x * Phi(x); approximate: the tanh form 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
struct Gelu {
  bool approximate = false;
  G4C_OP_BODY(Gelu)
  G4C_ATTRIBUTES(visit("approximate", self.approximate);)
};

// ---- Along axes. axes are in [0, rank), ascending. ----
#define G4C_REDUCE_OP(Name)                                                       \
  struct Name {                                                                   \
    Ints axes;                                                                    \
    bool keep_dims = true;                                                        \
    G4C_OP_BODY(Name)                                                             \
    G4C_ATTRIBUTES(visit("axes", self.axes); visit("keep_dims", self.keep_dims);) \
  };
G4C_REDUCE_OP(ReduceSum)
G4C_REDUCE_OP(ReduceMean)
G4C_REDUCE_OP(ReduceMax)
G4C_REDUCE_OP(ReduceMin)
G4C_REDUCE_OP(ReduceProd)

// exp(beta x) / sum exp(beta x) over the last axis.
struct Softmax {
  float beta = 1.0f;
  G4C_OP_BODY(Softmax)
  G4C_ATTRIBUTES(visit("beta", self.beta);)
};

// (x, gain or nothing) -> x / sqrt(mean(x^2 over the last axis) + epsilon) * gain. gain: [C] or
// [1].
struct RmsNorm {
  float epsilon = 1e-6f;
  G4C_OP_BODY(RmsNorm)
  G4C_ATTRIBUTES(visit("epsilon", self.epsilon);)
};

// x / sqrt(sum(x^2 over the last axis)), as Circle's L2_NORMALIZATION. Only in files read back.
G4C_PLAIN_OP(L2Norm)

// ---- Products ----
// (a [..., m, k], b [..., k, n]) -> [..., m, n]; adj swaps the operand's last two axes; leading
// axes broadcast.
struct BatchMatMul {
  bool adj_x = false;
  bool adj_y = false;
  G4C_OP_BODY(BatchMatMul)
  G4C_ATTRIBUTES(visit("adj_x", self.adj_x); visit("adj_y", self.adj_y);)
};

// (x [..., k], weight [n, k], bias [n] or nothing) -> [..., n].
struct FullyConnected {
  Activation activation = Activation::kNone;
  G4C_OP_BODY(FullyConnected)
  G4C_ATTRIBUTES(visit("activation", self.activation);)
};

// ---- Moving data ----
// dims: static, without -1.
struct Reshape {
  Ints shape;
  G4C_OP_BODY(Reshape)
  G4C_ATTRIBUTES(visit("shape", self.shape);)
};

// Dim i of the result is dim perm[i] of the operand.
struct Transpose {
  Ints perm;
  G4C_OP_BODY(Transpose)
  G4C_ATTRIBUTES(visit("perm", self.perm);)
};

// Of each axis the `size` elements begin, begin + stride, ...; stride may be negative, never 0. One
// entry an axis.
struct Slice {
  Ints begin;
  Ints size;
  Ints stride;
  G4C_OP_BODY(Slice)
  G4C_ATTRIBUTES(visit("begin", self.begin); visit("size", self.size);
                 visit("stride", self.stride);)
};

// The pieces of `sizes` along `axis`, one result each.
struct Split {
  int64_t axis = 0;
  Ints sizes;
  G4C_OP_BODY(Split)
  G4C_ATTRIBUTES(visit("axis", self.axis); visit("sizes", self.sizes);)
};

struct Concat {
  int64_t axis = 0;
  G4C_OP_BODY(Concat)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

struct Pack {
  int64_t axis = 0;
  G4C_OP_BODY(Pack)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

struct Unpack {
  int64_t axis = 0;
  G4C_OP_BODY(Unpack)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

struct BroadcastTo {
  Ints shape;
  G4C_OP_BODY(BroadcastTo)
  G4C_ATTRIBUTES(visit("shape", self.shape);)
};

struct Tile {
  Ints multiples;
  G4C_OP_BODY(Tile)
  G4C_ATTRIBUTES(visit("multiples", self.multiples);)
};

// before, after: elements added at each axis, >= 0. value: what constant mode adds.
struct Pad {
  Ints before;
  Ints after;
  PadMode mode = PadMode::kConstant;
  double value = 0;
  G4C_OP_BODY(Pad)
  G4C_ATTRIBUTES(visit("before", self.before); visit("after", self.after); visit("mode", self.mode);
                 visit("value", self.value);)
};

// (data, indices: i32 or i64) -> the slices of `axis` that the indices name (negative ones count
// from the end).
struct Gather {
  int64_t axis = 0;
  G4C_OP_BODY(Gather)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

struct GatherNd {
  int64_t batch_dims = 0;
  G4C_OP_BODY(GatherNd)
  G4C_ATTRIBUTES(visit("batch_dims", self.batch_dims);)
};

// ---- Quantisation ----
// The result's stored integers follow from its own qparams; from f32 or as a requantisation.
G4C_PLAIN_OP(Quantize)
G4C_PLAIN_OP(Dequantize)

// An operator of a Circle file that this ir does not model; `code` is its builtin or custom name.
// Only in files read.
struct Foreign {
  std::string code;
  G4C_OP_BODY(Foreign)
  G4C_ATTRIBUTES(visit("code", self.code);)
};

// ---- Until the fold phase: ONNX semantics with operands that must become constants ----
// (x, scale, zero_point or nothing): axis -1: per tensor. Removed by import-qdq.
struct QuantizeLinear {
  int64_t axis = -1;
  DType to = DType::kU8;
  G4C_OP_BODY(QuantizeLinear)
  G4C_ATTRIBUTES(visit("axis", self.axis); visit("to", self.to);)
};

struct DequantizeLinear {
  int64_t axis = -1;
  G4C_OP_BODY(DequantizeLinear)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

// (x, shape): 0 copies the operand's dim unless allow_zero; one -1 is inferred.
struct DynamicReshape {
  bool allow_zero = false;
  G4C_OP_BODY(DynamicReshape)
  G4C_ATTRIBUTES(visit("allow_zero", self.allow_zero);)
};

// (x, shape): broadcasts both ways, as ONNX Expand.
G4C_PLAIN_OP(DynamicExpand)
// (x, starts, ends, axes or nothing, steps or nothing)
G4C_PLAIN_OP(DynamicSlice)
// (x, axes or nothing)
G4C_PLAIN_OP(DynamicSqueeze)
// (x, axes)
G4C_PLAIN_OP(DynamicUnsqueeze)
// (x, repeats)
G4C_PLAIN_OP(DynamicTile)

// (x, pads [before..., after...], value or nothing, axes or nothing); negative pads crop.
struct DynamicPad {
  PadMode mode = PadMode::kConstant;
  G4C_OP_BODY(DynamicPad)
  G4C_ATTRIBUTES(visit("mode", self.mode);)
};

// (x, sizes or nothing) -> as many results as the node has; without sizes: equal pieces, the last
// one smaller.
struct DynamicSplit {
  int64_t axis = 0;
  G4C_OP_BODY(DynamicSplit)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

// (x, axes or nothing): no axes reduce all, or with noop_with_empty_axes none.
struct DynamicReduce {
  ReduceKind kind = ReduceKind::kSum;
  bool keep_dims = true;
  bool noop_with_empty_axes = false;
  G4C_OP_BODY(DynamicReduce)
  G4C_ATTRIBUTES(visit("kind", self.kind); visit("keep_dims", self.keep_dims);
                 visit("noop_with_empty_axes", self.noop_with_empty_axes);)
};

// (x, split or nothing, index) -> piece `index` of SplitToSequence(x, split); a scalar split is the
// size of each piece, none means pieces of size 1, whose axis is dropped unless keep_dims.
struct SplitItem {
  int64_t axis = 0;
  bool keep_dims = true;
  G4C_OP_BODY(SplitItem)
  G4C_ATTRIBUTES(visit("axis", self.axis); visit("keep_dims", self.keep_dims);)
};

// (index, items...) -> items[index]
G4C_PLAIN_OP(SequenceItem)
// (condition: bool scalar, a, b) -> a or b; the types of both may differ. Only the chosen one is
// ever evaluated.
G4C_PLAIN_OP(Choose)
// (start, limit, delta) -> rank 1
G4C_PLAIN_OP(Range)

// (x) -> i64 [end - start]: dims start..end of x, both normalised and clamped as ONNX Shape does.
struct ShapeOf {
  int64_t start = 0;
  int64_t end = INT64_MAX;
  G4C_OP_BODY(ShapeOf)
  G4C_ATTRIBUTES(visit("start", self.start); visit("end", self.end);)
};

// (x) -> i64 [rank, number of nonzero elements]
G4C_PLAIN_OP(NonZero)

// (x, axis scalar)
struct CumSum {
  bool exclusive = false;
  bool reverse = false;
  G4C_OP_BODY(CumSum)
  G4C_ATTRIBUTES(visit("exclusive", self.exclusive); visit("reverse", self.reverse);)
};

// (x, k scalar or nothing)
struct Trilu {
  bool upper = true;
  G4C_OP_BODY(Trilu)
  G4C_ATTRIBUTES(visit("upper", self.upper);)
};

// (indices, depth scalar, values [off, on])
struct OneHot {
  int64_t axis = -1;
  G4C_OP_BODY(OneHot)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

struct GatherElements {
  int64_t axis = 0;
  G4C_OP_BODY(GatherElements)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

// (data, indices, updates)
struct ScatterNd {
  ScatterKind kind = ScatterKind::kNone;
  G4C_OP_BODY(ScatterNd)
  G4C_ATTRIBUTES(visit("kind", self.kind);)
};

struct ScatterElements {
  int64_t axis = 0;
  ScatterKind kind = ScatterKind::kNone;
  G4C_OP_BODY(ScatterElements)
  G4C_ATTRIBUTES(visit("axis", self.axis); visit("kind", self.kind);)
};

// ---- Composites: decomposed once shapes are static ----
// (x, scale or nothing, bias or nothing) over axes [axis, rank), as ONNX LayerNormalization's first
// result.
struct LayerNorm {
  int64_t axis = -1;
  float epsilon = 1e-5f;
  G4C_OP_BODY(LayerNorm)
  G4C_ATTRIBUTES(visit("axis", self.axis); visit("epsilon", self.epsilon);)
};

// (x, scale or nothing) over axes [axis, rank), as ONNX RMSNormalization; the single-axis case
// becomes rms_norm.
struct RmsNormAxes {
  int64_t axis = -1;
  float epsilon = 1e-5f;
  G4C_OP_BODY(RmsNormAxes)
  G4C_ATTRIBUTES(visit("axis", self.axis); visit("epsilon", self.epsilon);)
};

// Softmax over any axis; beta 1.
struct SoftmaxAxis {
  int64_t axis = -1;
  G4C_OP_BODY(SoftmaxAxis)
  G4C_ATTRIBUTES(visit("axis", self.axis);)
};

// ONNX MatMul with its rank-1 rules.
G4C_PLAIN_OP(MatMul)

// ONNX Attention (opset 23, 24), first result: (q, k, v, mask or nothing). 3-D operands need the
// head counts. scale 0: 1 / sqrt(head size).
struct Attention {
  int64_t q_num_heads = 0;
  int64_t kv_num_heads = 0;
  bool is_causal = false;
  float scale = 0;
  float softcap = 0;
  G4C_OP_BODY(Attention)
  G4C_ATTRIBUTES(visit("q_num_heads", self.q_num_heads); visit("kv_num_heads", self.kv_num_heads);
                 visit("is_causal", self.is_causal); visit("scale", self.scale);
                 visit("softcap", self.softcap);)
};

// ONNX RotaryEmbedding (opset 23): (x, cos_cache, sin_cache, position_ids or nothing).
struct RotaryEmbedding {
  bool interleaved = false;
  int64_t num_heads = 0;
  int64_t rotary_dim = 0;
  G4C_OP_BODY(RotaryEmbedding)
  G4C_ATTRIBUTES(visit("interleaved", self.interleaved); visit("num_heads", self.num_heads);
                 visit("rotary_dim", self.rotary_dim);)
};

struct Einsum {
  std::string equation;
  G4C_OP_BODY(Einsum)
  G4C_ATTRIBUTES(visit("equation", self.equation);)
};

// ONNX Conv: (x [N, C, spatial...], weight [M, C / group, kernel...], bias [M] or nothing). Pads:
// begins, then ends; empty strides, dilations, pads: ONNX's defaults; auto_pad: "NOTSET",
// "SAME_UPPER", "SAME_LOWER" or "VALID".
struct Conv {
  std::string auto_pad = "NOTSET";
  Ints dilations;
  int64_t group = 1;
  Ints pads;
  Ints strides;
  G4C_OP_BODY(Conv)
  G4C_ATTRIBUTES(visit("auto_pad", self.auto_pad); visit("dilations", self.dilations);
                 visit("group", self.group); visit("pads", self.pads);
                 visit("strides", self.strides);)
};

// (x [..., k], y [..., k]) helper of com.microsoft FusedMatMul: alpha * op(x) op(y).
struct FusedMatMul {
  float alpha = 1.0f;
  bool trans_a = false;
  bool trans_b = false;
  bool trans_batch_a = false;
  bool trans_batch_b = false;
  G4C_OP_BODY(FusedMatMul)
  G4C_ATTRIBUTES(visit("alpha", self.alpha); visit("trans_a", self.trans_a);
                 visit("trans_b", self.trans_b); visit("trans_batch_a", self.trans_batch_a);
                 visit("trans_batch_b", self.trans_batch_b);)
};

using Op = std::variant<
#define G4C_OP(Name, text, min_inputs, max_inputs, outputs, rule) Name,
#include "ir/op_table.inc"
#undef G4C_OP
    std::monostate>;  // never held: it only closes the list

inline constexpr int kVariadic = -1;

struct OpInfo {
  absl::string_view name;  // in the ir text
  int min_inputs;
  int max_inputs;  // kVariadic: no limit. An input may be omitted (kNoValue) where min_inputs <=
                   // index, and so may split_item's sizes.
  int outputs;  // kVariadic: any number
  QparamRule rule;
};

const OpInfo& InfoOf(const Op& op);
absl::string_view OpName(const Op& op);
// An operator with default attributes; nullopt for an unknown name.
absl::optional<Op> OpByName(absl::string_view name);

}  // namespace g4c::ir

#endif  // IR_OP_H_
