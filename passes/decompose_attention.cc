// attention and rotary_embedding.
#include <cmath>
#include <limits>

#include "ir/resolve.h"
#include "passes/decompose_composites.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Tensor;
using ir::ValueId;

// What masks a logit: the lowest float rather than -inf, as the eager form has it, so that a row of
// masked keys stays finite.
constexpr float kMasked = std::numeric_limits<float>::lowest();

// 0 where key j <= query i, else masked: [q_length, kv_length].
Tensor CausalMask(int64_t q_length, int64_t kv_length) {
  Tensor mask = Tensor::Allocate(ir::DType::kF32, {q_length, kv_length});
  float* data = mask.mutable_data<float>();
  for (int64_t i = 0; i < q_length; ++i) {
    for (int64_t j = i + 1; j < kv_length; ++j) data[i * kv_length + j] = kMasked;
  }
  return mask;
}

// x [B, L, H * D] -> [B, H, L, D]
ValueId SplitHeads(RewriteBuilder& build, ValueId x, int64_t heads) {
  if (!build.status().ok()) return x;
  const Dims dims = build.DimsOf(x);
  return build.Transpose(build.Reshape(x, {dims[0], dims[1], heads, dims[2] / heads}),
                         {0, 2, 1, 3});
}

// x [B, H, L, D] -> [B, H * copies, L, D], each head `copies` times in a row.
ValueId RepeatHeads(RewriteBuilder& build, ValueId x, int64_t copies) {
  if (!build.status().ok() || copies == 1) return x;
  const Dims d = build.DimsOf(x);
  const ValueId apart = build.Reshape(x, {d[0], d[1], 1, d[2], d[3]});
  return build.Reshape(build.Broadcast(apart, {d[0], d[1], copies, d[2], d[3]}),
                       {d[0], d[1] * copies, d[2], d[3]});
}

}  // namespace

absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::Attention& op) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  ASSIGN_OR_RETURN(
      const ir::AttentionSizes sizes,
      ir::ResolveAttention(op, graph.value(inputs[0]).type.shape, graph.value(inputs[1]).type.shape,
                           graph.value(inputs[2]).type.shape));
  RewriteBuilder build(graph, y);
  ValueId q = inputs[0];
  ValueId k = inputs[1];
  ValueId v = inputs[2];
  if (sizes.packed) {
    q = SplitHeads(build, q, sizes.q_heads);
    k = SplitHeads(build, k, sizes.kv_heads);
    v = SplitHeads(build, v, sizes.kv_heads);
  }
  const int64_t group = sizes.q_heads / sizes.kv_heads;
  k = RepeatHeads(build, k, group);
  v = RepeatHeads(build, v, group);

  const float scale =
      op.scale != 0 ? op.scale : 1.0f / std::sqrt(static_cast<float>(sizes.head_size));
  ValueId logits = build.Scale(build.Add(ir::BatchMatMul{false, true}, {q, k}), scale);
  if (op.softcap > 0) {
    const ValueId cap = build.Number(op.softcap);
    logits =
        build.Add(ir::Mul{}, {build.Add(ir::Tanh{}, {build.Add(ir::Div{}, {logits, cap})}), cap});
  }
  if (op.is_causal) {
    logits =
        build.Add(ir::Add{}, {logits, build.Constant(CausalMask(sizes.q_length, sizes.kv_length))});
  }
  if (inputs.size() > 3 && inputs[3] != ir::kNoValue) {
    ValueId mask = inputs[3];
    if (graph.value(mask).type.dtype == ir::DType::kBool) {
      mask = build.Add(ir::Select{}, {mask, build.Number(0), build.Number(kMasked)});
    }
    logits = build.Add(ir::Add{}, {logits, mask});
  }
  ValueId out = build.Add(ir::BatchMatMul{}, {build.Add(ir::Softmax{}, {logits}), v});
  if (sizes.packed) {
    out = build.Reshape(build.Transpose(out, {0, 2, 1, 3}),
                        {sizes.batch, sizes.q_length, sizes.q_heads * sizes.v_head_size});
  }
  RETURN_IF_ERROR(build.Finish(out));
  return true;
}

// On the first rotary_dim channels of each head, halves x1, x2 (or the even and the odd channels
// when interleaved):
//   (x1, x2) -> (x1 cos - x2 sin, x1 sin + x2 cos)
absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::RotaryEmbedding& op) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  const Dims dims = graph.value(inputs[0]).type.shape.dims();
  RewriteBuilder build(graph, y);
  // To [B, S, H, D], whose tables are [B, S, 1, R / 2].
  const bool packed = dims.size() == 3;
  if (packed && (op.num_heads <= 0 || dims[2] % op.num_heads != 0)) {
    return InvalidInput("its ", dims[2], " channels are not num_heads = ", op.num_heads,
                        " equal heads");
  }
  ValueId x =
      packed ? build.Reshape(inputs[0], {dims[0], dims[1], op.num_heads, dims[2] / op.num_heads})
             : build.Transpose(inputs[0], {0, 2, 1, 3});
  RETURN_IF_ERROR(build.status());
  const Dims d = build.DimsOf(x);
  const int64_t rotated = op.rotary_dim > 0 ? op.rotary_dim : d[3];
  if (rotated > d[3] || rotated % 2 != 0) {
    return InvalidInput("rotary_dim ", rotated, " is odd or larger than the head size ", d[3]);
  }
  const auto table = [&](ValueId cache) {
    if (inputs.size() > 3 && inputs[3] != ir::kNoValue)
      cache = build.Add(ir::Gather{0}, {cache, inputs[3]});
    if (!build.status().ok()) return cache;
    const Dims t = build.DimsOf(cache);
    return build.Reshape(cache, {t[0], t[1], 1, t[2]});
  };
  const ValueId cos = table(inputs[1]);
  const ValueId sin = table(inputs[2]);

  const ValueId head = build.Slice(x, 3, 0, rotated);
  const int64_t half = rotated / 2;
  ValueId x1;
  ValueId x2;
  if (op.interleaved) {
    const ValueId pairs = build.Reshape(head, {d[0], d[1], d[2], half, 2});
    x1 = build.Reshape(build.Slice(pairs, 4, 0, 1), {d[0], d[1], d[2], half});
    x2 = build.Reshape(build.Slice(pairs, 4, 1, 1), {d[0], d[1], d[2], half});
  } else {
    x1 = build.Slice(head, 3, 0, half);
    x2 = build.Slice(head, 3, half, half);
  }
  const auto product = [&](ValueId a, ValueId b) { return build.Add(ir::Mul{}, {a, b}); };
  const ValueId first = build.Add(ir::Sub{}, {product(x1, cos), product(x2, sin)});
  const ValueId second = build.Add(ir::Add{}, {product(x1, sin), product(x2, cos)});
  ValueId out;
  if (op.interleaved) {
    out = build.Reshape(
        build.Add(ir::Concat{4}, {build.Reshape(first, {d[0], d[1], d[2], half, 1}),
                                  build.Reshape(second, {d[0], d[1], d[2], half, 1})}),
        {d[0], d[1], d[2], rotated});
  } else {
    out = build.Add(ir::Concat{3}, {first, second});
  }
  if (rotated < d[3])
    out = build.Add(ir::Concat{3}, {out, build.Slice(x, 3, rotated, d[3] - rotated)});
  RETURN_IF_ERROR(
      build.Finish(packed ? build.Reshape(out, dims) : build.Transpose(out, {0, 2, 1, 3})));
  return true;
}

}  // namespace g4c::passes
