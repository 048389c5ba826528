#include "evaluator/integer_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integer_model.h"
#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Operand Reals(std::vector<float> values) {
  const int64_t count = static_cast<int64_t>(values.size());
  return Plain(ir::Tensor::Of<float>(DType::kF32, {count}, values));
}

TEST(IntegerQuantize, RoundsToEvenAndSaturates) {
  EXPECT_THAT(RunInts(ir::Quantize{}, {Reals({0.25f, 0.75f, -0.25f, 1e9f, -INFINITY})},
                      PerTensor(DType::kU8, 0.5f, 4)),
              IsOkAndHolds(ElementsAre(4, 6, 4, 255, 0)));
  EXPECT_THAT(RunInts(ir::Quantize{}, {Reals({1, -1})},
                      ir::QuantPerChannel{DType::kI8, 0, {0.5f, 0.25f}, {0, 3}}),
              IsOkAndHolds(ElementsAre(2, -1)));
}

TEST(IntegerQuantize, NamesTheNodeThatMeetsNan) {
  EXPECT_THAT(RunInts(ir::Quantize{}, {Reals({1.0f, NAN})}, PerTensor(DType::kU8, 0.5f, 4)),
              IsInvalidInput(testing::AllOf(HasSubstr("quantize"),
                                            HasSubstr("element 1 of the operand is NaN"))));
}

TEST(IntegerQuantize, RequantisesEveryIntegerToTheNearest) {
  const ir::Quantization qparams[] = {
      PerTensor(DType::kU8, 0.05f, 128),  PerTensor(DType::kI8, 0.03f, -9),
      PerTensor(DType::kI16, 0.0002f, 0), PerTensor(DType::kI16, 0.001f, 777),
      PerTensor(DType::kU4, 0.5f, 3),     PerTensor(DType::kU16, 0.0003f, 32000),
  };
  for (const ir::Quantization& from : qparams) {
    for (const ir::Quantization& to : qparams) {
      const Affine in = AffineOf(from), out = AffineOf(to);
      const std::vector<int64_t> x = AllInts(in.dtype);
      ASSERT_OK_AND_ASSIGN(
          const std::vector<int64_t> y,
          RunInts(ir::Quantize{}, {Quantised(from, {static_cast<int64_t>(x.size())}, x)}, to));
      for (size_t i = 0; i < x.size(); ++i)
        ExpectNearest(y[i], in.Real(x[i]), out, kMultiplierSlack, "requantise");
      if (in == out) {
        EXPECT_EQ(x, y);
      }
      if (HasFailure()) return;
    }
  }
}

TEST(IntegerQuantize, U8ToI8ShiftsOnly) {
  const std::vector<int64_t> x = AllInts(DType::kU8);
  ASSERT_OK_AND_ASSIGN(
      const std::vector<int64_t> y,
      RunInts(ir::Quantize{}, {Quantised(PerTensor(DType::kU8, 0.1f, 100), {256}, x)},
              PerTensor(DType::kI8, 0.1f, -28)));
  for (int i = 0; i < 256; ++i) EXPECT_EQ(y[i], i - 128);
}

TEST(IntegerDequantize, IsOneProductInF32) {
  ASSERT_OK_AND_ASSIGN(
      const std::vector<ir::Tensor> y,
      RunStored(ir::Dequantize{}, {Quantised(PerTensor(DType::kI16, 0.1f, 1), {2}, {4, 32767})},
                {ir::QuantUnknown{}}));
  EXPECT_THAT(y[0].Floats(), ElementsAre(3 * 0.1f, 32766 * 0.1f));
}

TEST(IntegerCast, BetweenQuantisedAndPlain) {
  const auto u8 = PerTensor(DType::kU8, 0.4f, 10);
  const Operand x = Quantised(u8, {4}, {0, 9, 10, 14});
  EXPECT_THAT(RunInts(ir::Cast{DType::kI32}, {x}, ir::QuantUnknown{}),
              IsOkAndHolds(ElementsAre(-4, 0, 0, 1)));
  EXPECT_THAT(RunInts(ir::Cast{DType::kU8}, {x}, ir::QuantUnknown{}),
              IsOkAndHolds(ElementsAre(0, 0, 0, 1)));
  EXPECT_THAT(RunInts(ir::Cast{DType::kBool}, {x}, ir::QuantUnknown{}),
              IsOkAndHolds(ElementsAre(1, 1, 0, 1)));
  EXPECT_THAT(RunInts(ir::Cast{DType::kF32}, {x}, PerTensor(DType::kI8, 0.2f, 0)),
              IsOkAndHolds(ElementsAre(-20, -2, 0, 8)));
  const Operand plain = Plain(IntTensor(DType::kI64, {3}, {-1000, 1, 3}));
  EXPECT_THAT(RunInts(ir::Cast{DType::kF32}, {plain}, u8), IsOkAndHolds(ElementsAre(0, 12, 17)));
  EXPECT_THAT(RunInts(ir::Cast{DType::kF32}, {x}, ir::QuantUnknown{}),
              IsUnsupported(HasSubstr("cast(u8) -> f32")));
  EXPECT_THAT(RunInts(ir::Cast{DType::kF32}, {Reals({1})}, u8),
              IsUnsupported(HasSubstr("cast(f32) -> u8")));
}

}  // namespace
}  // namespace g4c::evaluator
