#include "evaluator/integer_elementwise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integer_model.h"
#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(IntegerAdd, RoundsOnceTiesToEven) {
  const auto half = PerTensor(DType::kI8, 0.5f, 0);
  const auto one = PerTensor(DType::kI8, 1.0f, 0);
  // 0.5, 1.5, 2.5, -0.5, -1.5 in steps of 1.
  EXPECT_THAT(
      RunInts(ir::Add{},
              {Quantised(half, {5}, {1, 2, 3, -1, -2}), Quantised(half, {5}, {0, 1, 2, 0, -1})},
              one),
      IsOkAndHolds(ElementsAre(0, 2, 2, 0, -2)));
}

TEST(IntegerAdd, TakesZeroPointsOffAndSaturates) {
  const auto in = PerTensor(DType::kU8, 1.0f, 10);
  const auto out = PerTensor(DType::kU8, 1.0f, 100);
  EXPECT_THAT(
      RunInts(ir::Add{}, {Quantised(in, {3}, {10, 255, 0}), Quantised(in, {3}, {13, 255, 0})}, out),
      IsOkAndHolds(ElementsAre(103, 255, 80)));
  EXPECT_THAT(
      RunInts(ir::Sub{}, {Quantised(in, {3}, {10, 255, 0}), Quantised(in, {3}, {13, 0, 255})}, out),
      IsOkAndHolds(ElementsAre(97, 255, 0)));
}

TEST(IntegerAdd, FusedActivationClamps) {
  const auto in = PerTensor(DType::kI8, 1.0f, 0);
  const auto out = PerTensor(DType::kU8, 0.5f, 20);
  const std::vector<Operand> operands = {Quantised(in, {4}, {-9, 0, 3, 100}),
                                         Quantised(in, {4}, {0, 0, 0, 0})};
  EXPECT_THAT(RunInts(ir::Add{ir::Activation::kRelu}, operands, out),
              IsOkAndHolds(ElementsAre(20, 20, 26, 220)));
  EXPECT_THAT(RunInts(ir::Add{ir::Activation::kRelu6}, operands, out),
              IsOkAndHolds(ElementsAre(20, 20, 26, 32)));
  EXPECT_THAT(RunInts(ir::Add{ir::Activation::kReluN1To1}, operands, out),
              IsOkAndHolds(ElementsAre(18, 20, 22, 22)));
  EXPECT_THAT(
      RunInts(ir::Add{ir::Activation::kTanh}, operands, out),
      IsUnsupported(AllOf(HasSubstr("add(i8, i8) -> u8"), HasSubstr("fused activation tanh"))));
}

TEST(IntegerAdd, FarApartScalesStayExactlyOrdered) {
  // The finer operand is 2^-20 of a step of the result: it only breaks ties.
  const auto coarse = PerTensor(DType::kI16, 0.5f, 0);
  const auto fine = PerTensor(DType::kI8, 0x1p-20f, 0);
  const auto out = PerTensor(DType::kI16, 1.0f, 0);
  EXPECT_THAT(
      RunInts(ir::Add{},
              {Quantised(coarse, {4}, {1, 1, 1, 3}), Quantised(fine, {4}, {0, 1, -1, -1})}, out),
      IsOkAndHolds(ElementsAre(0, 1, 0, 1)));
}

TEST(IntegerAdd, ExtremeScalesSaturateOrVanish) {
  const auto in = PerTensor(DType::kI16, 1.0f, 0);
  const std::vector<Operand> operands = {Quantised(in, {3}, {-1, 0, 1}), Quantised(in, {1}, {0})};
  EXPECT_THAT(RunInts(ir::Add{}, operands, PerTensor(DType::kI16, 1e-38f, 5)),
              IsOkAndHolds(ElementsAre(-32768, 5, 32767)));
  EXPECT_THAT(RunInts(ir::Add{}, operands, PerTensor(DType::kI16, 1e38f, 5)),
              IsOkAndHolds(ElementsAre(5, 5, 5)));
  EXPECT_THAT(
      RunInts(ir::Mul{}, {operands[0], Quantised(in, {1}, {1})}, PerTensor(DType::kI16, 1e-38f, 5)),
      IsOkAndHolds(ElementsAre(-32768, 5, 32767)));
}

struct BinaryCase {
  const char* name;
  ir::Op op;
  long double (*real)(long double, long double);
};

const BinaryCase kBinary[] = {
    {"add", ir::Add{}, [](long double a, long double b) { return a + b; }},
    {"sub", ir::Sub{}, [](long double a, long double b) { return a - b; }},
    {"mul", ir::Mul{}, [](long double a, long double b) { return a * b; }},
    {"maximum", ir::Maximum{}, [](long double a, long double b) { return std::max(a, b); }},
    {"minimum", ir::Minimum{}, [](long double a, long double b) { return std::min(a, b); }},
    {"squared_difference", ir::SquaredDifference{},
     [](long double a, long double b) { return (a - b) * (a - b); }},
    {"div", ir::Div{}, [](long double a, long double b) { return a / b; }},
};

struct Dtypes {
  ir::Quantization a, b, out;
};

// Same dtypes, mixtures, zero points at the ends, scales far apart.
const Dtypes kDtypes[] = {
    {PerTensor(DType::kU8, 0.0157f, 128), PerTensor(DType::kU8, 0.031f, 3),
     PerTensor(DType::kU8, 0.047f, 100)},
    {PerTensor(DType::kI8, 0.1f, -128), PerTensor(DType::kI8, 0.0007f, 127),
     PerTensor(DType::kI8, 0.11f, -7)},
    {PerTensor(DType::kI16, 0.0003f, 0), PerTensor(DType::kI16, 0.00017f, 0),
     PerTensor(DType::kI16, 0.0005f, 0)},
    {PerTensor(DType::kI16, 0.0003f, -32768), PerTensor(DType::kU8, 0.07f, 255),
     PerTensor(DType::kI16, 0.001f, 32767)},
    {PerTensor(DType::kI8, 0.02f, 5), PerTensor(DType::kI16, 0.0001f, 0),
     PerTensor(DType::kI16, 0.0002f, 0)},
    {PerTensor(DType::kU16, 0.0003f, 40000), PerTensor(DType::kU4, 0.3f, 7),
     PerTensor(DType::kU16, 0.0009f, 65535)},
};

TEST(IntegerBinary, IsTheNearestStoredNumber) {
  std::mt19937 random(1);
  for (const BinaryCase& test : kBinary) {
    for (const Dtypes& dtypes : kDtypes) {
      const Affine a = AffineOf(dtypes.a), b = AffineOf(dtypes.b), out = AffineOf(dtypes.out);
      // All pairs of 8-bit dtypes, else a sample with the ends.
      std::vector<int64_t> x = RandomInts(random, a.dtype, 300),
                           y = RandomInts(random, b.dtype, 200);
      for (int64_t q : {a.min(), a.max(), a.zero_point}) x.push_back(q);
      for (int64_t q : {b.min(), b.max(), b.zero_point}) y.push_back(q);
      if (a.max() - a.min() < 256) x = AllInts(a.dtype);
      if (b.max() - b.min() < 256) y = AllInts(b.dtype);
      const int64_t rows = static_cast<int64_t>(x.size()), columns = static_cast<int64_t>(y.size());
      ASSERT_OK_AND_ASSIGN(
          const std::vector<int64_t> z,
          RunInts(test.op, {Quantised(dtypes.a, {rows, 1}, x), Quantised(dtypes.b, {columns}, y)},
                  dtypes.out));
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          if (y[j] == b.zero_point && std::holds_alternative<ir::Div>(test.op)) continue;
          ExpectNearest(z[i * columns + j], test.real(a.Real(x[i]), b.Real(y[j])), out,
                        kMultiplierSlack, absl::StrCat(test.name, " ", x[i], " ", y[j]));
          if (::testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

TEST(IntegerMul, TiesGoToEvenForEveryPair) {
  // Scales that are powers of two make every product exact in a double.
  const auto in = PerTensor(DType::kI8, 0.125f, 3);
  const auto out = PerTensor(DType::kI16, 0.0625f, -11);
  const std::vector<int64_t> q = AllInts(DType::kI8);
  ASSERT_OK_AND_ASSIGN(
      const std::vector<int64_t> z,
      RunInts(ir::Mul{}, {Quantised(in, {256, 1}, q), Quantised(in, {256}, q)}, out));
  for (int i = 0; i < 256; ++i) {
    for (int j = 0; j < 256; ++j) {
      EXPECT_EQ(z[i * 256 + j], std::nearbyint((q[i] - 3) * (q[j] - 3) / 4.0) - 11.0);
    }
  }
}

TEST(IntegerDiv, RoundsTheExactQuotient) {
  const auto one = PerTensor(DType::kI8, 1.0f, 0);
  EXPECT_THAT(
      RunInts(ir::Div{},
              {Quantised(one, {6}, {1, 3, 5, -1, -3, 7}), Quantised(one, {6}, {2, 2, 2, 2, 2, -2})},
              one),
      IsOkAndHolds(ElementsAre(0, 2, 2, 0, -2, -4)));
}

TEST(IntegerDiv, ByZeroSaturatesByTheSign) {
  const auto in = PerTensor(DType::kU8, 1.0f, 100);
  const auto out = PerTensor(DType::kU8, 1.0f, 30);
  const std::vector<Operand> operands = {Quantised(in, {3}, {99, 100, 101}),
                                         Quantised(in, {1}, {100})};
  EXPECT_THAT(RunInts(ir::Div{}, operands, out), IsOkAndHolds(ElementsAre(0, 30, 255)));
  EXPECT_THAT(RunInts(ir::Div{ir::Activation::kRelu6}, operands, out),
              IsOkAndHolds(ElementsAre(30, 30, 36)));
}

TEST(IntegerSquaredDifference, IsExactForEqualScales) {
  const auto in = PerTensor(DType::kI8, 0.5f, 1);
  const auto out = PerTensor(DType::kI16, 0.5f, 0);
  // 0.25 d^2 / 0.5: 0.5 -> 0, 2, 4.5 -> 4.
  EXPECT_THAT(RunInts(ir::SquaredDifference{},
                      {Quantised(in, {3}, {1, 2, 3}), Quantised(in, {1}, {0})}, out),
              IsOkAndHolds(ElementsAre(0, 2, 4)));
}

TEST(IntegerCompare, ComparesReals) {
  // 1.5 against 1.0, 1.5, 2.0.
  const std::vector<Operand> operands = {
      Quantised(PerTensor(DType::kI8, 0.5f, 0), {1}, {3}),
      Quantised(PerTensor(DType::kU8, 0.25f, 10), {3}, {14, 16, 18})};
  const ir::Quantization none = ir::QuantUnknown{};
  EXPECT_THAT(RunInts(ir::Equal{}, operands, none), IsOkAndHolds(ElementsAre(0, 1, 0)));
  EXPECT_THAT(RunInts(ir::NotEqual{}, operands, none), IsOkAndHolds(ElementsAre(1, 0, 1)));
  EXPECT_THAT(RunInts(ir::Greater{}, operands, none), IsOkAndHolds(ElementsAre(1, 0, 0)));
  EXPECT_THAT(RunInts(ir::GreaterEqual{}, operands, none), IsOkAndHolds(ElementsAre(1, 1, 0)));
  EXPECT_THAT(RunInts(ir::Less{}, operands, none), IsOkAndHolds(ElementsAre(0, 0, 1)));
  EXPECT_THAT(RunInts(ir::LessEqual{}, operands, none), IsOkAndHolds(ElementsAre(0, 1, 1)));
}

TEST(IntegerBinary, RefusesWhatItHasNoRuleFor) {
  const auto u8 = PerTensor(DType::kU8, 1.0f, 0);
  const Operand x = Quantised(u8, {2}, {1, 2});
  EXPECT_THAT(RunInts(ir::Add{}, {x, Quantised(PerTensor(DType::kI32, 1.0f, 0), {2}, {1, 2})}, u8),
              IsUnsupported(AllOf(HasSubstr("no integer rule for add(u8, i32) -> u8"),
                                  HasSubstr("operand 1 'x1' is i32"))));
  const ir::QuantPerChannel channels{DType::kU8, 0, {1.0f, 2.0f}, {0, 0}};
  EXPECT_THAT(RunInts(ir::Mul{}, {x, Quantised(channels, {2}, {1, 2}, /*constant=*/true)}, u8),
              IsUnsupported(HasSubstr("mul(u8, u8 per channel) -> u8")));
  EXPECT_THAT(RunInts(ir::Mod{}, {x, x}, u8),
              IsUnsupported(HasSubstr("no integer rule for mod(u8, u8) -> u8")));
}

}  // namespace
}  // namespace g4c::evaluator
