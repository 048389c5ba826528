#include "quantization/hessian.h"

#include <gmock/gmock.h>

#include <limits>

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;

ir::Tensor Rows(std::vector<float> elements) {
  const int64_t rows = static_cast<int64_t>(elements.size()) / 2;
  return ir::Tensor::Of<float>(ir::DType::kF32, {rows, 2}, elements);
}

// Small integers: every sum is exact.
InputMoments Example() {
  InputMoments moments(2, true);
  moments.Add(Rows({1, 2, 3, -4}), Rows({1, 3, 3, -4}));
  moments.Add(Rows({-1, 2}), Rows({0, 2}));
  return moments;
}

TEST(InputMoments, Sums) {
  InputMoments moments = Example();
  EXPECT_EQ(moments.rows(), 3);
  EXPECT_THAT(moments.TakeGram(false), ElementsAre(11, -12, -12, 24));
  // Row 1 is off by (0, 1), row 3 by (1, 0).
  EXPECT_THAT(moments.TakeCross(false), ElementsAre(-1, 1, 2, 2));
  EXPECT_THAT(moments.GivenMeans(), ElementsAre(1, 0));
  EXPECT_THAT(moments.RealMeans(), ElementsAre(4.0 / 3, 1.0 / 3));
  EXPECT_THAT(moments.MeanSquares(), ElementsAre(11.0f / 3, 8.0f));
}

TEST(InputMoments, CentredSumsDoNotSeeMeans) {
  InputMoments moments = Example();
  // sum x = (3, 0), sum (y - x) = (1, 1), 3 rows.
  EXPECT_THAT(moments.TakeGram(true), ElementsAre(11 - 3, -12, -12, 24));
  EXPECT_THAT(moments.TakeCross(true), ElementsAre(-1 - 1, 1 - 1, 2, 2));
}

// More columns than one product has.
TEST(InputMoments, TheGramMatrixHasItsLowerTriangle) {
  constexpr int64_t kColumns = 600;
  InputMoments moments(kColumns, true);
  std::vector<float> x(kColumns);
  for (int64_t j = 0; j < kColumns; ++j) x[j] = static_cast<float>(j % 7 - 3);
  const ir::Tensor row = ir::Tensor::Of<float>(ir::DType::kF32, {1, kColumns}, x);
  moments.Add(row, row);
  const std::vector<double> gram = moments.TakeGram(false);
  for (int64_t i = 0; i < kColumns; ++i) {
    for (int64_t j = 0; j <= i; ++j) ASSERT_EQ(gram[i * kColumns + j], double{x[i]} * x[j]);
  }
}

TEST(InputMoments, KnowsInfinities) {
  InputMoments moments(2, false);
  moments.Add(Rows({1, 2}), Rows({1, 2}));
  EXPECT_TRUE(moments.IsFinite());
  moments.Add(Rows({1, 2}), Rows({1, std::numeric_limits<float>::infinity()}));
  EXPECT_FALSE(moments.IsFinite());
}

}  // namespace
}  // namespace g4c::quantization
