#include "evaluator/integer_norm.h"

#include <cmath>

#include "base/parallel.h"
#include "evaluator/litert_arithmetic.h"

namespace g4c::evaluator {
namespace {

// A row's d gain to stored results: one rounding of the product with a real factor.
auto ExactRow(double factor, const StoredRange& range) {
  return [multiplier = QuantizeMultiplier(factor), range](int64_t d) {
    return Rescale(d, multiplier, range);
  };
}

// out[row][c] = row_rule(sum of d^2)(d[c] gain[c]) with d = q - zero_point and gain 1 where there
// is none. A sum of 0 gives the stored 0 without it.
//
// Bounds: |d| < 2^16 and |gain| < 2^16, so that a row of up to 2^31 elements sums within int64 and
// the product stays below 2^32.
template <typename RowRule>
ir::Tensor NormalizeRows(const ir::Tensor& x, int64_t x_zero_point,
                         const std::vector<int64_t>& gain, const Affine& out, RowRule row_rule) {
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
      if (sum == 0) {
        row.assign(columns, out.range().Store(0));
      } else {
        const auto store = row_rule(sum);
        for (int64_t c = 0; c < columns; ++c) {
          const int64_t g = gain.empty() ? 1 : gain[gain.size() == 1 ? 0 : c];
          row[c] = store(row[c] * g);
        }
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
              return ExactRow(in.scale * gain.scale / (std::sqrt(mean + epsilon) * out.scale),
                              out.range());
            })};
      });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::L2Norm&, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  const auto exact = [out](int64_t sum) {
    return ExactRow(1.0 / (std::sqrt(static_cast<double>(sum)) * out.scale), out.range());
  };
  // LiteRT's results are of scale 1/128 only: the 2^7 goes to the multiplier, with u8 to d.
  const auto litert = [in, out](int64_t sum) {
    Multiplier root = LitertInverseRoot(SaturateTo<int32_t>(sum));
    const int64_t factor = in.dtype == ir::DType::kU8 ? 128 : 1;
    if (factor == 1) root.shift += 7;
    return [=, range = out.range()](int64_t d) {
      return range.Store(ScaleAsLitert(LitertScaling::kTwice, d * factor, root));
    };
  };
  return IntegerKernel(
      [=, as_litert = node.AsLitert() && out.scale == 1.0 / 128](
          absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor& x = *inputs[0];
        return std::vector<ir::Tensor>{as_litert ? NormalizeRows(x, in.zero_point, {}, out, litert)
                                                 : NormalizeRows(x, in.zero_point, {}, out, exact)};
      });
}

}  // namespace g4c::evaluator
