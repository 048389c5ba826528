#include "evaluator/integer_softmax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "integer_model.h"
#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(IntegerSoftmax, ByHand) {
  const auto in = PerTensor(DType::kU8, 0.1f, 9);
  // Equal logits: 1 / 3 of 256 is 85.33; a lone column is 1, which u8 1/256 saturates to 255.
  EXPECT_THAT(RunInts(ir::Softmax{}, {Quantised(in, {1, 3}, {77, 77, 77})},
                      PerTensor(DType::kU8, 1.0f / 256, 0)),
              IsOkAndHolds(ElementsAre(85, 85, 85)));
  EXPECT_THAT(RunInts(ir::Softmax{}, {Quantised(in, {2, 1}, {0, 255})},
                      PerTensor(DType::kU8, 1.0f / 256, 0)),
              IsOkAndHolds(ElementsAre(255, 255)));
  EXPECT_THAT(RunInts(ir::Softmax{}, {Quantised(in, {1, 2}, {40, 40})},
                      PerTensor(DType::kI16, 1.0f / 32768, 0)),
              IsOkAndHolds(ElementsAre(16384, 16384)));
  // The tie 0.5 of a step 1 goes to even.
  EXPECT_THAT(
      RunInts(ir::Softmax{}, {Quantised(in, {1, 2}, {40, 40})}, PerTensor(DType::kI8, 1.0f, 0)),
      IsOkAndHolds(ElementsAre(0, 0)));
  // beta 0 forgets the logits.
  EXPECT_THAT(RunInts(ir::Softmax{0.0f}, {Quantised(in, {1, 2}, {0, 200})},
                      PerTensor(DType::kI8, 1.0f / 256, -128)),
              IsOkAndHolds(ElementsAre(0, 0)));
}

struct SoftmaxCase {
  ir::Quantization in, out;
  int64_t columns;
  float beta;
};

// Rows longer and shorter than the dtype has integers; result scales that are and are not powers of
// two.
const SoftmaxCase kSoftmax[] = {
    {PerTensor(DType::kU8, 0.05f, 128), PerTensor(DType::kU8, 1.0f / 256, 0), 300, 1.0f},
    {PerTensor(DType::kU8, 0.05f, 128), PerTensor(DType::kU8, 0.0031f, 0), 20, 1.0f},
    {PerTensor(DType::kI8, 0.3f, 0), PerTensor(DType::kI8, 1.0f / 256, -128), 63, 0.5f},
    {PerTensor(DType::kI16, 0.001f, 0), PerTensor(DType::kI16, 1.0f / 32768, 0), 63, 1.0f},
    {PerTensor(DType::kI16, 0.0002f, 77), PerTensor(DType::kI16, 0.00004f, -5), 40, 2.0f},
    {PerTensor(DType::kI8, 0.1f, 3), PerTensor(DType::kI16, 1.0f / 32768, 0), 10, 1.0f},
};

TEST(IntegerSoftmax, IsTheNearestStoredNumberAndRowsSumToOne) {
  std::mt19937 random(4);
  for (const SoftmaxCase& test : kSoftmax) {
    const Affine in = AffineOf(test.in), out = AffineOf(test.out);
    const int64_t rows = 40, columns = test.columns;
    const std::vector<int64_t> x = RandomInts(random, in.dtype, rows * columns);
    ASSERT_OK_AND_ASSIGN(
        const std::vector<int64_t> y,
        RunInts(ir::Softmax{test.beta}, {Quantised(test.in, {2, rows / 2, columns}, x)}, test.out));
    for (int64_t r = 0; r < rows; ++r) {
      long double max = -INFINITY, sum = 0, total = 0;
      for (int64_t c = 0; c < columns; ++c)
        max = std::max<long double>(max, in.Real(x[r * columns + c]));
      const auto e = [&](int64_t c) {
        return std::exp(test.beta * ((long double)in.Real(x[r * columns + c]) - max));
      };
      for (int64_t c = 0; c < columns; ++c) sum += e(c);
      for (int64_t c = 0; c < columns; ++c) {
        ExpectNearest(y[r * columns + c], e(c) / sum, out, kMultiplierSlack,
                      absl::StrCat("row ", r));
        total += out.Real(y[r * columns + c]);
      }
      // Each column is off by at most half a step, a weight of 1 by a whole one where the dtype
      // ends below it.
      EXPECT_NEAR(static_cast<double>(total), 1.0,
                  out.scale * (0.5 * static_cast<double>(columns) + 1));
      if (HasFailure()) return;
    }
  }
}

TEST(IntegerSoftmax, RefusesANegativeBeta) {
  const auto u8 = PerTensor(DType::kU8, 1.0f / 256, 0);
  EXPECT_THAT(RunInts(ir::Softmax{-1.0f}, {Quantised(u8, {1, 2}, {0, 1})}, u8),
              IsUnsupported(HasSubstr("softmax(u8) -> u8: beta is -1")));
}

}  // namespace
}  // namespace g4c::evaluator
