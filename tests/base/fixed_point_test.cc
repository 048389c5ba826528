#include "base/fixed_point.h"

#include <cfloat>
#include <cstdint>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace g4c {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::lowest();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(FixedPoint, QuantizesAMultiplier) {
  struct Case {
    double real;
    Multiplier multiplier;
  };
  const Case cases[] = {
      {0.0, {0, 0}},
      {-0.0, {0, 0}},
      {1.0, {1 << 30, 1}},
      {0.5, {1 << 30, 0}},
      {0.25, {1 << 30, -1}},
      {0.75, {3 << 29, 0}},
      {1024.0, {1 << 30, 11}},
      // The mantissa's ties go to even: 2^30 + 0.5 down, 2^30 + 1.5 up.
      {0.5 + 0x0.8p-31, {1 << 30, 0}},
      {0.5 + 0x1.8p-31, {(1 << 30) + 2, 0}},
      {0.5 + 0x0.8p-31 + 0x1p-50, {(1 << 30) + 1, 0}},
      // 2^31 - 0.5 rounds to 2^31, which is the next power of two.
      {1.0 - 0x0.8p-31, {1 << 30, 1}},
      {1.0 - 0x1.8p-31, {INT32_MAX - 1, 0}},
      {DBL_MIN, {1 << 30, -1021}},
      {4.9406564584124654e-324, {1 << 30, -1073}},
      {0x1p1023, {1 << 30, 1024}},
  };
  for (const Case& c : cases) {
    const Multiplier m = QuantizeMultiplier(c.real);
    EXPECT_EQ(m.mantissa, c.multiplier.mantissa) << c.real;
    EXPECT_EQ(m.shift, c.multiplier.shift) << c.real;
  }
}

TEST(FixedPoint, AMultiplierIsWithinItsStatedError) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-60, 60);
  for (int i = 0; i < 10000; ++i) {
    const double real = std::exp2(exponent(random));
    const Multiplier m = QuantizeMultiplier(real);
    EXPECT_GE(m.mantissa, 1 << 30);
    EXPECT_LE(std::abs(MultiplierValue(m) - real), real * 0x1p-31);
    EXPECT_EQ(QuantizeMultiplier(MultiplierValue(m)), m);
  }
}

TEST(FixedPointDeathTest, AMultiplierOfNoUseIsAMistake) {
  EXPECT_DEATH(QuantizeMultiplier(-1), "internal error");
  EXPECT_DEATH(QuantizeMultiplier(kInfinity), "internal error");
  EXPECT_DEATH(QuantizeMultiplier(std::nan("")), "internal error");
}

TEST(FixedPoint, MultipliesWithOneRounding) {
  struct Case {
    int64_t acc;
    double real;
    int64_t result;
  };
  const Case cases[] = {
      {0, 0.3, 0},
      {7, 0.0, 0},
      {5, 1.0, 5},
      {1, 0.5, 0},  // ties to even
      {3, 0.5, 2},
      {5, 0.5, 2},
      {-1, 0.5, 0},
      {-3, 0.5, -2},
      {-5, 0.5, -2},
      {7, 0.25, 2},  // 1.75
      {-7, 0.25, -2},
      {1000000, 0.001, 1000},
      {kMax, 1.0, kMax},
      {kLowest, 1.0, kLowest},
      {kMax, 0.5, int64_t{1} << 62},  // 2^62 - 0.5, the tie goes to even
      {kMax, 2.0, kMax},              // saturated
      {kLowest, 2.0, kLowest},
      {1, 0x1p62, int64_t{1} << 62},
      {1, 0x1p63, kMax},
      {-1, 0x1p63, kLowest},
      {-1, 0x1p64, kLowest},
      {1, 0x1p1000, kMax},
      {-1, 0x1p1000, kLowest},
      {0, 0x1p1000, 0},
      {kMax, 0x1p-63, 1},
      {kMax, 0x1p-64, 0},  // just under the tie
      {kLowest, 0x1p-64, 0},
      {kMax, 0x1p-1000, 0},
      {kLowest, 0x1p-1000, 0},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(MultiplyByMultiplier(c.acc, QuantizeMultiplier(c.real)), c.result)
        << c.acc << " * " << c.real;
  }
}

TEST(FixedPoint, MultipliesAsTheFormulaSays) {
  // Both factors are small enough for the product to be exact in a long double of 64 bits.
  std::mt19937_64 random(2);
  for (int i = 0; i < 100000; ++i) {
    const int64_t acc = static_cast<int32_t>(random());
    const Multiplier m = {static_cast<int32_t>(1 << 30 | (random() & 0x3fffffff)),
                          static_cast<int>(random() % 40) - 35};
    const long double exact = std::ldexp(static_cast<long double>(acc) * m.mantissa, m.shift - 31);
    EXPECT_EQ(MultiplyByMultiplier(acc, m), static_cast<int64_t>(std::nearbyint(exact)));
  }
}

TEST(FixedPoint, RoundsHalfToEven) {
  struct Case {
    double value;
    int64_t result;
  };
  const Case cases[] = {
      {0.5, 0},
      {1.5, 2},
      {2.5, 2},
      {-0.5, 0},
      {-1.5, -2},
      {-2.5, -2},
      {0.49999999, 0},
      {0.50000001, 1},
      {-0.50000001, -1},
      {1e300, kMax},
      {-1e300, kLowest},
      {kInfinity, kMax},
      {0x1p63, kMax},
      {-0x1p63, kLowest},
      {0x1.fffffffffffffp62, kMax - 1023},
      {0x1p52 + 1, (int64_t{1} << 52) + 1},
      {std::nan(""), 0},
  };
  for (const Case& c : cases) EXPECT_EQ(RoundHalfEven(c.value), c.result) << c.value;
}

TEST(FixedPoint, ShiftsRightRoundingHalfToEven) {
  struct Case {
    int64_t value;
    int shift;
    int64_t result;
  };
  const Case cases[] = {
      {5, 0, 5},
      {5, 1, 2},
      {7, 1, 4},
      {-5, 1, -2},
      {-7, 1, -4},
      {6, 2, 2},
      {-6, 2, -2},
      {10, 2, 2},
      {11, 2, 3},
      {-11, 2, -3},
      {1, 63, 0},
      {kMax, 63, 1},
      {kLowest, 63, -1},
      {kLowest, 64, 0},
      {kMax, 64, 0},
      {kMax, 127, 0},
      {kLowest, 1000, 0},
      {kMax, 0, kMax},
      {kMax, 1, int64_t{1} << 62},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ShiftRightRoundHalfEven(c.value, c.shift), c.result) << c.value << " " << c.shift;
  }
}

TEST(FixedPoint, Saturates) {
  EXPECT_EQ(SaturateTo<uint8_t>(-1), 0);
  EXPECT_EQ(SaturateTo<uint8_t>(256), 255);
  EXPECT_EQ(SaturateTo<uint8_t>(17), 17);
  EXPECT_EQ(SaturateTo<int8_t>(-129), -128);
  EXPECT_EQ(SaturateTo<int8_t>(128), 127);
  EXPECT_EQ(SaturateTo<int16_t>(40000), 32767);
  EXPECT_EQ(SaturateTo<uint32_t>(-5), 0u);
  EXPECT_EQ(SaturateTo<int32_t>(kMax), INT32_MAX);
  EXPECT_EQ(SaturateTo<int64_t>(kLowest), kLowest);
  EXPECT_EQ(SaturateTo<uint64_t>(-1), 0u);
  EXPECT_EQ(SaturateTo<uint64_t>(kMax), static_cast<uint64_t>(kMax));
}

TEST(FixedPoint, TakesTheFloorOfTheRoot) {
  struct Case {
    uint64_t value;
    uint32_t root;
  };
  const Case cases[] = {
      {0, 0},
      {1, 1},
      {3, 1},
      {4, 2},
      {99, 9},
      {uint64_t{0xffffffff} * 0xffffffff, 0xffffffff},
      {uint64_t{0xffffffff} * 0xffffffff - 1, 0xfffffffe},
      {uint64_t(-1), 0xffffffff},
      // A square and its neighbour that are one number as doubles.
      {uint64_t{4000000001} * 4000000001 - 1, 4000000000},
      {uint64_t{4000000001} * 4000000001, 4000000001},
  };
  for (const Case& c : cases) EXPECT_EQ(FloorSqrt(c.value), c.root) << c.value;
}

}  // namespace
}  // namespace g4c
