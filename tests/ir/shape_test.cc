#include "ir/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace g4c::ir {
namespace {

constexpr int64_t kU = kUnknownDim;

TEST(Shape, KnowsWhatIsStatic) {
  EXPECT_TRUE(Shape(Dims{}).IsStatic());
  EXPECT_TRUE(Shape({2, 0}).IsStatic());
  EXPECT_FALSE(Shape({2, kU}).IsStatic());
  EXPECT_FALSE(Shape().IsStatic());
  EXPECT_FALSE(Shape() == Shape(Dims{}));
}

TEST(Shape, HasText) {
  EXPECT_EQ(ShapeText(Shape({1, kU, 64})), "[1, ?, 64]");
  EXPECT_EQ(ShapeText(Shape()), "[*]");
  EXPECT_EQ(ShapeText(Shape(Dims{})), "[]");
}

TEST(CheckedNumElements, RefusesWhatOverflowsOrIsNegative) {
  EXPECT_THAT(CheckedNumElements({}), IsOkAndHolds(1));
  EXPECT_THAT(CheckedNumElements({2, 3, 4}), IsOkAndHolds(24));
  EXPECT_THAT(CheckedNumElements({int64_t{1} << 31, int64_t{1} << 31}),
              IsOkAndHolds(int64_t{1} << 62));
  EXPECT_THAT(CheckedNumElements({int64_t{1} << 31, int64_t{1} << 31, 2}),
              IsInvalidInput(::testing::HasSubstr("overflows")));
  EXPECT_THAT(CheckedNumElements({INT64_MAX, INT64_MAX}),
              IsInvalidInput(::testing::HasSubstr("overflows")));
  EXPECT_THAT(CheckedNumElements({2, -1}),
              IsInvalidInput(::testing::HasSubstr("negative dimension")));
  EXPECT_THAT(CheckedNumElements({2, 0}), IsOkAndHolds(0));
  // Nothing in it, but strides that overflow.
  EXPECT_THAT(CheckedNumElements({0, int64_t{1} << 61, 8}),
              IsInvalidInput(::testing::HasSubstr("overflows")));
}

TEST(RowMajorStrides, CountElements) { EXPECT_EQ(RowMajorStrides({2, 3, 4}), (Dims{12, 4, 1})); }

TEST(NormalizeAxis, CountsFromBothEnds) {
  EXPECT_THAT(NormalizeAxis(-3, 3), IsOkAndHolds(0));
  EXPECT_THAT(NormalizeAxis(2, 3), IsOkAndHolds(2));
  EXPECT_THAT(NormalizeAxis(3, 3), IsInvalidInput("axis 3 is outside of rank 3"));
  EXPECT_THAT(NormalizeAxis(-4, 3), IsInvalidInput("axis -4 is outside of rank 3"));
  EXPECT_THAT(NormalizeAxis(0, 0), IsInvalidInput("axis 0 is outside of rank 0"));
}

TEST(BroadcastShapes, IsSymmetricAndKeepsWhatIsNotKnown) {
  struct Case {
    Shape a, b, expected;
  };
  const Case kCases[] = {
      {{2, 3}, {3}, {2, 3}},     {{2, 1}, {1, 3}, {2, 3}},
      {Shape(Dims{}), {4}, {4}}, {{0}, {1}, {0}},
      {{kU}, {1}, {kU}},         {{kU}, {5}, {5}},
      {{kU}, {kU}, {kU}},        {{kU, 1}, {7}, {kU, 7}},
      {Shape(), {5}, Shape()},   {Shape(), Shape(), Shape()},
  };
  for (const Case& c : kCases) {
    EXPECT_THAT(BroadcastShapes(c.a, c.b), IsOkAndHolds(c.expected))
        << ShapeText(c.a) << ShapeText(c.b);
    EXPECT_THAT(BroadcastShapes(c.b, c.a), IsOkAndHolds(c.expected))
        << ShapeText(c.b) << ShapeText(c.a);
  }
  EXPECT_THAT(BroadcastShapes({2, 3}, {4}),
              IsInvalidInput("shapes [2, 3] and [4] do not broadcast"));
  EXPECT_THAT(BroadcastShapes({0}, {2}), IsInvalidInput(::testing::_));
}

}  // namespace
}  // namespace g4c::ir
