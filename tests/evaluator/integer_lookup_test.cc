#include "evaluator/integer_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integer_model.h"
#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct UnaryCase {
  const char* name;
  ir::Op op;
  long double (*f)(long double);
};

const UnaryCase kUnary[] = {
    {"abs", ir::Abs{}, [](long double x) { return std::fabs(x); }},
    {"ceil", ir::Ceil{}, [](long double x) { return std::ceil(x); }},
    {"clamp", ir::Clamp{-0.3f, 2.5f},
     [](long double x) { return std::clamp<long double>(x, -0.3f, 2.5f); }},
    {"clamp below", ir::Clamp{-INFINITY, 1.0f}, [](long double x) { return std::min(x, 1.0L); }},
    {"cos", ir::Cos{}, [](long double x) { return std::cos(x); }},
    {"erf", ir::Erf{}, [](long double x) { return std::erf(x); }},
    {"exp", ir::Exp{}, [](long double x) { return std::exp(x); }},
    {"floor", ir::Floor{}, [](long double x) { return std::floor(x); }},
    {"gelu", ir::Gelu{false},
     [](long double x) { return x * std::erfc(-x / std::sqrt(2.0L)) / 2; }},
    {"gelu tanh", ir::Gelu{true},
     [](long double x) {
       return x / 2 *
              (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846L) * (x + 0.044715L * x * x * x)));
     }},
    {"logistic", ir::Logistic{}, [](long double x) { return 1 / (1 + std::exp(-x)); }},
    {"log", ir::Log{}, [](long double x) { return std::log(x); }},
    {"neg", ir::Neg{}, [](long double x) { return -x; }},
    {"relu", ir::Relu{}, [](long double x) { return x > 0 ? x : 0; }},
    {"round", ir::Round{}, [](long double x) { return std::nearbyint(x); }},
    {"rsqrt", ir::Rsqrt{}, [](long double x) { return 1 / std::sqrt(x); }},
    {"sign", ir::Sign{}, [](long double x) { return x > 0   ? 1.0L
                                                    : x < 0 ? -1.0L
                                                            : 0.0L; }},
    {"sin", ir::Sin{}, [](long double x) { return std::sin(x); }},
    {"sqrt", ir::Sqrt{}, [](long double x) { return std::sqrt(x); }},
    {"square", ir::Square{}, [](long double x) { return x * x; }},
    {"tanh", ir::Tanh{}, [](long double x) { return std::tanh(x); }},
};

struct Qparams {
  ir::Quantization in, out;
};

const Qparams kQparams[] = {
    {PerTensor(DType::kU8, 0.041f, 128), PerTensor(DType::kU8, 0.033f, 60)},
    {PerTensor(DType::kI8, 0.07f, -128), PerTensor(DType::kI8, 0.05f, 0)},
    {PerTensor(DType::kI16, 0.0004f, 0), PerTensor(DType::kI16, 0.0003f, 0)},
    {PerTensor(DType::kU8, 0.1f, 30), PerTensor(DType::kI16, 0.001f, -100)},
    {PerTensor(DType::kI16, 0.001f, 12000), PerTensor(DType::kU8, 0.05f, 255)},
    {PerTensor(DType::kU4, 0.4f, 8), PerTensor(DType::kI4, 0.5f, 0)},
};

TEST(IntegerTable, EveryEntryIsTheNearestStoredNumber) {
  for (const UnaryCase& test : kUnary) {
    for (const Qparams& qparams : kQparams) {
      const Affine in = AffineOf(qparams.in), out = AffineOf(qparams.out);
      const std::vector<int64_t> x = AllInts(in.dtype);
      ASSERT_OK_AND_ASSIGN(
          const std::vector<int64_t> y,
          RunInts(test.op, {Quantised(qparams.in, {static_cast<int64_t>(x.size())}, x)},
                  qparams.out));
      for (size_t i = 0; i < x.size(); ++i) {
        const long double real = test.f(in.Real(x[i]));
        if (std::isnan(real)) {
          EXPECT_EQ(y[i], out.zero_point) << test.name << " of " << x[i];
        } else {
          ExpectNearest(y[i], real, out, kTableSlack, absl::StrCat(test.name, " of ", x[i]));
        }
      }
      if (HasFailure()) return;
    }
  }
}

TEST(IntegerTable, TiesGoToEvenAndEndsSaturate) {
  const auto quarter = PerTensor(DType::kI8, 0.25f, 0);
  const auto half = PerTensor(DType::kI8, 0.5f, 0);
  EXPECT_THAT(RunInts(ir::Abs{}, {Quantised(quarter, {5}, {-1, -3, 5, 7, -128})}, half),
              IsOkAndHolds(ElementsAre(0, 2, 2, 4, 64)));
  EXPECT_THAT(RunInts(ir::Neg{}, {Quantised(quarter, {3}, {-128, 127, 0})}, quarter),
              IsOkAndHolds(ElementsAre(127, -127, 0)));
  // 1 / sqrt(0) is infinite.
  EXPECT_THAT(RunInts(ir::Rsqrt{}, {Quantised(quarter, {3}, {-4, 0, 4})}, half),
              IsOkAndHolds(ElementsAre(0, 127, 2)));
  EXPECT_THAT(RunInts(ir::Log{}, {Quantised(quarter, {2}, {0, 4})}, half),
              IsOkAndHolds(ElementsAre(-128, 0)));
}

TEST(IntegerPow, TakesAConstantExponent) {
  const auto u8 = PerTensor(DType::kU8, 0.5f, 0);
  const auto exponent = PerTensor(DType::kI8, 0.5f, 0);
  const Operand x = Quantised(u8, {3}, {2, 4, 8});
  EXPECT_THAT(RunInts(ir::Pow{}, {x, Quantised(exponent, {}, {4}, /*constant=*/true)}, u8),
              IsOkAndHolds(ElementsAre(2, 8, 32)));
  EXPECT_THAT(RunInts(ir::Pow{}, {x, Quantised(exponent, {1}, {-1}, /*constant=*/true)}, u8),
              IsOkAndHolds(ElementsAre(2, 1, 1)));
  EXPECT_THAT(RunInts(ir::Pow{}, {x, Quantised(exponent, {1}, {4})}, u8),
              IsUnsupported(HasSubstr("the exponent 'x1' is not a constant of one element")));
}

TEST(IntegerIsNan, IsFalse) {
  EXPECT_THAT(RunInts(ir::IsNan{}, {Quantised(PerTensor(DType::kU8, 1, 0), {2}, {0, 255})},
                      ir::QuantUnknown{}),
              IsOkAndHolds(Each(0)));
}

}  // namespace
}  // namespace g4c::evaluator
