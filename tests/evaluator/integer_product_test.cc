#include "evaluator/integer_product.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/parallel.h"
#include "integer_model.h"
#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The rule, straight from the document: exact sum, one multiplier, one rounding.
int64_t Expected(int64_t acc, double scale_a, double scale_b, const Affine& out) {
  int exponent;
  const double fraction = std::frexp(scale_a * scale_b / out.scale, &exponent);
  const int64_t mantissa = static_cast<int64_t>(std::nearbyint(std::ldexp(fraction, 31)));
  const __int128 product = static_cast<__int128>(acc) * mantissa;
  const int shift = 31 - exponent;
  G4C_CHECK(shift > 0 && shift < 100);
  const __int128 half = static_cast<__int128>(1) << (shift - 1);
  __int128 rounded = (product + half) >> shift;
  if (((rounded << shift) - product) == half && (rounded & 1))
    --rounded;  // a tie that went up to odd
  const __int128 stored = rounded + out.zero_point;
  return static_cast<int64_t>(stored < out.min()   ? out.min()
                              : stored > out.max() ? out.max()
                                                   : stored);
}

TEST(IntegerFullyConnected, ByHand) {
  const auto in = PerTensor(DType::kU8, 0.5f, 10);
  const auto weight = PerTensor(DType::kI8, 0.25f, 0);
  const auto bias = PerTensor(DType::kI32, 0.125f, 0);
  const auto out = PerTensor(DType::kU8, 0.5f, 100);
  // (1 * 2 + 2 * 4) * 0.125 + 4 * 0.125 = 1.75: 3.5 steps, the tie goes to 4. (-1 - 2) * 0.125 -
  // 0.875 = -1.25: -2.5 -> -2.
  EXPECT_THAT(
      RunInts(ir::FullyConnected{},
              {Quantised(in, {1, 2}, {11, 12}), Quantised(weight, {2, 2}, {2, 4, -1, -1}, true),
               Quantised(bias, {2}, {4, -7}, true)},
              out),
      IsOkAndHolds(ElementsAre(104, 98)));
  EXPECT_THAT(RunInts(ir::FullyConnected{ir::Activation::kRelu},
                      {Quantised(in, {1, 2}, {11, 12}),
                       Quantised(weight, {2, 2}, {2, 4, -1, -1}, true), Omitted()},
                      out),
              IsOkAndHolds(ElementsAre(102, 100)));
}

struct LinearCase {
  DType in, weight;
  int64_t in_zero, weight_zero;
  bool per_channel;
  absl::optional<DType> bias;
  DType out;
};

const LinearCase kLinear[] = {
    {DType::kU8, DType::kU8, 128, 130, false, DType::kI32, DType::kU8},
    {DType::kU8, DType::kU8, 3, 120, true, DType::kI32, DType::kU8},
    {DType::kU8, DType::kI8, 255, 0, true, DType::kI32, DType::kI8},
    {DType::kI8, DType::kI8, -128, 5, true, absl::nullopt, DType::kI16},
    {DType::kI8, DType::kI4, 7, 0, true, DType::kI32, DType::kI8},
    {DType::kI8, DType::kU4, 0, 9, true, absl::nullopt, DType::kI8},
    {DType::kI16, DType::kU8, 0, 100, true, DType::kI64, DType::kI16},
    {DType::kI16, DType::kI16, 0, 0, true, DType::kI64, DType::kI16},
    {DType::kI16, DType::kI16, -32768, 32767, false, DType::kI32, DType::kI16},
    {DType::kU16, DType::kU8, 65535, 255, false, DType::kI64, DType::kU16},
    {DType::kU8, DType::kI16, 17, 0, false, absl::nullopt, DType::kI16},
};

TEST(IntegerFullyConnected, FollowsTheRuleExactly) {
  std::mt19937 random(5);
  // Depths around the chunks of 16 and 256, rows and columns around the tiles of 4, 32 and 64.
  const int64_t sizes[][3] = {{1, 1, 1}, {5, 17, 3}, {33, 300, 66}, {3, 1031, 5}};
  for (const LinearCase& test : kLinear) {
    for (const auto& [m, k, n] : sizes) {
      const auto q_in = PerTensor(test.in, 0.013f, test.in_zero);
      ir::QuantPerChannel q_weight{test.weight, 0, {}, {}};
      ir::QuantPerChannel q_bias{test.bias.value_or(DType::kI32), 0, {}, {}};
      for (int64_t j = 0; j < n; ++j) {
        q_weight.scales.push_back(test.per_channel ? 0.001f * static_cast<float>(1 + j % 7)
                                                   : 0.003f);
        q_weight.zero_points.push_back(test.weight_zero);
        q_bias.scales.push_back(0.013f * q_weight.scales.back());
        q_bias.zero_points.push_back(0);
      }
      // A result scale that neither saturates all nor rounds all to nothing.
      const double spread = std::sqrt(static_cast<double>(k)) * ir::MaxOf(test.in) *
                            ir::MaxOf(test.weight) * 0.013 * 0.003;
      const auto q_out = PerTensor(test.out, static_cast<float>(spread / ir::MaxOf(test.out)), 1);
      const Affine in = AffineOf(q_in), out = AffineOf(q_out);
      const std::vector<int64_t> x = RandomInts(random, test.in, m * k),
                                 w = RandomInts(random, test.weight, n * k);
      const std::vector<int64_t> b = RandomInts(random, DType::kI16, n);
      const ir::Quantization weight_qparams =
          test.per_channel ? ir::Quantization(q_weight)
                           : PerTensor(test.weight, 0.003f, test.weight_zero);
      std::vector<Operand> operands = {Quantised(q_in, {1, m, k}, x),
                                       Quantised(weight_qparams, {n, k}, w, true)};
      operands.push_back(test.bias.has_value() ? Quantised(q_bias, {n}, b, true) : Omitted());
      ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> y,
                           RunInts(ir::FullyConnected{}, operands, q_out));
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          int64_t acc = test.bias.has_value() ? b[j] : 0;
          for (int64_t l = 0; l < k; ++l)
            acc += (x[i * k + l] - test.in_zero) * (w[j * k + l] - test.weight_zero);
          EXPECT_EQ(y[i * n + j], Expected(acc, in.scale, q_weight.scales[j], out))
              << ir::DTypeName(test.in) << " x " << ir::DTypeName(test.weight) << " at " << i
              << ", " << j;
        }
      }
      if (HasFailure()) return;
    }
  }
}

TEST(IntegerFullyConnected, TheLargestProductsDoNotWrap) {
  // Depth 4099 of -32768 x -32768, and of 65535 steps from the zero point: beyond 32 bits after two
  // elements.
  const int64_t k = 4099;
  const float scale = 0x1p-14f;
  const auto in = PerTensor(DType::kI16, scale, 0);
  const auto out = PerTensor(DType::kI16, 1.0f, 0);
  const std::vector<int64_t> low(k, -32768), high(k, 32767);
  EXPECT_THAT(RunInts(ir::FullyConnected{},
                      {Quantised(in, {1, k}, low), Quantised(in, {1, k}, low, true)}, out),
              IsOkAndHolds(ElementsAre(4 * k)));
  const auto ends = PerTensor(DType::kI16, scale, -32768);
  // 65535^2 k 2^-28 = 65581.9, stored in steps of 16.
  EXPECT_THAT(RunInts(ir::FullyConnected{},
                      {Quantised(ends, {1, k}, high), Quantised(ends, {1, k}, high, true)},
                      PerTensor(DType::kI16, 16.0f, 0)),
              IsOkAndHolds(ElementsAre(4099)));
}

TEST(IntegerFullyConnected, RescalesABiasInOtherSteps) {
  const auto in = PerTensor(DType::kU8, 0.5f, 0);
  const auto weight = PerTensor(DType::kU8, 0.5f, 0);
  const auto out = PerTensor(DType::kU8, 0.25f, 0);
  // 1 x 1 in steps of 0.25 plus 3 in steps of 1: 13 steps. A scale within 2^-20 of 0.25 counts as
  // 0.25.
  const std::vector<Operand> operands = {Quantised(in, {1, 1}, {1}),
                                         Quantised(weight, {1, 1}, {1}, true)};
  EXPECT_THAT(
      RunInts(ir::FullyConnected{},
              {operands[0], operands[1], Quantised(PerTensor(DType::kI16, 1.0f, 0), {1}, {3})},
              out),
      IsOkAndHolds(ElementsAre(13)));
  EXPECT_THAT(
      RunInts(ir::FullyConnected{},
              {operands[0], operands[1], Quantised(PerTensor(DType::kU8, 1.0f, 2), {1}, {5})}, out),
      IsOkAndHolds(ElementsAre(13)));
  EXPECT_THAT(RunInts(ir::FullyConnected{},
                      {operands[0], operands[1],
                       Quantised(PerTensor(DType::kI32, 0.25000003f, 0), {1}, {200})},
                      out),
              IsOkAndHolds(ElementsAre(201)));
}

TEST(IntegerFullyConnected, RefusesWhatItHasNoRuleFor) {
  const auto u8 = PerTensor(DType::kU8, 1.0f, 0);
  const Operand x = Quantised(u8, {1, 2}, {1, 2});
  const Operand w = Quantised(u8, {2, 2}, {1, 2, 3, 4}, true);
  const ir::QuantPerChannel along_depth{DType::kU8, 1, {1.0f, 2.0f}, {0, 0}};
  EXPECT_THAT(
      RunInts(ir::FullyConnected{}, {x, Quantised(along_depth, {2, 2}, {1, 2, 3, 4}, true)}, u8),
      IsUnsupported(AllOf(HasSubstr("fully_connected(u8, u8 per channel) -> u8"),
                          HasSubstr("the per-channel axis of operand 1 'x1' is 1; only axis 0"))));
  EXPECT_THAT(
      RunInts(ir::FullyConnected{},
              {x, Quantised(PerTensor(DType::kI32, 1.0f, 0), {2, 2}, {1, 2, 3, 4}, true)}, u8),
      IsUnsupported(HasSubstr("fully_connected(u8, i32) -> u8")));
  EXPECT_THAT(RunInts(ir::FullyConnected{},
                      {x, w, Quantised(PerTensor(DType::kI64, 1.0f, 0), {2}, {0, 0})}, u8),
              IsUnsupported(HasSubstr("a bias of 64 bits must be a constant")));
  EXPECT_THAT(
      RunInts(ir::FullyConnected{},
              {x, w, Quantised(PerTensor(DType::kI64, 1.0f, 0), {2}, {0, INT64_MIN}, true)}, u8),
      IsUnsupported(HasSubstr("element 1 of the bias 'x2' is beyond 2^61 steps")));
}

TEST(IntegerBatchMatMul, FollowsTheRuleExactly) {
  std::mt19937 random(6);
  const auto q_a = PerTensor(DType::kI8, 0.02f, -3);
  const auto q_b = PerTensor(DType::kU8, 0.01f, 200);
  const auto q_out = PerTensor(DType::kI8, 0.5f, 4);
  const Affine a = AffineOf(q_a), b = AffineOf(q_b), out = AffineOf(q_out);
  const int64_t m = 5, k = 35, n = 6;
  for (const bool adj_x : {false, true}) {
    for (const bool adj_y : {false, true}) {
      // a [2, 1, m, k] and b [3, k, n] broadcast to [2, 3, m, n].
      const std::vector<int64_t> x = RandomInts(random, a.dtype, 2 * m * k),
                                 y = RandomInts(random, b.dtype, 3 * k * n);
      const ir::Dims x_dims = adj_x ? ir::Dims{2, 1, k, m} : ir::Dims{2, 1, m, k};
      const ir::Dims y_dims = adj_y ? ir::Dims{3, n, k} : ir::Dims{3, k, n};
      ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> z,
                           RunInts(ir::BatchMatMul{adj_x, adj_y},
                                   {Quantised(q_a, x_dims, x), Quantised(q_b, y_dims, y)}, q_out));
      ASSERT_EQ(z.size(), 2u * 3 * m * n);
      for (int64_t batch = 0; batch < 6; ++batch) {
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            int64_t acc = 0;
            for (int64_t l = 0; l < k; ++l) {
              const int64_t p =
                  x[batch / 3 * m * k + (adj_x ? l * m + i : i * k + l)] - a.zero_point;
              const int64_t q =
                  y[batch % 3 * k * n + (adj_y ? j * k + l : l * n + j)] - b.zero_point;
              acc += p * q;
            }
            EXPECT_EQ(z[(batch * m + i) * n + j], Expected(acc, a.scale, b.scale, out));
          }
        }
      }
    }
  }
}

TEST(IntegerBatchMatMul, TakesAConstantPerColumn) {
  const auto in = PerTensor(DType::kI8, 1.0f, 0);
  const ir::QuantPerChannel by_column{DType::kI8, 1, {1.0f, 0.5f}, {0, 0}};
  const ir::QuantPerChannel by_depth{DType::kI8, 0, {1.0f, 0.5f}, {0, 0}};
  const Operand x = Quantised(in, {1, 2}, {2, 4});
  EXPECT_THAT(RunInts(ir::BatchMatMul{}, {x, Quantised(by_column, {2, 2}, {1, 1, 1, 1}, true)}, in),
              IsOkAndHolds(ElementsAre(6, 3)));
  EXPECT_THAT(RunInts(ir::BatchMatMul{false, true},
                      {x, Quantised(by_depth, {2, 2}, {1, 1, 1, 1}, true)}, in),
              IsOkAndHolds(ElementsAre(6, 3)));
  EXPECT_THAT(RunInts(ir::BatchMatMul{}, {x, Quantised(by_depth, {2, 2}, {1, 1, 1, 1}, true)}, in),
              IsUnsupported(HasSubstr("only axis 1")));
}

// The shapes of the full-size encoder: every tile is full, and sums are as long as they get. Rows
// at the ends, in the middle and around the borders of tiles stand for all.
TEST(IntegerProduct, AtFullSizeSampledRowsFollowTheRule) {
  constexpr int64_t kTokens = 2520;
  const int64_t rows[] = {0, 3, 4, 31, 32, 1259, 1260, 2495, 2496, 2519};
  struct Case {
    DType a, b;
    int64_t k, n;
  };
  std::mt19937 random(8);
  for (const Case& c :
       {Case{DType::kU8, DType::kU8, 3072, 768}, Case{DType::kI8, DType::kI8, 768, 768},
        Case{DType::kI16, DType::kU8, 768, 768}, Case{DType::kI16, DType::kI16, 64, kTokens},
        Case{DType::kU8, DType::kU8, kTokens, 64}}) {
    // Zero points far from the middle make sums large: about a quarter of what the result holds.
    const auto q_a = PerTensor(c.a, 0.013f, ir::MinOf(c.a) / 2 + 3);
    const auto q_b = PerTensor(c.b, 0.003f, ir::MinOf(c.b) / 2 + 5);
    const double most = static_cast<double>(c.k) * ir::MaxOf(c.a) * ir::MaxOf(c.b);
    const auto q_out = PerTensor(c.a, static_cast<float>(most * 0.013 * 0.003 / ir::MaxOf(c.a)), 1);
    const Affine a = AffineOf(q_a), b = AffineOf(q_b), out = AffineOf(q_out);
    const std::vector<int64_t> x = RandomInts(random, c.a, kTokens * c.k);
    const std::vector<int64_t> w = RandomInts(random, c.b, c.n * c.k);
    ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> linear,
                         RunInts(ir::FullyConnected{},
                                 {Quantised(q_a, {1, kTokens, c.k}, x),
                                  Quantised(q_b, {c.n, c.k}, w, true), Omitted()},
                                 q_out));
    ASSERT_OK_AND_ASSIGN(
        const std::vector<int64_t> batched,
        RunInts(ir::BatchMatMul{false, true},
                {Quantised(q_a, {1, kTokens, c.k}, x), Quantised(q_b, {1, c.n, c.k}, w)}, q_out));
    for (const int64_t i : rows) {
      for (int64_t j = 0; j < c.n; ++j) {
        int64_t acc = 0;
        for (int64_t l = 0; l < c.k; ++l) {
          acc += (x[i * c.k + l] - a.zero_point) * (w[j * c.k + l] - b.zero_point);
        }
        const int64_t wanted = Expected(acc, a.scale, b.scale, out);
        ASSERT_LT(wanted, out.max());
        ASSERT_EQ(linear[i * c.n + j], wanted) << ir::DTypeName(c.a) << ": " << i << ", " << j;
        ASSERT_EQ(batched[i * c.n + j], wanted) << ir::DTypeName(c.a) << ": " << i << ", " << j;
      }
    }
  }
}

TEST(IntegerProduct, IsTheSameForAnyNumberOfThreads) {
  std::mt19937 random(7);
  const auto q = PerTensor(DType::kI16, 0.001f, 0);
  const auto out = PerTensor(DType::kI16, 2.0f, 0);
  const std::vector<Operand> operands = {
      Quantised(q, {3, 70, 90}, RandomInts(random, DType::kI16, 3 * 70 * 90)),
      Quantised(q, {3, 90, 65}, RandomInts(random, DType::kI16, 3 * 90 * 65))};
  const int before = NumThreads();
  SetNumThreads(1);
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> one, RunInts(ir::BatchMatMul{}, operands, out));
  SetNumThreads(3);
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> three, RunInts(ir::BatchMatMul{}, operands, out));
  SetNumThreads(before);
  EXPECT_EQ(one, three);
}

}  // namespace
}  // namespace g4c::evaluator
