#include "evaluator/integer_movement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ir::Quantization kIn = PerTensor(DType::kU8, 0.5f, 10);
const ir::Quantization kOther = PerTensor(DType::kU8, 0.25f, 0);

struct MoveCase {
  const char* name;
  ir::Op op;
  std::vector<int64_t> expected;
};

// Of [[1, 2, 3], [4, 5, 6]].
const MoveCase kMoves[] = {
    {"reshape", ir::Reshape{{3, 2}}, {1, 2, 3, 4, 5, 6}},
    {"transpose", ir::Transpose{{1, 0}}, {1, 4, 2, 5, 3, 6}},
    {"slice", ir::Slice{{0, 2}, {2, 2}, {1, -1}}, {3, 2, 6, 5}},
    {"broadcast_to", ir::BroadcastTo{{2, 2, 3}}, {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}},
    {"tile", ir::Tile{{1, 2}}, {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}},
};

TEST(IntegerMovement, CopiesStoredIntegersWhateverTheQparamsSay) {
  for (const DType dtype : {DType::kU8, DType::kI8, DType::kI16}) {
    const auto in = PerTensor(dtype, 0.5f, 10), other = PerTensor(dtype, 0.25f, 0);
    for (const MoveCase& test : kMoves) {
      const Operand x = Quantised(in, {2, 3}, {1, 2, 3, 4, 5, 6});
      EXPECT_THAT(RunInts(test.op, {x}, in), IsOkAndHolds(test.expected)) << test.name;
      EXPECT_THAT(RunInts(test.op, {x}, other), IsOkAndHolds(test.expected)) << test.name;
    }
  }
}

TEST(IntegerMovement, SeveralResultsAreCopiedEachToItsOwnQparams) {
  const Operand x = Quantised(kIn, {2, 3}, {1, 2, 3, 4, 5, 6});
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> split,
                       RunStored(ir::Split{1, {1, 2}}, {x}, {kIn, kOther}));
  EXPECT_THAT(split[0].Ints(), ElementsAre(1, 4));
  EXPECT_THAT(split[1].Ints(), ElementsAre(2, 3, 5, 6));
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> unpacked,
                       RunStored(ir::Unpack{0}, {x}, {kIn, kIn}));
  EXPECT_THAT(unpacked[1].Ints(), ElementsAre(4, 5, 6));
}

TEST(IntegerMovement, GathersByPlainIndices) {
  const Operand x = Quantised(kIn, {3}, {7, 8, 9});
  EXPECT_THAT(RunInts(ir::Gather{0}, {x, Plain(IntTensor(DType::kI32, {2}, {2, 0}))}, kIn),
              IsOkAndHolds(ElementsAre(9, 7)));
  EXPECT_THAT(RunInts(ir::GatherNd{0}, {x, Plain(IntTensor(DType::kI64, {1, 1}, {1}))}, kIn),
              IsOkAndHolds(ElementsAre(8)));
}

TEST(IntegerPad, QuantisesItsValue) {
  const Operand x = Quantised(kIn, {2}, {1, 2});
  EXPECT_THAT(RunInts(ir::Pad{{1}, {1}, ir::PadMode::kConstant, 0.0}, {x}, kIn),
              IsOkAndHolds(ElementsAre(10, 1, 2, 10)));
  EXPECT_THAT(RunInts(ir::Pad{{0}, {1}, ir::PadMode::kConstant, 1.5}, {x}, kIn),
              IsOkAndHolds(ElementsAre(1, 2, 13)));
  EXPECT_THAT(RunInts(ir::Pad{{0}, {1}, ir::PadMode::kConstant, -1e30}, {x}, kIn),
              IsOkAndHolds(ElementsAre(1, 2, 0)));
  EXPECT_THAT(RunInts(ir::Pad{{1}, {1}, ir::PadMode::kEdge, 0.0}, {x}, kIn),
              IsOkAndHolds(ElementsAre(1, 1, 2, 2)));
}

TEST(IntegerMovement, SeveralOperandsAreRequantisedWhereTheyDiffer) {
  const Operand x = Quantised(kIn, {2}, {10, 12});   // 0, 1
  const Operand y = Quantised(kOther, {2}, {4, 8});  // 1, 2
  const Operand wide = Quantised(PerTensor(DType::kI16, 0.001f, 0), {2}, {1000, -32768});
  EXPECT_THAT(RunInts(ir::Concat{0}, {x, x}, kIn), IsOkAndHolds(ElementsAre(10, 12, 10, 12)));
  EXPECT_THAT(RunInts(ir::Concat{0}, {x, y, wide}, kIn),
              IsOkAndHolds(ElementsAre(10, 12, 12, 14, 12, 0)));
  EXPECT_THAT(RunInts(ir::Pack{1}, {x, y}, kIn), IsOkAndHolds(ElementsAre(10, 12, 12, 14)));
  const Operand condition = Plain(IntTensor(DType::kBool, {2}, {1, 0}));
  EXPECT_THAT(RunInts(ir::Select{}, {condition, x, y}, kIn), IsOkAndHolds(ElementsAre(10, 14)));
}

TEST(IntegerMovement, RefusesToCopyIntoAnotherDtype) {
  EXPECT_THAT(
      RunInts(ir::Reshape{{2}}, {Quantised(kIn, {2, 1}, {1, 2})}, PerTensor(DType::kI8, 0.5f, 0)),
      IsUnsupported(HasSubstr("reshape(u8) -> i8: it copies stored integers")));
}

}  // namespace
}  // namespace g4c::evaluator
