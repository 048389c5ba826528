#include "ir/seeded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace g4c::ir {
namespace {

TEST(SeededBits, DoNotRepeatInSequencesOfNeighbouringSeeds) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    for (uint64_t i = 0; i < 200; ++i) seen.insert(SeededBits(seed, i));
  }
  EXPECT_EQ(seen.size(), 50u * 200u);
}

TEST(SeededNormal, HasMeanZeroAndVarianceOne) {
  double sum = 0, squares = 0, largest = 0;
  constexpr int kCount = 100000;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double x = SeededNormal(7, i);
    sum += x;
    squares += x * x;
    largest = std::max(largest, std::abs(x));
  }
  // The standard errors are 0.0032 and 0.0042; five of them.
  EXPECT_NEAR(sum / kCount, 0, 0.016);
  EXPECT_NEAR(squares / kCount, 1, 0.021);
  EXPECT_LT(largest, 4.9);
  EXPECT_GT(largest, 3.5);
}

TEST(SeededTensor, HasSmallIntegersOfEveryDType) {
  struct Case {
    DType dtype;
    int64_t low, high;
  };
  for (const Case& c : {Case{DType::kI64, -8, 7}, Case{DType::kI4, -8, 7}, Case{DType::kU8, 0, 15},
                        Case{DType::kU4, 0, 15}, Case{DType::kBool, 0, 1}}) {
    const std::vector<int64_t> values = SeededTensor(c.dtype, {1000}, 3).Ints();
    EXPECT_EQ(*std::min_element(values.begin(), values.end()), c.low) << DTypeName(c.dtype);
    EXPECT_EQ(*std::max_element(values.begin(), values.end()), c.high) << DTypeName(c.dtype);
  }
  EXPECT_TRUE(
      SeededTensor(DType::kF32, {2, 3}, 1).SameContent(SeededTensor(DType::kF32, {2, 3}, 1)));
  EXPECT_FALSE(
      SeededTensor(DType::kF32, {2, 3}, 1).SameContent(SeededTensor(DType::kF32, {2, 3}, 2)));
}

}  // namespace
}  // namespace g4c::ir
