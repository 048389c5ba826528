#include "evaluator/integer_reduce.h"

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

TEST(IntegerReduce, ByHand) {
  const auto in = PerTensor(DType::kU8, 0.5f, 10);
  const auto out = PerTensor(DType::kI8, 0.5f, 1);
  const Operand x = Quantised(in, {2, 3}, {11, 12, 13, 9, 9, 20});
  EXPECT_THAT(RunInts(ir::ReduceSum{{1}, true}, {x}, out), IsOkAndHolds(ElementsAre(7, 9)));
  EXPECT_THAT(RunInts(ir::ReduceSum{{0}, false}, {x}, out), IsOkAndHolds(ElementsAre(1, 2, 14)));
  EXPECT_THAT(RunInts(ir::ReduceSum{{0, 1}, false}, {x}, out), IsOkAndHolds(ElementsAre(15)));
  // Means 0, 0.5 and 6.5 in steps: ties to even.
  EXPECT_THAT(RunInts(ir::ReduceMean{{0}, true}, {x}, out), IsOkAndHolds(ElementsAre(1, 1, 7)));
  EXPECT_THAT(RunInts(ir::ReduceMax{{1}, true}, {x}, out), IsOkAndHolds(ElementsAre(4, 11)));
  EXPECT_THAT(RunInts(ir::ReduceMin{{1}, true}, {x}, out), IsOkAndHolds(ElementsAre(2, 0)));
}

TEST(IntegerReduce, SumsOfTheMiddleAxisAreNearest) {
  std::mt19937 random(8);
  const auto q_in = PerTensor(DType::kI16, 0.001f, -32768);
  const auto q_out = PerTensor(DType::kI16, 0.7f, 0);
  const Affine in = AffineOf(q_in), out = AffineOf(q_out);
  const std::vector<int64_t> x = RandomInts(random, DType::kI16, 3 * 500 * 4);
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> sums,
                       RunInts(ir::ReduceSum{{1}, true}, {Quantised(q_in, {3, 500, 4}, x)}, q_out));
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> means,
                       RunInts(ir::ReduceMean{{1}, true}, {Quantised(q_in, {3, 500, 4}, x)}, q_in));
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) {
      long double sum = 0;
      for (int k = 0; k < 500; ++k) sum += in.Real(x[(i * 500 + k) * 4 + j]);
      ExpectNearest(sums[i * 4 + j], sum, out, kMultiplierSlack, "sum");
      ExpectNearest(means[i * 4 + j], sum / 500, in, kMultiplierSlack, "mean");
    }
  }
}

TEST(IntegerReduce, OverNothing) {
  const auto u8 = PerTensor(DType::kU8, 1.0f, 7);
  EXPECT_THAT(RunInts(ir::ReduceSum{{1}, false}, {Quantised(u8, {2, 0}, {})}, u8),
              IsOkAndHolds(ElementsAre(7, 7)));
  EXPECT_THAT(RunInts(ir::ReduceMean{{1}, false}, {Quantised(u8, {2, 0}, {})}, u8),
              IsUnsupported(HasSubstr("reduce_mean(u8) -> u8: it reduces over no element")));
}

TEST(IntegerReduce, ProductsHaveNoRule) {
  const auto u8 = PerTensor(DType::kU8, 1.0f, 7);
  EXPECT_THAT(RunInts(ir::ReduceProd{{0}, true}, {Quantised(u8, {2}, {1, 2})}, u8),
              IsUnsupported(HasSubstr("no integer rule for reduce_prod(u8) -> u8")));
}

}  // namespace
}  // namespace g4c::evaluator
