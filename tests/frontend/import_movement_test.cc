// frontend/import_movement.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

TEST(ImportMovementTest, Flatten) {
  EXPECT_EQ(Outcome(Node("Flatten", {"x"}, {"y"})),
            "k   %y_constant: i64[1] = [0]; "
            "k   %y_constant_1: i64[1] = [0]; "
            "%y_shape = shape(%x) {end: 1}: i64[1]; "
            "%y_dynamic_reduce = dynamic_reduce(%y_shape, %y_constant) {kind: prod}: i64[1]; "
            "%y_shape_1 = shape(%x) {start: 1, end: 2}: i64[1]; "
            "%y_dynamic_reduce_1 = dynamic_reduce(%y_shape_1, %y_constant_1) {kind: prod}: i64[1]; "
            "%y_concat = concat(%y_dynamic_reduce, %y_dynamic_reduce_1): i64[2]; "
            "%y = dynamic_reshape(%x, %y_concat) {allow_zero: true}: f32[?, ?]");
  EXPECT_EQ(Outcome(Node("Flatten", {"x"}, {"y"}, {IntAttr("axis", 3)})),
            "invalid: axis 3 is outside of rank 2   Flatten 'n_y'");
  EXPECT_EQ(Outcome(Node("Flatten", {"x"}, {"y"}, {IntAttr("axis", -2)})),
            "k   %y_constant: i64[1] = [0]; "
            "k   %y_constant_1: i64[1] = [0]; "
            "%y_shape = shape(%x) {end: 0}: i64[0]; "
            "%y_dynamic_reduce = dynamic_reduce(%y_shape, %y_constant) {kind: prod}: i64[1]; "
            "%y_shape_1 = shape(%x) {end: 2}: i64[2]; "
            "%y_dynamic_reduce_1 = dynamic_reduce(%y_shape_1, %y_constant_1) {kind: prod}: i64[1]; "
            "%y_concat = concat(%y_dynamic_reduce, %y_dynamic_reduce_1): i64[2]; "
            "%y = dynamic_reshape(%x, %y_concat) {allow_zero: true}: f32[?, ?]");
}

TEST(ImportMovementTest, Transpose) {
  EXPECT_EQ(Outcome(Node("Transpose", {"x"}, {"y"})),
            "%y = transpose(%x) {perm: [1, 0]}: f32[3, 2]");
  EXPECT_EQ(Outcome(Node("Transpose", {"x"}, {"y"}, {IntsAttr("perm", {0, 0})})),
            "invalid: perm [0, 0] is no permutation   Transpose 'n_y'");
  EXPECT_EQ(Outcome(Node("Transpose", {"x"}, {"y"}, {IntsAttr("perm", {1})})),
            "invalid: perm has 1 entries for the shape [2, 3]   Transpose 'n_y'");
}

TEST(ImportMovementTest, Concat) {
  EXPECT_EQ(Outcome(Node("Concat", {"x", "x"}, {"y"})),
            "invalid: the attribute 'axis' is missing   Concat 'n_y'");
  EXPECT_EQ(Outcome(Node("Concat", {"x", "x"}, {"y"}, {IntAttr("axis", 2)})),
            "invalid: axis 2 is outside of rank 2   Concat 'n_y'");
  EXPECT_EQ(Outcome(Node("Concat", {"x", ""}, {"y"}, {IntAttr("axis", 0)})),
            "invalid: operand 1 of concat is missing   Concat 'n_y'");
  EXPECT_EQ(Outcome(Node("Concat", {"x", "", "x"}, {"y"}, {IntAttr("axis", 0)})),
            "invalid: operand 1 of concat is missing   Concat 'n_y'");
}

TEST(ImportMovementTest, Split) {
  EXPECT_EQ(Outcome(Node("Split", {"x"}, {"y", "z"}, {IntAttr("num_outputs", 3)})),
            "invalid: num_outputs is 3, but it has 2 results   Split 'n_y'");
  EXPECT_EQ(Outcome(Node("Split", {"x"}, {"y", "", "z"},
                         {IntAttr("num_outputs", 3), IntAttr("axis", 1)})),
            "%y, %y_unused, %z = dynamic_split(%x) {axis: 1}: f32[2, 1], f32[2, 1], f32[2, 1]");
  EXPECT_EQ(Outcome(Node("Split", {"x"}, {"y", "z"}, {IntAttr("axis", 7)}), {}, 13),
            "invalid: axis 7 is outside of rank 2   Split 'n_y'");
  EXPECT_EQ(Outcome(Node("Split", {"x", "s"}, {"y", "z"}), {Int64s("s", {2}, {1, 2})}),
            "invalid: the split sizes [1, 2] add to 3, not to 2   Split 'n_y'");
}

TEST(ImportMovementTest, Pad) {
  EXPECT_EQ(Outcome(Node("Pad", {"x", "p"}, {"y"}, {StringAttr("mode", "odd")}),
                    {Int64s("p", {4}, {0, 0, 0, 0})}),
            "invalid: mode is 'odd', none of constant, reflect, edge, wrap   Pad 'n_y'");
  EXPECT_EQ(Outcome(Node("Pad", {"x", "p"}, {"y"}, {StringAttr("mode", "wrap")}),
                    {Int64s("p", {4}, {0, 0, 0, 0})}),
            "invalid: mode 'wrap' exists since opset 19   Pad 'n_y'");
  EXPECT_EQ(Outcome(Node("Pad", {"x", "p", "", "a"}, {"y"}),
                    {Int64s("p", {2}, {0, 0}), Int64s("a", {1}, {0})}, 17),
            "invalid: 2 pads for 2 axes, which need 4   Pad 'n_y'");
  EXPECT_EQ(Outcome(Node("Pad", {"x", "p", "", "a"}, {"y"}),
                    {Int64s("p", {2}, {0, 0}), Int64s("a", {1}, {0})}, 18),
            "k   %p: i64[2] = splat(0); "
            "k   %a: i64[1] = [0]; "
            "%y = dynamic_pad(%x, %p, -, %a): f32[2, 3]");
}

TEST(ImportMovementTest, Gather) {
  EXPECT_EQ(
      Outcome(Node("Gather", {"x", "i"}, {"y"}, {IntAttr("axis", 2)}), {Int64s("i", {}, {0})}),
      "invalid: axis 2 is outside of rank 2   Gather 'n_y'");
  EXPECT_EQ(Outcome(Node("Gather", {"x", "x"}, {"y"})),
            "invalid: operand 1 must be i32 or i64, is f32   Gather 'n_y'");
}

TEST(ImportMovementTest, GatherND) {
  EXPECT_EQ(Outcome(Node("GatherND", {"x", "i"}, {"y"}, {IntAttr("batch_dims", 2)}),
                    {Int64s("i", {1}, {0})}),
            "invalid: 2 batch dimensions of [2, 3] and [1]   GatherND 'n_y'");
}

TEST(ImportMovementTest, ScatterND) {
  EXPECT_EQ(Outcome(Node("ScatterND", {"x", "i", "x"}, {"y"}, {StringAttr("reduction", "mean")}),
                    {Int64s("i", {1}, {0})}),
            "invalid: reduction is 'mean', none of none, add, mul, max, min   ScatterND 'n_y'");
}

TEST(ImportMovementTest, ScatterElements) {
  EXPECT_EQ(Outcome(Node("ScatterElements", {"x", "i", "x"}, {"y"},
                         {StringAttr("reduction", "max"), IntAttr("axis", 1)}),
                    {Int64s("i", {2, 3}, {0, 0, 0, 0, 0, 0})}),
            "k   %i: i64[2, 3] = splat(0); "
            "%y = scatter_elements(%x, %i, %x) {axis: 1, kind: max}: f32[2, 3]");
}

TEST(ImportMovementTest, Trilu) {
  EXPECT_EQ(Outcome(Node("Trilu", {"x"}, {"y"})), "%y = trilu(%x): f32[2, 3]");
  EXPECT_EQ(
      Outcome(Node("Trilu", {"x", "k"}, {"y"}, {IntAttr("upper", 0)}), {Int64s("k", {}, {1})}),
      "k   %k: i64[] = [1]; "
      "%y = trilu(%x, %k) {upper: false}: f32[2, 3]");
}

TEST(ImportMovementTest, Reshape) {
  EXPECT_EQ(Outcome(Node("Reshape", {"x", "s"}, {"y"}), {Int64s("s", {2}, {3, 3})}),
            "invalid: cannot reshape [2, 3] to [3, 3]   Reshape 'n_y'");
  EXPECT_EQ(Outcome(Node("Reshape", {"x", "s"}, {"y"}, {IntAttr("allowzero", 1)}),
                    {Int64s("s", {2}, {3, -1})}),
            "k   %s: i64[2] = [3, -1]; "
            "%y = dynamic_reshape(%x, %s) {allow_zero: true}: f32[3, 2]");
}

TEST(ImportMovementTest, Squeeze) {
  EXPECT_EQ(Outcome(Node("Squeeze", {"x", "s"}, {"y"}), {Int64s("s", {1}, {0})}),
            "invalid: cannot squeeze axis 0 of [2, 3]: it is not 1   Squeeze 'n_y'");
}

TEST(ImportMovementTest, Unsqueeze) {
  EXPECT_EQ(Outcome(Node("Unsqueeze", {"x", "s"}, {"y"}), {Int64s("s", {1}, {5})}),
            "invalid: axis 5 is outside of rank 3   Unsqueeze 'n_y'");
}

TEST(ImportMovementTest, Slice) {
  EXPECT_EQ(Outcome(Node("Slice", {"x", "s", "s", "s", "z"}, {"y"}),
                    {Int64s("s", {1}, {0}), Int64s("z", {1}, {0})}),
            "invalid: slice step 0   Slice 'n_y'");
}

TEST(ImportMovementTest, Expand) {
  EXPECT_EQ(Outcome(Node("Expand", {"x", "s"}, {"y"}), {Int64s("s", {1}, {5})}),
            "invalid: shapes [2, 3] and [5] do not broadcast   Expand 'n_y'");
}

TEST(ImportMovementTest, Tile) {
  EXPECT_EQ(Outcome(Node("Tile", {"x", "s"}, {"y"}), {Int64s("s", {1}, {5})}),
            "invalid: 1 repeats for the shape [2, 3]   Tile 'n_y'");
}

}  // namespace
}  // namespace g4c::frontend
