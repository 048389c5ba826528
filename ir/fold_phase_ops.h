// The operators that exist only until the fold phase: see ir/op.h.
#ifndef IR_FOLD_PHASE_OPS_H_
#define IR_FOLD_PHASE_OPS_H_

#include <cstdint>
#include <string>

#include "ir/op_base.h"

namespace g4c::ir {

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

}  // namespace g4c::ir

#endif  // IR_FOLD_PHASE_OPS_H_
