#include "evaluator/integer_norm.h"

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

TEST(IntegerRmsNorm, ByHand) {
  // Root mean square of 3, -4, 5, 0 halves: sqrt(50 / 4) / 2.
  const auto in = PerTensor(DType::kU8, 0.5f, 128);
  const auto out = PerTensor(DType::kI8, 0x1p-6f, 0);
  EXPECT_THAT(
      RunInts(ir::RmsNorm{0.0f}, {Quantised(in, {1, 4}, {131, 124, 133, 128}), Omitted()}, out),
      IsOkAndHolds(ElementsAre(54, -72, 91, 0)));
}

TEST(IntegerRmsNorm, ARowOfZerosStaysZero) {
  const auto in = PerTensor(DType::kI8, 0.5f, 7);
  const auto out = PerTensor(DType::kU8, 0.01f, 99);
  EXPECT_THAT(RunInts(ir::RmsNorm{0.0f}, {Quantised(in, {1, 3}, {7, 7, 7}), Omitted()}, out),
              IsOkAndHolds(Each(99)));
  EXPECT_THAT(RunInts(ir::L2Norm{}, {Quantised(in, {1, 3}, {7, 7, 7})}, out),
              IsOkAndHolds(Each(99)));
}

struct NormCase {
  ir::Quantization in, gain, out;
  float epsilon;
};

const NormCase kNorms[] = {
    {PerTensor(DType::kU8, 0.05f, 117), PerTensor(DType::kU8, 0.01f, 20),
     PerTensor(DType::kU8, 0.02f, 130), 1e-6f},
    {PerTensor(DType::kI8, 0.0003f, -128), PerTensor(DType::kI8, 0.02f, 0),
     PerTensor(DType::kI8, 0.03f, 5), 1e-5f},
    {PerTensor(DType::kI16, 0.0002f, 0), PerTensor(DType::kI16, 0.0001f, 0),
     PerTensor(DType::kI16, 0.0003f, 0), 1e-6f},
    {PerTensor(DType::kI16, 0.0002f, 32767), PerTensor(DType::kU8, 0.01f, 255),
     PerTensor(DType::kI16, 0.0003f, -9), 0.5f},
};

TEST(IntegerRmsNorm, IsTheNearestStoredNumber) {
  std::mt19937 random(2);
  for (const NormCase& test : kNorms) {
    for (const int64_t gain_size : {0, 1, 37}) {
      const Affine in = AffineOf(test.in), gain = AffineOf(test.gain), out = AffineOf(test.out);
      const int64_t rows = 50, columns = 37;
      const std::vector<int64_t> x = RandomInts(random, in.dtype, rows * columns);
      const std::vector<int64_t> g = RandomInts(random, gain.dtype, gain_size);
      const Operand gain_operand =
          gain_size == 0 ? Omitted() : Quantised(test.gain, {gain_size}, g, true);
      ASSERT_OK_AND_ASSIGN(
          const std::vector<int64_t> y,
          RunInts(ir::RmsNorm{test.epsilon}, {Quantised(test.in, {rows, columns}, x), gain_operand},
                  test.out));
      for (int64_t r = 0; r < rows; ++r) {
        long double sum = 0;
        for (int64_t c = 0; c < columns; ++c)
          sum += std::pow((long double)in.Real(x[r * columns + c]), 2);
        const long double divisor = std::sqrt(sum / columns + test.epsilon);
        for (int64_t c = 0; c < columns; ++c) {
          const long double factor = gain_size == 0 ? 1 : gain.Real(g[gain_size == 1 ? 0 : c]);
          ExpectNearest(y[r * columns + c], in.Real(x[r * columns + c]) / divisor * factor, out,
                        kMultiplierSlack, absl::StrCat("row ", r, " column ", c));
        }
      }
      if (HasFailure()) return;
    }
  }
}

TEST(IntegerL2Norm, IsTheNearestStoredNumber) {
  std::mt19937 random(3);
  for (const auto& [q_in, q_out] :
       {std::pair(PerTensor(DType::kU8, 0.3f, 100), PerTensor(DType::kU8, 1.0f / 128, 128)),
        std::pair(PerTensor(DType::kI16, 0.01f, 0), PerTensor(DType::kI16, 0.00003f, 4))}) {
    const Affine in = AffineOf(q_in), out = AffineOf(q_out);
    const std::vector<int64_t> x = RandomInts(random, in.dtype, 40 * 19);
    ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> y,
                         RunInts(ir::L2Norm{}, {Quantised(q_in, {4, 10, 19}, x)}, q_out));
    for (int r = 0; r < 40; ++r) {
      long double sum = 0;
      for (int c = 0; c < 19; ++c) sum += std::pow((long double)in.Real(x[r * 19 + c]), 2);
      for (int c = 0; c < 19; ++c) {
        ExpectNearest(y[r * 19 + c], in.Real(x[r * 19 + c]) / std::sqrt(sum), out, kMultiplierSlack,
                      "l2");
      }
    }
  }
}

TEST(IntegerRmsNorm, RefusesAGainPerChannel) {
  const auto u8 = PerTensor(DType::kU8, 1.0f, 0);
  const ir::QuantPerChannel gain{DType::kU8, 0, {1.0f, 2.0f}, {0, 0}};
  EXPECT_THAT(RunInts(ir::RmsNorm{},
                      {Quantised(u8, {1, 2}, {1, 2}), Quantised(gain, {2}, {1, 1}, true)}, u8),
              IsUnsupported(HasSubstr("rms_norm(u8, u8 per channel) -> u8")));
}

}  // namespace
}  // namespace g4c::evaluator
