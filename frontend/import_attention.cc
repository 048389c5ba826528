// Attention and rotary embeddings of opset 23 and 24.
#include <limits>

#include "frontend/op_registry.h"

namespace g4c::frontend {
namespace {

// The mask that lengths of keys [batch] add to `mask` (may be kNoValue):
//   valid[b, 0, 0, j] = j < lengths[b];  Boolean masks: mask and valid;  others: mask where valid,
//   else -inf
absl::StatusOr<ir::ValueId> MaskOfLengths(NodeContext& node, ir::ValueId lengths,
                                          ir::ValueId mask) {
  const ir::Shape& k = node.TypeOf(node.Input(1)).shape;
  if (!k.has_rank()) return Unsupported("nonpad_kv_seqlen with keys of unknown rank");
  // Rank 3: [batch, length, hidden]; rank 4: [batch, heads, length, head size].
  const int64_t axis = k.rank() - 2;
  ASSIGN_OR_RETURN(const ir::ValueId length,
                   node.Emit(ir::ShapeOf{axis, axis + 1}, {node.Input(1)}));
  ASSIGN_OR_RETURN(const ir::ValueId limit,
                   node.Emit(ir::DynamicSqueeze{}, {length, node.IntList({0})}));
  const ir::ValueId zero = node.AddConstant(ir::Tensor::ScalarI64(0));
  const ir::ValueId one = node.AddConstant(ir::Tensor::ScalarI64(1));
  ASSIGN_OR_RETURN(const ir::ValueId keys, node.Emit(ir::Range{}, {zero, limit, one}));
  ASSIGN_OR_RETURN(const ir::ValueId wide, node.CastTo(lengths, ir::DType::kI64));
  ASSIGN_OR_RETURN(const ir::ValueId column,
                   node.Emit(ir::DynamicUnsqueeze{}, {wide, node.IntList({1, 2, 3})}));
  ASSIGN_OR_RETURN(const ir::ValueId valid, node.Emit(ir::Less{}, {keys, column}));
  if (mask == ir::kNoValue) return valid;
  if (node.TypeOf(mask).dtype == ir::DType::kBool)
    return node.Emit(ir::LogicalAnd{}, {mask, valid});
  return node.Emit(ir::Select{},
                   {valid, mask, node.Scalar(-std::numeric_limits<float>::infinity())});
}

}  // namespace

// (Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen); the last one since opset 24.
absl::Status ImportAttention(NodeContext& node) {
  // Of a result that is refused where it is used.
  node.Ignore("qk_matmul_output_mode");
  // The dtype of the softmax, which is f32 here.
  node.Ignore("softmax_precision");
  ir::Attention op;
  op.is_causal = node.Flag("is_causal", false);
  op.q_num_heads = node.Int("q_num_heads", 0);
  op.kv_num_heads = node.Int("kv_num_heads", 0);
  op.softcap = node.Float("softcap", 0);
  if (node.Find("scale", onnx::AttributeProto::FLOAT) != nullptr) {
    op.scale = node.Float("scale", 0);
    if (op.scale == 0) return Unsupported("a scale of 0");
  }
  if (node.Has(4) || node.Has(5)) {
    return Unsupported("a cache of past keys and values; export without use_cache");
  }
  ir::ValueId mask = node.Input(3);
  if (node.opset() >= 24 && node.Has(6)) {
    if (op.is_causal) return Unsupported("nonpad_kv_seqlen together with is_causal");
    ASSIGN_OR_RETURN(mask, MaskOfLengths(node, node.Input(6), mask));
  }
  std::vector<ir::ValueId> operands = node.Inputs(3);
  if (mask != ir::kNoValue) operands.push_back(mask);
  return node.Return(op, std::move(operands));
}

// (X, cos_cache, sin_cache, position_ids)
absl::Status ImportRotaryEmbedding(NodeContext& node) {
  ir::RotaryEmbedding op;
  op.interleaved = node.Flag("interleaved", false);
  op.num_heads = node.Int("num_heads", 0);
  op.rotary_dim = node.Int("rotary_embedding_dim", 0);
  return node.Return(op, node.Inputs(4));
}

}  // namespace g4c::frontend
