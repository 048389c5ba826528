#include "quantization/row_sample.h"

#include <gmock/gmock.h>

#include <numeric>

namespace g4c::quantization {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

TEST(ChooseRows, TakesTheLoudestAndSpreadsTheOthers) {
  std::vector<float> magnitudes(100, 1.0f);
  magnitudes[13] = 5.0f;
  magnitudes[77] = 3.0f;
  const RowSample sample = ChooseRows(magnitudes, 16);
  ASSERT_EQ(sample.size(), 16);
  EXPECT_TRUE(std::is_sorted(sample.indices.begin(), sample.indices.end()));
  EXPECT_THAT(sample.indices, IsSupersetOf({13, 77}));
  for (int64_t i = 0; i < sample.size(); ++i) {
    const bool is_loud = sample.indices[i] == 13 || sample.indices[i] == 77;
    EXPECT_DOUBLE_EQ(sample.weights[i], is_loud ? 1.0 : 98.0 / 14) << sample.indices[i];
  }
  // Together they stand for all rows.
  EXPECT_DOUBLE_EQ(std::accumulate(sample.weights.begin(), sample.weights.end(), 0.0), 100.0);
  // Spread: no stretch of two strides is without one.
  for (size_t i = 1; i < sample.indices.size(); ++i) {
    EXPECT_LE(sample.indices[i] - sample.indices[i - 1], 14);
  }
}

TEST(ChooseRows, LeavesRowsOfNegativeMagnitudeOut) {
  std::vector<float> magnitudes(40, 0.0f);
  for (size_t i = 20; i < 40; ++i) magnitudes[i] = -1.0f;
  const RowSample sample = ChooseRows(magnitudes, 8);
  EXPECT_THAT(sample.indices, Each(::testing::Lt(20)));
  EXPECT_DOUBLE_EQ(std::accumulate(sample.weights.begin(), sample.weights.end(), 0.0), 20.0);
}

TEST(TakeRows, TakesIndicesOfAnyAxis) {
  const ir::Tensor x =
      ir::Tensor::Of<float>(ir::DType::kF32, {2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const ir::Tensor middle = TakeRows(x, 1, {2, 0});
  EXPECT_THAT(middle.dims(), ElementsAre(2, 2, 2));
  EXPECT_THAT(middle.Floats(), ElementsAre(4, 5, 0, 1, 10, 11, 6, 7));
  // Of a view, too.
  EXPECT_THAT(TakeRows(x.Transposed({2, 1, 0}), 0, {1}).Floats(), ElementsAre(1, 7, 3, 9, 5, 11));
}

}  // namespace
}  // namespace g4c::quantization
