#include "evaluator/integer_softmax.h"

#include <cmath>
#include <memory>

#include "base/parallel.h"

namespace g4c::evaluator {
namespace {

// round(e / sum / scale) for 0 <= e <= 2^31 <= sum < 2^63, exact but for 1 / scale, which is
// mantissa / 2^right.
struct Quotient {
  int64_t mantissa;
  int right;

  explicit Quotient(double scale) {
    const Multiplier multiplier = QuantizeMultiplier(1.0 / scale);
    mantissa = multiplier.mantissa;
    right = 31 - multiplier.shift;
    // The same number with right = 0 where it is an integer (1/256, 1/32768): then 64 bits do.
    while (right > 0 && mantissa % 2 == 0) {
      mantissa /= 2;
      --right;
    }
  }

  int64_t operator()(int64_t e, int64_t sum) const {
    if (right == 0) {
      const uint64_t numerator =
          static_cast<uint64_t>(e) * static_cast<uint64_t>(mantissa);  // <= 2^62
      const uint64_t divisor = static_cast<uint64_t>(sum);
      const uint64_t quotient = numerator / divisor;
      const uint64_t twice = 2 * (numerator % divisor);
      return static_cast<int64_t>(quotient +
                                  (twice > divisor || (twice == divisor && quotient % 2 != 0)));
    }
    if (right > 62) return 0;  // 1 / scale is below 2^-31
    const __int128 numerator = static_cast<__int128>(e) * mantissa;
    if (right > 0) {
      return static_cast<int64_t>(
          DivideRoundHalfEven(numerator, static_cast<__int128>(sum) << right));
    }
    return SaturateToInt64(DivideRoundHalfEven(numerator << std::min(-right, 60), sum));
  }
};

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Softmax& op, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  if (!(op.beta >= 0) || std::isinf(op.beta)) return node.NoRule("beta is ", op.beta);
  // exponentials[d] = round(2^31 exp(-beta s d)) of the distance d to the row's maximum.
  auto table = std::make_shared<std::vector<uint32_t>>();
  for (int64_t d = 0; d <= in.max() - in.min(); ++d) {
    const double x = static_cast<double>(op.beta) * in.scale * static_cast<double>(d);
    table->push_back(static_cast<uint32_t>(RoundHalfEven(std::ldexp(std::exp(-x), 31))));
  }
  const Quotient quotient(out.scale);
  return IntegerKernel(
      [=](absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor& x = *inputs[0];
        const std::vector<uint32_t>& exponentials = *table;
        ir::Tensor result = ir::Tensor::Allocate(out.dtype, x.dims());
        const int64_t columns = x.dims().back();
        if (result.NumElements() == 0) return std::vector<ir::Tensor>{std::move(result)};
        // A row of more columns than the dtype has integers divides once for each distance that
        // occurs.
        const bool remember = columns >= static_cast<int64_t>(exponentials.size());
        const int64_t grain = std::max<int64_t>(1, kIntegerBlock / columns);
        ParallelForRange(result.NumElements() / columns, grain, [&](int64_t begin, int64_t end) {
          std::vector<int64_t> row(columns);
          std::vector<int64_t> known;
          for (int64_t r = begin; r < end; ++r) {
            x.ReadInts(r * columns, absl::MakeSpan(row));
            const int64_t max = *std::max_element(row.begin(), row.end());
            int64_t sum = 0;  // at most 2^31 a column
            for (int64_t& q : row) {
              q = max - q;
              sum += exponentials[q];
            }
            if (remember) known.assign(exponentials.size(), -1);
            for (int64_t& d : row) {
              int64_t steps = remember ? known[d] : -1;
              if (steps < 0) steps = quotient(exponentials[d], sum);
              if (remember) known[d] = steps;
              d = out.range().Store(steps);
            }
            StoreInts(row, r * columns, result);
          }
        });
        return std::vector<ir::Tensor>{std::move(result)};
      });
}

}  // namespace g4c::evaluator
