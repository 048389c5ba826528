#include "quantization/histogram.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

namespace g4c::quantization {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Histogram, BucketsAscendAndHoldWhatTheyStandFor) {
  EXPECT_EQ(BucketOf(0.0f), kZeroBucket);
  EXPECT_EQ(BucketOf(-0.0f), kZeroBucket);
  EXPECT_EQ(BucketOf(1e-30f), kZeroBucket);
  EXPECT_EQ(BucketOf(std::ldexp(1.0f, kFirstOctave)), kZeroBucket + 1);
  EXPECT_EQ(BucketOf(1e30f), kBuckets - 1);
  EXPECT_EQ(BucketOf(-1e30f), 0);
  EXPECT_EQ(BucketEdge(BucketOf(1.0f)), 1.0);
  EXPECT_EQ(BucketEdge(BucketOf(1.0f) + 1), 1.0625);
  EXPECT_EQ(BucketEdge(BucketOf(-1.0f) + 1), -1.0);
  for (int i = 0; i < kBuckets; ++i) ASSERT_LT(BucketEdge(i), BucketEdge(i + 1)) << i;

  std::mt19937 engine(1);
  for (int i = 0; i < 10000; ++i) {
    const float magnitude = std::ldexp(1.0f + static_cast<float>(engine() % 4096) / 4096,
                                       kFirstOctave + static_cast<int>(engine() % kOctaves));
    for (float x : {magnitude, -magnitude}) {
      const int bucket = BucketOf(x);
      // A border belongs to the bucket that is farther from zero.
      EXPECT_TRUE(x > 0 ? BucketEdge(bucket) <= x && x < BucketEdge(bucket + 1)
                        : BucketEdge(bucket) < x && x <= BucketEdge(bucket + 1))
          << x << " in " << bucket;
    }
  }
}

TEST(BlockObserver, CountsWhatAPlainLoopCounts) {
  std::mt19937 engine(2);
  for (int size : {0, 1, 2, 1023, 1024, 1025, 5000}) {
    std::vector<float> elements(size);
    Histogram expected(kBuckets);
    Range range;
    for (float& x : elements) {
      x = std::ldexp(static_cast<float>(engine() % 2001) - 1000,
                     static_cast<int>(engine() % 20) - 10);
      ++expected[BucketOf(x)];
      range.Add(x);
    }
    BlockObserver block;
    block.Add(absl::MakeConstSpan(elements).first(size / 3), true);
    block.Add(absl::MakeConstSpan(elements).subspan(size / 3), true);
    Histogram counted;
    block.MergeInto(counted);
    EXPECT_EQ(counted, expected) << size;
    EXPECT_EQ(block.range(), range) << size;
    EXPECT_TRUE(block.finite());
  }
}

TEST(BlockObserver, FindsWhatIsNotFinite) {
  for (float bad : {kInf, -kInf, std::nanf(""), -std::nanf("")}) {
    std::vector<float> elements(100, 1.0f);
    elements[77] = bad;
    BlockObserver block;
    block.Add(elements, false);
    EXPECT_FALSE(block.finite()) << bad;
  }
}

TEST(BlockObserver, KeepsNoCountsUnlessAsked) {
  const float elements[] = {-0.0f, 3, -2};
  BlockObserver block;
  block.Add(elements, false);
  Histogram counted;
  block.MergeInto(counted);
  EXPECT_TRUE(counted.empty());
  EXPECT_EQ(block.range(), (Range{-2, 3}));
}

}  // namespace
}  // namespace g4c::quantization
