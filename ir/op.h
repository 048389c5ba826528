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
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/dtype.h"
#include "ir/fold_phase_ops.h"
#include "ir/op_base.h"

namespace g4c::ir {

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

using OpVariant = std::variant<
#define G4C_OP(Name, text, min_inputs, max_inputs, outputs, rule) Name,
#include "ir/op_table.inc"
#undef G4C_OP
    std::monostate>;  // never held: it only closes the list

// One operator. A variant whose copies and destructor are compiled once (op.cc): instantiated
// wherever a Node is copied, a hundred alternatives would take most of the build. std::visit,
// get_if and holds_alternative take it as it is.
struct Op : OpVariant {
  // A default-constructed operator is the first of the list.
  Op();
  template <typename Operator>
  requires(!std::is_base_of_v<OpVariant, std::remove_cvref_t<Operator>>) Op(Operator&& op)
      : OpVariant(std::forward<Operator>(op)) {}  // NOLINT: an operator is an Op
  Op(const Op& other);
  Op(Op&& other) noexcept;
  Op& operator=(const Op& other);
  Op& operator=(Op&& other) noexcept;
  ~Op();
  // Same operator, equal attributes.
  bool operator==(const Op& other) const;
};

inline constexpr int kVariadic = -1;

struct OpInfo {
  absl::string_view name;  // in the ir text
  int min_inputs;
  int max_inputs;  // kVariadic: no limit. An input may be omitted (kNoValue) where min_inputs <=
                   // index, and so may split_item's sizes.
  int outputs;     // kVariadic: any number
  QparamRule rule;
};

const OpInfo& InfoOf(const Op& op);
absl::string_view OpName(const Op& op);
// An operator with default attributes; nullopt for an unknown name.
absl::optional<Op> OpByName(absl::string_view name);

}  // namespace g4c::ir

#endif  // IR_OP_H_
