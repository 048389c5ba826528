// Composites of several steps: attention and rotary embedding, as ONNX defines them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/reference.h"
#include "ir/resolve.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// [B, L, H * D] as [B, H, L, D].
Tensor ByHead(const Tensor& x, int64_t heads) {
  const Dims& dims = x.dims();
  return x.Reshaped({dims[0], dims[1], heads, dims[2] / heads}).Transposed({0, 2, 1, 3});
}

std::vector<double> All(const Tensor& x) {
  std::vector<double> values(x.NumElements());
  Read(x, 0, absl::MakeSpan(values));
  return values;
}

// The bias of one row of logits, -infinity where a key is masked; keys behind a mask's last one are
// masked. Cached keys, and with them a shifted causal diagonal, are no operand of this operator.
class AttentionBias {
 public:
  AttentionBias(const ir::Attention& op, const Tensor* mask, const ir::AttentionSizes& sizes)
      : causal_(op.is_causal), sizes_(sizes) {
    if (mask == nullptr) return;
    has_mask_ = true;
    is_bool_ = mask->dtype() == ir::DType::kBool;
    keys_ = mask->dims().back() == 1 ? sizes.kv_length : mask->dims().back();
    mask_ = mask->BroadcastTo({sizes.batch, sizes.q_heads, sizes.q_length, keys_});
  }

  std::vector<double> Row(int64_t row, int64_t query) const {
    std::vector<double> bias(sizes_.kv_length, 0.0);
    if (has_mask_) {
      Read(mask_, row * keys_, absl::MakeSpan(bias).first(keys_));
      for (int64_t j = 0; is_bool_ && j < keys_; ++j) bias[j] = bias[j] != 0 ? 0 : -kInfinity;
      std::fill(bias.begin() + keys_, bias.end(), -kInfinity);
    }
    for (int64_t j = query + 1; causal_ && j < sizes_.kv_length; ++j) bias[j] = -kInfinity;
    return bias;
  }

 private:
  bool causal_;
  bool has_mask_ = false;
  bool is_bool_ = false;
  int64_t keys_ = 0;
  Tensor mask_;
  ir::AttentionSizes sizes_;
};

}  // namespace

// softmax(softcap(scale q k^T) + bias) v per head; query head h reads key head h / (q_heads /
// kv_heads). A row whose keys are all masked gives zeros, not NaN.
Results Evaluate(const ir::Attention& op, const Operands& in) {
  ASSIGN_OR_RETURN(const ir::AttentionSizes sizes,
                   ir::ResolveAttention(op, ir::Shape(in[0].dims()), ir::Shape(in[1].dims()),
                                        ir::Shape(in[2].dims())));
  const std::vector<double> q = All(sizes.packed ? ByHead(in[0], sizes.q_heads) : in[0]);
  const std::vector<double> k = All(sizes.packed ? ByHead(in[1], sizes.kv_heads) : in[1]);
  const std::vector<double> v = All(sizes.packed ? ByHead(in[2], sizes.kv_heads) : in[2]);
  const AttentionBias bias_rows(op, in.Get(3), sizes);
  const double scale =
      op.scale != 0 ? op.scale : 1 / std::sqrt(static_cast<double>(sizes.head_size));
  const int64_t keys = sizes.kv_length, size = sizes.head_size, v_size = sizes.v_head_size;

  Tensor heads = Tensor::Allocate(in.dtype(), {sizes.batch, sizes.q_heads, sizes.q_length, v_size});
  ParallelForRange(sizes.batch * sizes.q_heads * sizes.q_length, 1, [&](int64_t row, int64_t) {
    const int64_t head = row / sizes.q_length % sizes.q_heads;
    const int64_t batch = row / sizes.q_length / sizes.q_heads;
    const int64_t kv = (batch * sizes.kv_heads + head / (sizes.q_heads / sizes.kv_heads)) * keys;
    const std::vector<double> bias = bias_rows.Row(row, row % sizes.q_length);
    std::vector<double> weights(keys);
    double max = -kInfinity;
    for (int64_t j = 0; j < keys; ++j) {
      double logit = 0;
      for (int64_t d = 0; d < size; ++d) logit += q[row * size + d] * k[(kv + j) * size + d];
      logit *= scale;
      if (op.softcap > 0) logit = op.softcap * std::tanh(logit / op.softcap);
      weights[j] = logit + bias[j];
      max = LargerOf(max, weights[j]);
    }
    std::vector<double> sum(v_size, 0.0);
    if (!std::all_of(bias.begin(), bias.end(), [](double b) { return b == -kInfinity; })) {
      double total = 0;
      for (double& weight : weights) total += weight = std::exp(weight - max);
      for (int64_t j = 0; j < keys; ++j) {
        for (int64_t d = 0; d < v_size; ++d)
          sum[d] += weights[j] / total * v[(kv + j) * v_size + d];
      }
    }
    Write(absl::MakeConstSpan(sum), row * v_size, heads);
  });
  return One(sizes.packed ? heads.Transposed({0, 2, 1, 3}).Reshaped(in.dims()) : heads);
}

// Of each head's first `rotary` elements the pairs (i, i + rotary / 2), or if interleaved (2 i, 2 i
// + 1), turn by the angle whose cosine and sine the caches hold for the position.
Results Evaluate(const ir::RotaryEmbedding& op, const Operands& in) {
  const bool packed = in[0].rank() == 3;
  // [B, L, H, D] in both cases.
  const Tensor x = packed ? in[0].Reshaped({in[0].dims()[0], in[0].dims()[1], op.num_heads,
                                            in[0].dims()[2] / op.num_heads})
                          : in[0].Transposed({0, 2, 1, 3});
  const int64_t batch = x.dims()[0], length = x.dims()[1], heads = x.dims()[2], size = x.dims()[3];
  const int64_t half = (op.rotary_dim > 0 ? op.rotary_dim : size) / 2;
  const std::vector<double> cos = All(in[1]), sin = All(in[2]);
  const Dims grid = {batch, length};
  std::vector<int64_t> positions;
  if (in.Has(3)) {
    if (in[3].dims() != grid) {
      return InvalidInput("position ids of ", ir::ShapeText(ir::Shape(in[3].dims())), " where ",
                          ir::ShapeText(ir::Shape(grid)), " is needed");
    }
    positions = in[3].Ints();
    for (int64_t& position : positions) {
      const int64_t rows = in[1].dims()[0];
      if (position < -rows || position >= rows) {
        return InvalidInput("position ", position, " is outside of a cache of ", rows);
      }
      if (position < 0) position += rows;
    }
  } else {
    if (in[1].dims()[0] != batch || in[1].dims()[1] != length) {
      return InvalidInput("a cache of ", ir::ShapeText(ir::Shape(in[1].dims())), " for ", batch,
                          " x ", length, " positions");
    }
    for (int64_t i = 0; i < batch * length; ++i) positions.push_back(i);
  }

  Tensor out = Tensor::Allocate(in.dtype(), x.dims());
  std::vector<double> head(size);
  for (int64_t row = 0; row < batch * length * heads; ++row) {
    Read(x, row * size, absl::MakeSpan(head));
    const int64_t cached = positions[row / heads] * half;
    for (int64_t i = 0; i < half; ++i) {
      double& a = head[op.interleaved ? 2 * i : i];
      double& b = head[op.interleaved ? 2 * i + 1 : i + half];
      const double turned = a * cos[cached + i] - b * sin[cached + i];
      b = a * sin[cached + i] + b * cos[cached + i];
      a = turned;
    }
    Write(absl::MakeConstSpan(head), row * size, out);
  }
  return One(packed ? out.Reshaped(in.dims()) : out.Transposed({0, 2, 1, 3}));
}

}  // namespace g4c::evaluator
