#include "evaluator/litert_arithmetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace g4c::evaluator {
namespace {

constexpr Multiplier kHalf{1 << 30, 0};      // 1/2
constexpr Multiplier kQuarter{1 << 30, -1};  // 1/4: a half behind the first rounding

TEST(LitertMultiplier, RoundsHalvesOfTheMantissaUp) {
  EXPECT_EQ(LitertMultiplier(0.5), kHalf);
  EXPECT_EQ(LitertMultiplier(std::ldexp((1 << 30) + 0.5, -31)), (Multiplier{(1 << 30) + 1, 0}));
  EXPECT_EQ(LitertMultiplier(std::nextafter(1.0, 0.0)), (Multiplier{1 << 30, 1}));
}

TEST(LitertMultiplier, EndsAtItsRange) {
  EXPECT_EQ(LitertMultiplier(0x1p29), (Multiplier{1 << 30, 30}));
  EXPECT_EQ(LitertMultiplier(0x1p100), (Multiplier{std::numeric_limits<int32_t>::max(), 30}));
  EXPECT_EQ(LitertMultiplier(0), Multiplier());
  EXPECT_EQ(LitertMultiplier(0x1p-32), (Multiplier{1 << 30, -31}));
  EXPECT_EQ(LitertMultiplier(0x1p-33), Multiplier());
}

TEST(ScaleAsLitert, RoundsTiesByItsRule) {
  struct Case {
    LitertScaling scaling;
    Multiplier multiplier;
    int64_t acc, expected;
  };
  for (const Case& c :
       {// One rounding: halves up.
        Case{LitertScaling::kTwice, kHalf, 3, 2},
        {LitertScaling::kTwice, kHalf, -3, -1},
        {LitertScaling::kTwiceUp, kHalf, -3, -1},
        {LitertScaling::kOnce, kHalf, -3, -1},
        {LitertScaling::kOnceShort, kHalf, 3, 2},
        // 5/4 and 7/4 become 2.5 -> 3 and 3.5 -> 4 halves, then halves of the result.
        {LitertScaling::kTwice, kQuarter, 5, 2},
        {LitertScaling::kTwiceUp, kQuarter, 5, 2},
        {LitertScaling::kOnce, kQuarter, 5, 1},
        // -6/4: -3 halves, away from zero or up.
        {LitertScaling::kTwice, kQuarter, -6, -2},
        {LitertScaling::kTwiceUp, kQuarter, -6, -1},
        {LitertScaling::kTwiceDown, kQuarter, -6, -2},
        {LitertScaling::kTwiceDown, kQuarter, 7, 2},
        {LitertScaling::kOnce, kQuarter, -6, -1}}) {
    EXPECT_EQ(ScaleAsLitert(c.scaling, c.acc, c.multiplier), c.expected)
        << c.acc << " " << static_cast<int>(c.scaling) << " " << c.multiplier.shift;
  }
}

TEST(ScaleAsLitert, SumsOf32BitsWrap) {
  const int64_t acc = (int64_t{1} << 32) + 8;
  EXPECT_EQ(ScaleAsLitert(LitertScaling::kTwiceUp, acc, kHalf), 4);
  EXPECT_EQ(ScaleAsLitert(LitertScaling::kOnce, acc, kHalf), acc / 2);
}

TEST(ScaleAsLitert, ShortMantissaHas15Bits) {
  const Multiplier multiplier{(1 << 30) + (1 << 15), 1};
  EXPECT_EQ(ScaleAsLitert(LitertScaling::kOnceShort, 1 << 14, multiplier), (1 << 14) + 1);
  EXPECT_EQ(ScaleAsLitert(LitertScaling::kOnceShort, 1 << 14, {(1 << 30) + (1 << 15) - 1, 1}),
            1 << 14);
}

TEST(LitertInverseRoot, IsNearTheRoot) {
  for (const int32_t value : {1, 2, 3, 4, 1000, 65535, 1 << 20, 1 << 30, (1 << 30) + 12345}) {
    const double root = MultiplierValue(LitertInverseRoot(value));
    // Five steps from 1 end 1.24e-6 below 2, the largest root of a mantissa.
    EXPECT_NEAR(root * std::sqrt(value), 1.0, 1.3e-6) << value;
  }
}

}  // namespace
}  // namespace g4c::evaluator
