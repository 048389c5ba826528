#include "evaluator/integer_softmax.h"

#include <cmath>
#include <memory>

#include "base/parallel.h"
#include "evaluator/integer_round.h"
#include "evaluator/litert_softmax.h"

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

  double Real() const { return std::ldexp(static_cast<double>(mantissa), -right); }

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

// Normalises rows, one after the other.
class Rows {
 public:
  Rows(const std::vector<uint32_t>& exponentials, const Quotient& quotient, const Affine& out,
       ir::Tensor& result)
      : exponentials_(exponentials), quotient_(quotient), out_(out), result_(result) {}

  // The row at `from` goes to elements [at, at + columns) of the result.
  template <typename T>
  void Normalize(const T* from, int64_t columns, int64_t at) {
    T max = from[0];
    for (int64_t i = 1; i < columns; ++i) max = from[i] > max ? from[i] : max;
    const uint32_t* const exponentials = exponentials_.data();
    int64_t sum = 0;  // at most 2^31 a column
    for (int64_t i = 0; i < columns; ++i) sum += exponentials[max - from[i]];
    stored_.resize(columns);
    if (columns >= static_cast<int64_t>(exponentials_.size())) {
      // Fewer distances than columns: one division each, up to the first that gives 0.
      steps_.assign(exponentials_.size(), static_cast<int32_t>(out_.range().Store(0)));
      for (size_t d = 0; d < exponentials_.size(); ++d) {
        const int64_t steps = quotient_(exponentials_[d], sum);
        if (steps == 0) break;
        steps_[d] = static_cast<int32_t>(out_.range().Store(steps));
      }
      const int32_t* const steps = steps_.data();
      for (int64_t i = 0; i < columns; ++i) stored_[i] = steps[max - from[i]];
    } else {
      const double factor = quotient_.Real() / static_cast<double>(sum);
      reals_.resize(columns);
      for (int64_t i = 0; i < columns; ++i) reals_[i] = factor * exponentials[max - from[i]];
      StoreReals(reals_.data(), columns, out_.range(), stored_.data(), [&](int64_t i) {
        return out_.range().Store(quotient_(exponentials[max - from[i]], sum));
      });
    }
    StoreInts(absl::MakeConstSpan(stored_), at, result_);
  }

 private:
  const std::vector<uint32_t>& exponentials_;
  const Quotient& quotient_;
  const Affine& out_;
  ir::Tensor& result_;
  std::vector<int32_t> steps_, stored_;
  std::vector<double> reals_;
};

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Softmax& op, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  if (!(op.beta >= 0) || std::isinf(op.beta)) return node.NoRule("beta is ", op.beta);
  const bool in_litert = in.dtype == ir::DType::kI16 && out == Affine{in.dtype, 1.0 / 32768, 0};
  if (node.AsLitert() && in_litert) return LitertSoftmaxI16(in, op.beta);
  // exponentials[d] = round(2^31 exp(-beta s d)) of the distance d to the row's maximum.
  auto table = std::make_shared<std::vector<uint32_t>>();
  for (int64_t d = 0; d <= in.max() - in.min(); ++d) {
    const double x = static_cast<double>(op.beta) * in.scale * static_cast<double>(d);
    table->push_back(static_cast<uint32_t>(RoundHalfEven(std::ldexp(std::exp(-x), 31))));
  }
  const Quotient quotient(out.scale);
  return IntegerKernel(
      [=](absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor x = inputs[0]->Contiguous();
        ir::Tensor result = ir::Tensor::Allocate(out.dtype, x.dims());
        const int64_t columns = x.dims().back();
        if (result.NumElements() == 0) return std::vector<ir::Tensor>{std::move(result)};
        const int64_t grain = std::max<int64_t>(1, kIntegerBlock / columns);
        ParallelForRange(result.NumElements() / columns, grain, [&](int64_t begin, int64_t end) {
          Rows rows(*table, quotient, out, result);
          WithStored(x.dtype(), [&](auto zero) {
            for (int64_t r = begin; r < end; ++r) {
              rows.Normalize(x.data<decltype(zero)>() + r * columns, columns, r * columns);
            }
          });
        });
        return std::vector<ir::Tensor>{std::move(result)};
      });
}

}  // namespace g4c::evaluator
