#include "quantization/qparams.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/quantize_constant.h"

namespace g4c::quantization {
namespace {

using ir::DType;

struct Case {
  Range range;
  DType dtype;
  float scale;
  int64_t zero_point;
};

TEST(ChooseQparams, CoversTheRangeAndZero) {
  // Scales are written as the formula gives them; equality is exact because both sides round once
  // to f32.
  const Case kCases[] = {
      // -lo / scale is 127.5, less what rounding the scale to f32 takes.
      {{-1.0f, 1.0f}, DType::kU8, static_cast<float>(2.0 / 255), 127},
      {{0.5f, 2.0f}, DType::kU8, static_cast<float>(2.0 / 255), 0},
      {{-3.0f, -1.0f}, DType::kU8, static_cast<float>(3.0 / 255), 255},
      {{-1.0f, 3.0f}, DType::kI8, static_cast<float>(4.0 / 255), -64},
      {{-2.0f, 1.0f}, DType::kI16, static_cast<float>(2.0 / 32767), 0},
      {{0.0f, 15.0f}, DType::kU4, 1.0f, 0},
  };
  for (const Case& c : kCases) {
    const ir::QuantPerTensor q = ChooseQparams(c.range, c.dtype);
    EXPECT_EQ(q.dtype, c.dtype);
    EXPECT_EQ(q.scale, c.scale) << c.range.lo << " " << c.range.hi;
    EXPECT_EQ(q.zero_point, c.zero_point) << c.range.lo << " " << c.range.hi;
  }
}

TEST(ChooseQparams, IsSaneWithoutARange) {
  for (DType dtype : {DType::kU8, DType::kI8, DType::kI16}) {
    for (const Range& range : {Range{}, Range{0, 0}, Range{1e-30f, 1e-30f}}) {
      const ir::QuantPerTensor q = ChooseQparams(range, dtype);
      EXPECT_GT(q.scale, 0);
      EXPECT_TRUE(std::isnormal(q.scale));
      EXPECT_EQ(ir::QuantizeReal(0.0f, q.scale, q.zero_point, dtype), q.zero_point);
    }
  }
}

TEST(ChooseWeightQparams, GivesEachChannelItsOwnRange) {
  const ir::Tensor weight = ir::Tensor::Of<float>(DType::kF32, {2, 2}, {-1.0f, 3.0f, 0.5f, -2.0f});
  const ir::QuantPerChannel symmetric = ChooseWeightQparams(weight, 0, DType::kI8);
  EXPECT_EQ(symmetric.scales,
            (std::vector<float>{static_cast<float>(3.0 / 127), static_cast<float>(2.0 / 127)}));
  EXPECT_EQ(symmetric.zero_points, (std::vector<int64_t>{0, 0}));
  const ir::QuantPerChannel columns = ChooseWeightQparams(weight, 1, DType::kU4);
  EXPECT_EQ(columns.scales,
            (std::vector<float>{static_cast<float>(1.5 / 15), static_cast<float>(5.0 / 15)}));
  EXPECT_EQ(columns.zero_points, (std::vector<int64_t>{10, 6}));
}

TEST(ChooseWeightQparams, SurvivesAnAllZeroChannel) {
  const ir::Tensor weight = ir::Tensor::Of<float>(DType::kF32, {2, 2}, {0.0f, 0.0f, 1.0f, -1.0f});
  const ir::QuantPerChannel q = ChooseWeightQparams(weight, 0, DType::kU8);
  EXPECT_TRUE(std::isnormal(q.scales[0]));
}

TEST(RangeOf, SeesEveryElementOfAnyLength) {
  for (int64_t size : {1, 15, 16, 17, 1000}) {
    for (int64_t place = 0; place < size; place += size / 3 + 1) {
      std::vector<float> elements(size, 0.5f);
      elements[place] = -7;
      EXPECT_EQ(RangeOf(elements), (Range{-7, size == 1 ? -7.0f : 0.5f}));
    }
  }
  EXPECT_TRUE(RangeOf(std::vector<float>()).empty());
}

TEST(ExactSplatQparams, HoldsTheNumberExactly) {
  for (float x : {1.0f, 0.1f, -3.5f, 0.0f, 1e-20f}) {
    for (DType dtype : {DType::kU8, DType::kI8, DType::kI16}) {
      const auto q = ExactSplatQparams(ir::Tensor::Of<float>(DType::kF32, {2}, {x, x}), dtype);
      ASSERT_TRUE(q.has_value());
      const int64_t stored = ir::QuantizeReal(x, q->scale, q->zero_point, dtype);
      EXPECT_EQ(q->scale * static_cast<float>(stored - q->zero_point), x);
    }
  }
  EXPECT_FALSE(ExactSplatQparams(ir::Tensor::Of<float>(DType::kF32, {2}, {1.0f, 2.0f}), DType::kU8)
                   .has_value());
}

}  // namespace
}  // namespace g4c::quantization
