#include "evaluator/fast_attention.h"

#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/fast_rows.h"
#include "evaluator/sgemm.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

// Rows of logits that are in work at a time: as many as the products need to be near the machine's
// peak, few enough for those of an image to stay in the cache.
constexpr int64_t kRows = 48;

Dims Lead(const Tensor& x) { return Dims(x.dims().begin(), x.dims().end() - 2); }

Dims BroadcastLead(const Dims& a, const Dims& b) {
  return ir::BroadcastShapes(ir::Shape(a), ir::Shape(b))->dims();
}

// The bias with rows that can be read in place, broadcast to the logits.
Tensor BiasRows(const Tensor& bias, const Dims& logits) {
  Dims dims = bias.dims();
  if (dims.empty()) dims.push_back(1);
  Tensor rows = WidenedToF32(bias).Reshaped(dims);
  dims.back() = logits.back();
  return RowMajor(rows.BroadcastTo(dims)).BroadcastTo(logits);
}

}  // namespace

Tensor FastAttention(const Tensor& given_q, const Tensor& given_k, const Tensor& given_v,
                     const Tensor* bias, float beta, const Dims& dims, const AttentionHook& hook) {
  const Dims batch = BroadcastLead(BroadcastLead(Lead(given_q), Lead(given_k)), Lead(given_v));
  const Tensor q = BroadcastBatch(AsMatrices(given_q), batch);
  // Both are read once a tile, which is two thirds faster from rows that lie side by side than from
  // between those of the other heads.
  const Tensor k = BroadcastBatch(RowMajor(WidenedToF32(given_k)), batch);
  const Tensor v = BroadcastBatch(RowMajor(WidenedToF32(given_v)), batch);
  const int64_t m = q.dims()[q.rank() - 2], depth = q.dims().back();
  const int64_t n = k.dims().back(), e = v.dims().back();
  Tensor out = Tensor::Allocate(ir::DType::kF32, dims);
  if (out.NumElements() == 0 || n == 0) return out;
  Dims logits = batch;
  logits.insert(logits.end(), {m, n});
  const Tensor added = bias != nullptr ? BiasRows(*bias, logits) : Tensor();

  float* to = out.mutable_data<float>();
  const int64_t tiles = (m + kRows - 1) / kRows;
  const Dims batch_strides = ir::RowMajorStrides(batch);
  ParallelFor(ir::NumElements(batch) * tiles, [&](int64_t tile) {
    const int64_t matrix = tile / tiles;
    const int64_t row = tile % tiles * kRows;
    const int64_t rows = std::min(kRows, m - row);
    const ir::StridedIndex at(batch, batch_strides, matrix);
    static thread_local std::vector<float> weights;
    weights.resize(rows * n);
    if (depth > 0) {
      Sgemm(MatrixAt(q, at.index()), row, MatrixAt(k, at.index()), 0, rows, n, depth, 1.0f, 0.0f,
            weights.data(), n);
    } else {
      std::fill(weights.begin(), weights.end(), 0.0f);
    }
    const auto bias_row = [&](int64_t i) -> const float* {
      if (bias == nullptr) return nullptr;
      return MatrixAt(added, at.index()).data + (row + i) * added.strides()[batch.size()];
    };
    const auto show = [&](AttentionStage stage) {
      hook(stage, matrix * m + row, absl::MakeSpan(weights));
    };
    double sums[kRows];
    if (hook == nullptr) {
      for (int64_t i = 0; i < rows; ++i) {
        float* weight = weights.data() + i * n;
        const float max = BiasedMaxRow(weight, bias_row(i), n, beta);
        sums[i] = ExpSumRow(weight, n, max);
      }
    } else {
      show(AttentionStage::kLogits);
      if (bias != nullptr) {
        for (int64_t i = 0; i < rows; ++i) {
          BiasedMaxRow(weights.data() + i * n, bias_row(i), n, 1.0f);
        }
        show(AttentionStage::kBiased);
      }
      for (int64_t i = 0; i < rows; ++i) {
        SoftmaxRow(weights.data() + i * n, weights.data() + i * n, n, beta);
      }
      show(AttentionStage::kWeights);
    }
    float* result = to + (matrix * m + row) * e;
    const Matrix left = {weights.data(), /*transposed=*/false, n};
    Sgemm(left, 0, MatrixAt(v, at.index()), 0, rows, e, n, 1.0f, 0.0f, result, e);
    for (int64_t i = 0; hook == nullptr && i < rows; ++i) {
      ScaleRow(result + i * e, e, static_cast<float>(1.0 / sums[i]));
    }
  });
  return out;
}

}  // namespace g4c::evaluator
