// What the shape rules' tests (shape_inference_test.cc) cannot see of the resolved operands.
#include "ir/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/einsum.h"
#include "tests/support/status_matchers.h"

namespace g4c::ir {
namespace {

using ::testing::ElementsAre;

TEST(ResolveSlice, ClampsAsNumPyDoes) {
  struct Case {
    int64_t dim, start, end, step;
    int64_t begin, size, stride;
  };
  const Case kCases[] = {
      {5, 0, INT64_MAX, 1, 0, 5, 1},
      {5, 1, 3, 1, 1, 2, 1},
      {5, -2, INT64_MAX, 1, 3, 2, 1},
      {5, -100, 100, 1, 0, 5, 1},
      {5, 3, 2, 1, 0, 0, 1},
      {5, 5, 9, 1, 0, 0, 1},
      {5, 0, 5, 2, 0, 3, 2},
      {5, 1, 5, 3, 1, 2, 3},
      {5, 4, 5, 7, 4, 1, 1},
      {5, -1, INT64_MIN, -1, 4, 5, -1},
      {5, 4, -6, -1, 4, 5, -1},
      {5, 4, 0, -1, 4, 4, -1},
      {5, 100, -100, -2, 4, 3, -2},
      {5, 0, 4, -1, 0, 0, 1},
      {5, 3, 1, -5, 3, 1, 1},
      {0, 0, 5, 1, 0, 0, 1},
      {0, -1, INT64_MIN, -1, 0, 0, 1},
      {5, INT64_MAX, INT64_MIN, INT64_MIN + 1, 4, 1, 1},
      {5, 0, INT64_MAX, INT64_MAX, 0, 1, 1},
  };
  for (const Case& c : kCases) {
    ASSERT_OK_AND_ASSIGN(const Slice slice, ResolveSlice(Shape({c.dim}), {c.start}, {c.end},
                                                         absl::nullopt, Ints{c.step}));
    EXPECT_EQ(slice, (Slice{{c.begin}, {c.size}, {c.stride}}))
        << c.dim << ": " << c.start << ":" << c.end << ":" << c.step;
  }
}

TEST(ResolveSlice, LeavesOtherAxesAndUnknownDims) {
  ASSERT_OK_AND_ASSIGN(const Slice slice, ResolveSlice(Shape({kUnknownDim, 4, kUnknownDim}), {1, 2},
                                                       {2, 3}, Ints{-1, 1}, absl::nullopt));
  EXPECT_EQ(slice, (Slice{{0, 2, 0}, {kUnknownDim, 1, kUnknownDim}, {1, 1, 1}}));
  EXPECT_THAT(ResolveSlice(Shape({2}), {0, 0}, {1, 1}, absl::nullopt, absl::nullopt),
              IsInvalidInput("2 slices of the shape [2]"));
}

TEST(ResolvePads, SplitsIntoCropAndPad) {
  ASSERT_OK_AND_ASSIGN(Padding padding, ResolvePads(3, {-1, 2, 3, -2}, Ints{-1, 0}));
  EXPECT_THAT(padding.before, ElementsAre(2, 0, -1));
  EXPECT_THAT(padding.after, ElementsAre(-2, 0, 3));
  ASSERT_OK_AND_ASSIGN(const Slice crop, TakeCrop({4, 5, 6}, padding));
  EXPECT_EQ(crop, (Slice{{0, 0, 1}, {2, 5, 5}, {1, 1, 1}}));
  EXPECT_THAT(padding.before, ElementsAre(2, 0, 0));
  EXPECT_THAT(padding.after, ElementsAre(0, 0, 3));
  Padding all = {{-2}, {-2}};
  ASSERT_OK_AND_ASSIGN(const Slice nothing, TakeCrop({4}, all));
  EXPECT_EQ(nothing, (Slice{{0}, {0}, {1}}));
  Padding more = {{-3}, {-2}};
  EXPECT_THAT(TakeCrop({4}, more), IsInvalidInput("pads -3 and -2 of axis 0 crop more than [4]"));
  EXPECT_THAT(ResolvePads(2, {1, 1, 1, 1}, Ints{0, 0}), IsInvalidInput("axis 0 is given twice"));
}

TEST(ResolveSplit, MakesTheLastPieceSmaller) {
  EXPECT_THAT(ResolveSplit(7, absl::nullopt, 3), IsOkAndHolds(Ints{3, 3, 1}));
  EXPECT_THAT(ResolveSplit(6, absl::nullopt, 3), IsOkAndHolds(Ints{2, 2, 2}));
  EXPECT_THAT(ResolveSplit(5, absl::nullopt, 4), IsInvalidInput("cannot split 5 into 4 pieces"));
  EXPECT_THAT(ResolveSplit(kUnknownDim, Ints{1, 2}, 2), IsOkAndHolds(Ints{1, 2}));
}

TEST(ResolveSplitItem, FindsThePiece) {
  const Tensor two = Tensor::ScalarI64(2);
  const Tensor list = Tensor::I64({1, 0, 4});
  const auto piece = [](const SplitItem& op, const Tensor* split, int64_t index) {
    const auto found = ResolveSplitItem(op, {3, 5}, split, index);
    return found.ok()
               ? std::vector<int64_t>{found->axis, found->begin, found->size, found->drop_axis}
               : std::vector<int64_t>{};
  };
  EXPECT_THAT(piece({1, true}, &two, 1), ElementsAre(1, 2, 2, 0));
  EXPECT_THAT(piece({-1, false}, &two, -1), ElementsAre(1, 4, 1, 0));
  EXPECT_THAT(piece({1, true}, &list, 2), ElementsAre(1, 1, 4, 0));
  EXPECT_THAT(piece({1, true}, &list, -2), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(piece({1, true}, nullptr, 3), ElementsAre(1, 3, 1, 0));
  EXPECT_THAT(piece({0, false}, nullptr, -1), ElementsAre(0, 2, 1, 1));
  EXPECT_THAT(piece({0, false}, nullptr, 3), ElementsAre());
}

TEST(RangeLength, IsExact) {
  const auto length = [](double start, double limit, double delta, DType dtype) {
    return RangeLength(Tensor::FromDoubles(dtype, {}, {start}),
                       Tensor::FromDoubles(dtype, {}, {limit}),
                       Tensor::FromDoubles(dtype, {}, {delta}));
  };
  EXPECT_THAT(length(0, 10, 3, DType::kI64), IsOkAndHolds(4));
  EXPECT_THAT(length(0, 9, 3, DType::kI32), IsOkAndHolds(3));
  EXPECT_THAT(length(10, 0, -3, DType::kI16), IsOkAndHolds(4));
  EXPECT_THAT(length(0, 1, 0.1, DType::kF64), IsOkAndHolds(10));
  EXPECT_THAT(length(1, 1, 1, DType::kF32), IsOkAndHolds(0));
  EXPECT_THAT(length(0, 1, -1, DType::kF32), IsOkAndHolds(0));
  const Tensor low = Tensor::ScalarI64(INT64_MIN), high = Tensor::ScalarI64(INT64_MAX);
  EXPECT_THAT(RangeLength(low, high, Tensor::ScalarI64(1)),
              IsInvalidInput("range of too many elements"));
  EXPECT_THAT(RangeLength(low, high, high), IsOkAndHolds(3));
}

TEST(ResolveConv, GivesPadsOfEveryMode) {
  const Shape x({1, 3, 7, 8}), weight({4, 3, 2, 3});
  struct Case {
    Conv op;
    Ints before, after;
    Dims out;
  };
  const Case kCases[] = {
      {Conv{"NOTSET", {}, 1, {1, 0, 2, 3}, {}}, {1, 0}, {2, 3}, {9, 9}},
      {Conv{"VALID", {}, 1, {1, 0, 2, 3}, {2, 2}}, {0, 0}, {0, 0}, {3, 3}},
      {Conv{"SAME_UPPER", {}, 1, {}, {2, 2}}, {0, 0}, {1, 1}, {4, 4}},
      {Conv{"SAME_LOWER", {}, 1, {}, {2, 2}}, {1, 1}, {0, 0}, {4, 4}},
      {Conv{"NOTSET", {2, 2}, 1, {}, {}}, {0, 0}, {0, 0}, {5, 4}},
  };
  for (const Case& c : kCases) {
    ASSERT_OK_AND_ASSIGN(const ConvWindow window, ResolveConv(c.op, x, weight));
    EXPECT_EQ(window.pads_before, c.before) << c.op.auto_pad;
    EXPECT_EQ(window.pads_after, c.after) << c.op.auto_pad;
    EXPECT_EQ(window.out, c.out) << c.op.auto_pad;
    EXPECT_EQ(window.kernel, (Ints{2, 3}));
  }
  EXPECT_THAT(ResolveConv(Conv{"NOTSET", {}, 1, {1, 1}, {}}, x, weight),
              IsInvalidInput("2 pads for 2 spatial axes, which need 4"));
  EXPECT_THAT(ResolveConv(Conv{"NOTSET", {}, 1, {}, {0, 1}}, x, weight),
              IsInvalidInput("strides of 0, must be from 1 to 2147483647"));
  // Sums of such sizes must not overflow.
  constexpr int64_t kMax = INT64_MAX, kMost = INT32_MAX;
  EXPECT_THAT(ResolveConv(Conv{"NOTSET", {}, 1, {0, 0, 0, kMax}, {}}, x, weight),
              IsInvalidInput("pads of 9223372036854775807, must be from 0 to 2147483647"));
  EXPECT_THAT(ResolveConv(Conv{"NOTSET", {kMax, 1}, 1, {}, {}}, x, weight),
              IsInvalidInput("dilations of 9223372036854775807, must be from 1 to 2147483647"));
  EXPECT_THAT(ResolveConv(Conv{"NOTSET", {}, 0, {}, {}}, x, weight),
              IsInvalidInput("group of 0, must be from 1 to 2147483647"));
  EXPECT_THAT(ResolveConv(Conv{}, x, Shape{4, 3, 2, kMost + 1}),
              IsInvalidInput("a kernel of 2147483648, must be from 0 to 2147483647"));
  EXPECT_OK(ResolveConv(Conv{"SAME_UPPER", {kMost, kMost}, 1, {}, {kMost, kMost}}, x, weight));
}

TEST(FusedMatMulPerm, MovesTheBatchAxis) {
  EXPECT_THAT(FusedMatMulPerm(4, false, false), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(FusedMatMulPerm(4, true, false), ElementsAre(0, 1, 3, 2));
  EXPECT_THAT(FusedMatMulPerm(4, false, true), ElementsAre(1, 2, 0, 3));
  EXPECT_THAT(FusedMatMulPerm(4, true, true), ElementsAre(1, 2, 3, 0));
  EXPECT_THAT(FusedMatMulPerm(2, true, true), ElementsAre(1, 0));
  EXPECT_THAT(FusedMatMulPerm(1, true, false), ElementsAre(0));
}

TEST(ParseEinsum, NumbersLabels) {
  ASSERT_OK_AND_ASSIGN(const EinsumTerms terms, ParseEinsum("b...i,...ij->...jb", {4, 3}));
  EXPECT_EQ(terms.num_labels, 5);  // two of the ellipsis, then b, i, j
  EXPECT_THAT(terms.inputs[0], ElementsAre(2, 0, 1, 3));
  EXPECT_THAT(terms.inputs[1], ElementsAre(1, 3, 4));
  EXPECT_THAT(terms.output, ElementsAre(0, 1, 4, 2));
  ASSERT_OK_AND_ASSIGN(const EinsumTerms implicit, ParseEinsum("bA,bc", {2, 2}));
  EXPECT_THAT(implicit.output, ElementsAre(1, 2));  // A, then c; b is summed over
  EXPECT_THAT(ParseEinsum("i....j", {3}), IsInvalidInput("bad einsum term 'i....j'"));
  EXPECT_THAT(ParseEinsum("...i...", {3}), IsInvalidInput("bad einsum term '...i...'"));
  EXPECT_THAT(ParseEinsum("ij...", {1}),
              IsInvalidInput("einsum term 'ij...' for an operand of rank 1"));
}

}  // namespace
}  // namespace g4c::ir
