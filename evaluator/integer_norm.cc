#include "evaluator/integer_norm.h"

#include <cmath>

#include "base/parallel.h"

namespace g4c::evaluator {
namespace {

// out[row][c] = store(d[c] gain[c] factor(sum of d^2)) with d = q - zero_point and gain 1 where
// there is none. `factor` gives a real multiplier; a sum of 0 gives the stored 0 without it.
//
// Bounds: |d| < 2^16 and |gain| < 2^16, so that a row of up to 2^31 elements sums within int64 and
// the product stays below 2^32.
template <typename Factor>
ir::Tensor NormalizeRows(const ir::Tensor& x, int64_t x_zero_point,
                         const std::vector<int64_t>& gain, const Affine& out, Factor factor) {
  ir::Tensor result = ir::Tensor::Allocate(out.dtype, x.dims());
  const int64_t columns = x.dims().back();
  if (result.NumElements() == 0) return result;
  const int64_t grain = std::max<int64_t>(1, kIntegerBlock / columns);
  ParallelForRange(result.NumElements() / columns, grain, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> row(columns);
    for (int64_t r = begin; r < end; ++r) {
      x.ReadInts(r * columns, absl::MakeSpan(row));
      int64_t sum = 0;
      for (int64_t& d : row) {
        d -= x_zero_point;
        sum += d * d;
      }
      const Multiplier multiplier = sum == 0 ? Multiplier{} : QuantizeMultiplier(factor(sum));
      for (int64_t c = 0; c < columns; ++c) {
        const int64_t g = gain.empty() ? 1 : gain[gain.size() == 1 ? 0 : c];
        row[c] = Rescale(row[c] * g, multiplier, out.range());
      }
      StoreInts(row, r * columns, result);
    }
  });
  return result;
}

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::RmsNorm& op, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  Affine gain = {ir::DType::kU8, 1.0, 0};
  const bool has_gain = node.Has(1);
  if (has_gain) {
    ASSIGN_OR_RETURN(gain, node.InputAffine(1));
  }
  const double epsilon = op.epsilon;
  return IntegerKernel(
      [=](absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        std::vector<int64_t> gains;
        if (has_gain) {
          gains = inputs[1]->Ints();
          for (int64_t& g : gains) g -= gain.zero_point;
        }
        const double columns = static_cast<double>(inputs[0]->dims().back());
        return std::vector<ir::Tensor>{
            NormalizeRows(*inputs[0], in.zero_point, gains, out, [&](int64_t sum) {
              const double mean = in.scale * in.scale * static_cast<double>(sum) / columns;
              return in.scale * gain.scale / (std::sqrt(mean + epsilon) * out.scale);
            })};
      });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::L2Norm&, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  return IntegerKernel(
      [=](absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        return std::vector<ir::Tensor>{NormalizeRows(
            *inputs[0], in.zero_point, {}, out,
            [&](int64_t sum) { return 1.0 / (std::sqrt(static_cast<double>(sum)) * out.scale); })};
      });
}

}  // namespace g4c::evaluator
