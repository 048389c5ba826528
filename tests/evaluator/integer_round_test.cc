#include "evaluator/integer_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integer_model.h"
#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;

TEST(IntegerRound, AsksForWhatIsNearATie) {
  const StoredRange range{10, 0, 255};
  const std::vector<double> reals = {0.5,    1.5,      -0.5, 2.5 + 0x1p-22, 2.5 - 0x1p-22, 3.4,
                                     -3.6,   1e30,     -9,   -10,           -10.5,         245.4,
                                     245.49, 1e9 + 0.5};
  std::vector<int32_t> out(reals.size());
  std::vector<int64_t> asked;
  StoreReals(reals.data(), static_cast<int64_t>(reals.size()), range, out.data(), [&](int64_t i) {
    asked.push_back(i);
    return 77;
  });
  EXPECT_THAT(asked, ::testing::ElementsAre(0, 1, 2, 3, 4, 10, 13));
  EXPECT_THAT(out, ::testing::ElementsAre(77, 77, 77, 77, 77, 13, 6, 255, 1, 0, 77, 255, 255, 77));
}

TEST(IntegerRound, OfAnyCount) {
  const StoredRange range{0, -100, 100};
  std::vector<double> reals;
  for (int i = 0; i < 11; ++i) reals.push_back(i * 1.25 - 6);
  for (int64_t count = 0; count <= 11; ++count) {
    std::vector<int32_t> out(count);
    StoreReals(reals.data(), count, range, out.data(),
               [&](int64_t i) { return RoundHalfEven(reals[i]); });
    for (int64_t i = 0; i < count; ++i) EXPECT_EQ(out[i], RoundHalfEven(reals[i])) << i;
  }
}

// Scales with many ties (powers of two) and without.
const std::vector<ir::Quantization> kQparams = {
    PerTensor(DType::kU8, 0.5f, 3),      PerTensor(DType::kI8, 0.013f, -100),
    PerTensor(DType::kI16, 0x1p-9f, 0),  PerTensor(DType::kU16, 0.00037f, 40000),
    PerTensor(DType::kI16, 0.0021f, 17), PerTensor(DType::kU4, 0.25f, 8),
};

// The rules of docs/integer_semantics.md, bit by bit.
TEST(IntegerRound, AddAndMulFollowTheRuleExactly) {
  std::mt19937 random(1);
  for (const ir::Quantization& qa : kQparams) {
    for (const ir::Quantization& qb : kQparams) {
      for (const ir::Quantization& qo : kQparams) {
        const Affine a = AffineOf(qa), b = AffineOf(qb), o = AffineOf(qo);
        const std::vector<int64_t> x = RandomInts(random, a.dtype, 1500),
                                   y = RandomInts(random, b.dtype, 1500);
        const std::vector<Operand> operands = {Quantised(qa, {1500}, x), Quantised(qb, {1500}, y)};
        ASSERT_OK_AND_ASSIGN(const auto sum, RunInts(ir::Add{}, operands, qo));
        ASSERT_OK_AND_ASSIGN(const auto difference, RunInts(ir::Sub{}, operands, qo));
        ASSERT_OK_AND_ASSIGN(const auto product, RunInts(ir::Mul{}, operands, qo));
        const CommonScale common = MakeCommonScale(a.scale / o.scale, b.scale / o.scale);
        const Multiplier multiplier = QuantizeMultiplier(a.scale * b.scale / o.scale);
        for (size_t i = 0; i < x.size(); ++i) {
          const int64_t dx = x[i] - a.zero_point, dy = y[i] - b.zero_point;
          ASSERT_EQ(sum[i],
                    o.range().Store(RoundShift(common.a * dx + common.b * dy, common.shift)));
          ASSERT_EQ(difference[i],
                    o.range().Store(RoundShift(common.a * dx - common.b * dy, common.shift)));
          ASSERT_EQ(product[i], o.range().Store(MultiplyByMultiplier(dx * dy, multiplier)));
        }
      }
    }
  }
}

// Large results of 8-bit operands come from a table of all pairs: the same as piece by piece.
TEST(IntegerRound, LargeResultsEqualSmallOnes) {
  const std::vector<int64_t> all = AllInts(DType::kU8), all_signed = AllInts(DType::kI8);
  const auto qa = PerTensor(DType::kU8, 0.021f, 120), qb = PerTensor(DType::kI8, 0.017f, -5);
  for (const ir::Quantization& out :
       {PerTensor(DType::kU8, 0.03f, 99), PerTensor(DType::kI16, 0.0003f, 0)}) {
    for (const ir::Op& op : {ir::Op(ir::Add{}), ir::Op(ir::Sub{ir::Activation::kRelu}),
                             ir::Op(ir::Mul{}), ir::Op(ir::Div{}), ir::Op(ir::Maximum{}),
                             ir::Op(ir::SquaredDifference{}), ir::Op(ir::Less{})}) {
      const ir::Quantization result =
          std::holds_alternative<ir::Less>(op) ? ir::Quantization(ir::QuantUnknown{}) : out;
      std::vector<int64_t> twice = all;
      twice.insert(twice.end(), all.begin(), all.end());
      ASSERT_OK_AND_ASSIGN(
          const auto large,
          RunInts(op, {Quantised(qa, {512, 1}, twice), Quantised(qb, {256}, all_signed)}, result));
      for (int64_t i = 0; i < 512; i += 64) {
        const std::vector<int64_t> rows(twice.begin() + i, twice.begin() + i + 64);
        ASSERT_OK_AND_ASSIGN(
            const auto small,
            RunInts(op, {Quantised(qa, {64, 1}, rows), Quantised(qb, {256}, all_signed)}, result));
        ASSERT_TRUE(std::equal(small.begin(), small.end(), large.begin() + i * 256))
            << ir::OpName(op) << " " << i;
      }
    }
  }
}

TEST(IntegerRound, SoftmaxFollowsTheRuleExactly) {
  std::mt19937 random(2);
  for (const DType dtype : {DType::kU8, DType::kI16}) {
    for (const ir::Quantization& qo :
         {PerTensor(DType::kU8, 1.0f / 256, 0), PerTensor(DType::kI16, 1.0f / 32768, 0),
          PerTensor(DType::kU16, 0.00003f, 100)}) {
      for (const int64_t columns : {1, 7, 255, 700}) {
        const double scale = dtype == DType::kU8 ? 0.05 : 0.0004;
        const ir::Quantization qx = PerTensor(dtype, static_cast<float>(scale), 0);
        const Affine in = AffineOf(qx), out = AffineOf(qo);
        const std::vector<int64_t> x = RandomInts(random, dtype, 3 * columns);
        ASSERT_OK_AND_ASSIGN(const auto y,
                             RunInts(ir::Softmax{}, {Quantised(qx, {3, columns}, x)}, qo));
        const Multiplier m = QuantizeMultiplier(1.0 / out.scale);
        for (int64_t row = 0; row < 3; ++row) {
          const auto begin = x.begin() + row * columns;
          const int64_t max = *std::max_element(begin, begin + columns);
          std::vector<int64_t> e;
          int64_t sum = 0;
          for (int64_t i = 0; i < columns; ++i) {
            const double real = in.scale * static_cast<double>(max - begin[i]);
            e.push_back(RoundHalfEven(std::ldexp(std::exp(-real), 31)));
            sum += e.back();
          }
          for (int64_t i = 0; i < columns; ++i) {
            // 2^17 > 1 / scale >= 2^7, so that the multiplier is an integer over a power of two.
            const __int128 exact =
                DivideRoundHalfEven(static_cast<__int128>(e[i]) * m.mantissa,
                                    static_cast<__int128>(sum) << (31 - m.shift));
            ASSERT_EQ(y[row * columns + i], out.range().Store(static_cast<int64_t>(exact)));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace g4c::evaluator
