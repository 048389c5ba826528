// softmax(q k + bias) v without the weights ever being whole.
#ifndef EVALUATOR_FAST_ATTENTION_H_
#define EVALUATOR_FAST_ATTENTION_H_

#include <cstdint>
#include <functional>

#include "absl/types/span.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// What becomes of q k on its way, each whole rows of the last axis.
enum class AttentionStage { kLogits, kBiased, kWeights };
// Looks at rows of a stage, and may change them. They are counted over all matrices.
using AttentionHook = std::function<void(AttentionStage, int64_t row, absl::Span<float> rows)>;

// out = softmax((q k + bias) * beta) v over the last axis of the logits. q: [..., m, d], k: [...,
// d, n], v: [..., n, e]; bias: null, or what broadcasts to the logits [..., m, n]. Leading axes
// broadcast. The result has the shape `dims` and m * e elements for each of them. All f32 (or f16,
// bf16, f64, read as f32), any strides.
//
// Works on a few rows of the logits at a time, which depend on the shapes only, so that results are
// the same bytes for any number of threads. They differ from those of the operators one by one in
// the order of sums, and in that without a hook the rows of the product are divided by the sum of
// exponentials instead of the weights.
ir::Tensor FastAttention(const ir::Tensor& q, const ir::Tensor& k, const ir::Tensor& v,
                         const ir::Tensor* bias, float beta, const ir::Dims& dims,
                         const AttentionHook& hook = nullptr);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FAST_ATTENTION_H_
