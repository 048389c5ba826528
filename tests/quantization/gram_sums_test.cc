#include "quantization/gram_sums.h"

#include <gmock/gmock.h>

#include "base/parallel.h"
#include "ir/seeded.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;

ir::Tensor Rows(std::vector<float> elements) {
  const int64_t rows = static_cast<int64_t>(elements.size()) / 2;
  return ir::Tensor::Of<float>(ir::DType::kF32, {rows, 2}, elements);
}

GramSums Of(const std::vector<ir::Tensor>& samples, int64_t columns) {
  GramSums sums(columns);
  for (const ir::Tensor& rows : samples) EXPECT_TRUE(sums.Add(rows));
  return sums;
}

TEST(GramSums, AreTheProductsOfColumns) {
  const GramSums sums = Of({Rows({1, 2, 3, -4}), Rows({}), Rows({0.5, 2})}, 2);
  EXPECT_THAT(sums.Gram(), ElementsAre(10.25, -9, -9, 24));
  const Int128 one = Int128{1} << kSumFraction;
  EXPECT_THAT(sums.lower(), ElementsAre(one * 41 / 4, -9 * one, 24 * one));
}

TEST(GramSums, DoNotShowTheirOrder) {
  std::vector<ir::Tensor> samples;
  for (uint64_t i = 0; i < 5; ++i) {
    samples.push_back(ir::SeededTensor(ir::DType::kF32, {7, 40}, i));
  }
  const std::vector<Int128> all = Of(samples, 40).lower();
  EXPECT_EQ(Of({samples[3], samples[1], samples[4], samples[0], samples[2]}, 40).lower(), all);
  GramSums merged = Of({samples[4], samples[2]}, 40);
  merged.Merge(Of({samples[0], samples[3], samples[1]}, 40).lower());
  EXPECT_EQ(merged.lower(), all);
  SetNumThreads(3);
  EXPECT_EQ(Of(samples, 40).lower(), all);
}

TEST(GramSums, RefuseInfiniteProducts) {
  GramSums sums(2);
  EXPECT_FALSE(sums.Add(Rows({1, 1e30f})));
}

}  // namespace
}  // namespace g4c::quantization
