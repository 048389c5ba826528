#include "evaluator/litert_softmax.h"

#include <algorithm>
#include <cmath>

#include "absl/numeric/bits.h"
#include "base/parallel.h"
#include "evaluator/litert_arithmetic.h"
#include "evaluator/litert_table.h"

namespace g4c::evaluator {
namespace {

constexpr double kStepsPerUnit = 32768;

int32_t ToI16(int64_t value) { return SaturateTo<int16_t>(value); }

class Softmax {
 public:
  Softmax(float scale, float beta)
      : to_table_(LitertMultiplier(static_cast<double>(scale * beta) / (10.0 / 65535.0))),
        exponential_(
            SegmentTable::Of<double>(-10, 0, kStepsPerUnit, [](double x) { return std::exp(x); })),
        reciprocal_(
            SegmentTable::Of<double>(0, 1, kStepsPerUnit, [](double x) { return 1 / (1 + x); })) {}

  void Normalize(const int16_t* row, int64_t columns, int16_t* stored) const {
    const int16_t max = *std::max_element(row, row + columns);
    uint32_t sum = 0;
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t distance = ScaleAsLitert(LitertScaling::kTwice, row[i] - max, to_table_);
      stored[i] = static_cast<int16_t>(exponential_(ToI16(distance + 32767)));
      sum += static_cast<uint32_t>(stored[i]);
    }
    // sum = (1 + x) 2^(31 - zeros), x in [0, 1) over the integers of i16.
    const int zeros = absl::countl_zero(sum);
    const int64_t sum_q16 = ((static_cast<int64_t>(sum) << zeros) + (1 << 14)) >> 15;
    const int64_t factor = reciprocal_(ToI16(sum_q16 - (1 << 16) - (1 << 15)));
    const int bits = 31 - zeros;
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t steps = (stored[i] * factor + (int64_t{1} << (bits - 1))) >> bits;
      stored[i] = static_cast<int16_t>(std::clamp<int64_t>(steps, 0, 32767));
    }
  }

 private:
  Multiplier to_table_;
  SegmentTable exponential_;  // of -10 to 0
  SegmentTable reciprocal_;   // 1 / (1 + x) of 0 to 1
};

}  // namespace

IntegerKernel LitertSoftmaxI16(const Affine& in, float beta) {
  return
      [softmax = Softmax(static_cast<float>(in.scale), beta)](
          absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor x = inputs[0]->Contiguous();
        ir::Tensor result = ir::Tensor::Allocate(ir::DType::kI16, x.dims());
        const int64_t columns = x.dims().back();
        if (result.NumElements() == 0) return std::vector<ir::Tensor>{std::move(result)};
        const int16_t* const from = x.data<int16_t>();
        int16_t* const to = result.mutable_data<int16_t>();
        const int64_t grain = std::max<int64_t>(1, kIntegerBlock / columns);
        ParallelForRange(result.NumElements() / columns, grain, [&](int64_t begin, int64_t end) {
          for (int64_t r = begin; r < end; ++r) {
            softmax.Normalize(from + r * columns, columns, to + r * columns);
          }
        });
        return std::vector<ir::Tensor>{std::move(result)};
      };
}

}  // namespace g4c::evaluator
