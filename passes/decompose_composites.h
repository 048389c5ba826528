// decompose-composites: operators that no target has become ones that exist, in the form in which
// eager exporters write them, so that one set of fusions serves all exporters.
//
//   attention(q, k, v, m)     ->  batch_matmul(softmax(l + m'), v),
//                                 l = softcap(scale * batch_matmul(q, k^T))
//   einsum                    ->  transpose, reshape, reduce_sum, batch_matmul
//   matmul                    ->  batch_matmul, with reshape around operands of rank 1
//   fused_matmul(a, b)        ->  alpha * batch_matmul(transpose(a), transpose(b))
//   conv, kernel = stride     ->  reshape, transpose, fully_connected, transpose
//   layer_norm(x, g, b)       ->  (x - mean) * rsqrt(mean((x - mean)^2) + epsilon) * g + b
//   rms_norm_axes             ->  rms_norm, with reshape around several axes
//   rotary_embedding          ->  (x1 cos - x2 sin, x1 sin + x2 cos), concat or interleaved
//   softmax_axis              ->  softmax, with transpose around any axis but the last
//   reduce without keep_dims  ->  reshape(reduce)
//
// Before: shapes are static. After: none of these is left, but conv with another window, and what
// the report lists. Refuses (Unsupported, with the node): einsum with a repeated label in one
// operand.
#ifndef PASSES_DECOMPOSE_COMPOSITES_H_
#define PASSES_DECOMPOSE_COMPOSITES_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class DecomposeComposites : public Pass {
 public:
  absl::string_view name() const override { return "decompose-composites"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

// The parts, each for the node that produces `y`; false where it is left as it is. Their errors
// lack the node's name.
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::Attention& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::Einsum& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::Conv& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::LayerNorm& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::RmsNormAxes& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::RotaryEmbedding& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::MatMul& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::FusedMatMul& op);
absl::StatusOr<bool> Decompose(ir::Graph& graph, ir::ValueId y, const ir::SoftmaxAxis& op);

}  // namespace g4c::passes

#endif  // PASSES_DECOMPOSE_COMPOSITES_H_
