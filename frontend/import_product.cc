// Matrix products and what is made of them.
#include "frontend/op_registry.h"

namespace g4c::frontend {

absl::Status ImportMatMul(NodeContext& node) { return node.Return(ir::MatMul{}, node.Inputs(2)); }

// alpha A' B' + beta C
absl::Status ImportGemm(NodeContext& node) {
  const float alpha = node.Float("alpha", 1.0f);
  const float beta = node.Float("beta", 1.0f);
  const auto operand = [&](int i, bool transposed) -> absl::StatusOr<ir::ValueId> {
    if (!transposed) return node.Input(i);
    return node.Emit(ir::Transpose{{1, 0}}, {node.Input(i)});
  };
  ASSIGN_OR_RETURN(const ir::ValueId a, operand(0, node.Int("transA", 0) != 0));
  ASSIGN_OR_RETURN(const ir::ValueId b, operand(1, node.Int("transB", 0) != 0));
  const bool has_c = node.Has(2) && beta != 0;
  if (alpha == 1 && !has_c) return node.Return(ir::MatMul{}, {a, b});
  ASSIGN_OR_RETURN(ir::ValueId product, node.Emit(ir::MatMul{}, {a, b}));
  if (alpha != 1) {
    ASSIGN_OR_RETURN(const ir::ValueId factor, node.ScalarLike(alpha, product));
    if (!has_c) return node.Return(ir::Mul{}, {product, factor});
    ASSIGN_OR_RETURN(product, node.Emit(ir::Mul{}, {product, factor}));
  }
  ir::ValueId c = node.Input(2);
  if (beta != 1) {
    ASSIGN_OR_RETURN(const ir::ValueId factor, node.ScalarLike(beta, c));
    ASSIGN_OR_RETURN(c, node.Emit(ir::Mul{}, {c, factor}));
  }
  return node.Return(ir::Add{}, {product, c});
}

absl::Status ImportFusedMatMul(NodeContext& node) {
  ir::FusedMatMul op;
  op.alpha = node.Float("alpha", 1.0f);
  op.trans_a = node.Int("transA", 0) != 0;
  op.trans_b = node.Int("transB", 0) != 0;
  op.trans_batch_a = node.Int("transBatchA", 0) != 0;
  op.trans_batch_b = node.Int("transBatchB", 0) != 0;
  return node.Return(op, node.Inputs(2));
}

absl::Status ImportEinsum(NodeContext& node) {
  return node.Return(ir::Einsum{node.String("equation", "")}, node.Inputs(node.num_inputs()));
}

absl::Status ImportConv(NodeContext& node) {
  ir::Conv op;
  op.auto_pad = node.String("auto_pad", "NOTSET");
  op.dilations = node.Ints("dilations");
  op.group = node.Int("group", 1);
  op.pads = node.Ints("pads");
  op.strides = node.Ints("strides");
  node.Ignore("kernel_shape");  // is that of the weight
  return node.Return(op, node.Inputs(3));
}

// (Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen)
absl::Status ImportAttention(NodeContext& node) {
  RETURN_IF_ERROR(node.RequireOutputs(1));
  for (int i = 4; i < node.num_inputs(); ++i) {
    if (node.Has(i)) return Unsupported("Attention with a cache or with lengths (input ", i, ")");
  }
  node.Ignore("qk_matmul_output_mode");  // of a result that is not used
  node.Ignore("softmax_precision");
  ir::Attention op;
  op.is_causal = node.Int("is_causal", 0) != 0;
  op.q_num_heads = node.Int("q_num_heads", 0);
  op.kv_num_heads = node.Int("kv_num_heads", 0);
  op.scale = node.Float("scale", 0);
  op.softcap = node.Float("softcap", 0);
  return node.Return(op, node.Inputs(4));
}

absl::Status ImportRotaryEmbedding(NodeContext& node) {
  ir::RotaryEmbedding op;
  op.interleaved = node.Int("interleaved", 0) != 0;
  op.num_heads = node.Int("num_heads", 0);
  op.rotary_dim = node.Int("rotary_embedding_dim", 0);
  return node.Return(op, node.Inputs(4));
}

}  // namespace g4c::frontend
