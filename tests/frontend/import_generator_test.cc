// frontend/import_generator.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

using onnx::TensorProto;

TEST(ImportGeneratorTest, Shape) {
  EXPECT_EQ(Outcome(Node("Shape", {"x"}, {"y"}, {IntAttr("start", 1)})),
            "%y = shape(%x) {start: 1}: i64[1]");
}

TEST(ImportGeneratorTest, Size) {
  EXPECT_EQ(Outcome(Node("Size", {"x"}, {"y"})),
            "k   %y_constant: i64[1] = [0]; "
            "%y_shape = shape(%x): i64[2]; "
            "%y = dynamic_reduce(%y_shape, %y_constant) {kind: prod, keep_dims: false}: i64[]");
}

TEST(ImportGeneratorTest, Constant) {
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"})), "invalid: it has no value   Constant 'n_y'");
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"}, {IntAttr("value_float", 1)})),
            "invalid: attribute 'value_float' is not of the type that Constant gives it, or is "
            "given twice   Constant 'n_y'");
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"}, {FloatAttr("value_float", 1.5f)})),
            "k   %y: f32[] = [1.5]");
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"}, {IntsAttr("value_ints", {3, 4})})),
            "k   %y: i64[2] = [3, 4]");
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"}, {StringAttr("value_string", "a")})),
            "unsupported: a constant with the attribute 'value_string'   Constant 'n_y'");
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"}, {TensorAttr("value", Floats("", {2}, {1}))})),
            "invalid: attribute 'value': 1 elements of data, but f32[2] needs 2   Constant 'n_y'");
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"}, {TensorAttr("value", Floats("", {2}, {1, 2}))})),
            "k   %y: f32[2] = [1, 2]");
  EXPECT_EQ(Outcome(Node("Constant", {}, {"y"},
                         {TensorAttr("value", Raw("", TensorProto::FLOAT16, {1}, "ab"))})),
            "k   %y: f32[1] = f16 [816.5]");
  EXPECT_EQ(
      Outcome(Node("Constant", {}, {"y"}, {IntAttr("value_int", 1), FloatAttr("value_float", 2)})),
      "invalid: it has several values: value_float, value_int   Constant 'n_y'");
}

TEST(ImportGeneratorTest, ConstantOfShape) {
  EXPECT_EQ(Outcome(Node("ConstantOfShape", {"s"}, {"y"}), {Int64s("s", {2}, {2, 2})}),
            "k   %y_constant: f32[] = [0]; "
            "k   %s: i64[2] = splat(2); "
            "%y = dynamic_expand(%y_constant, %s): f32[2, 2]");
  EXPECT_EQ(
      Outcome(Node("ConstantOfShape", {"s"}, {"y"}, {TensorAttr("value", Int64s("", {1}, {7}))}),
              {Int64s("s", {2}, {2, 2})}),
      "k   %y_constant: i64[] = [7]; "
      "k   %s: i64[2] = splat(2); "
      "%y = dynamic_expand(%y_constant, %s): i64[2, 2]");
  EXPECT_EQ(
      Outcome(Node("ConstantOfShape", {"s"}, {"y"}, {TensorAttr("value", Int64s("", {2}, {7, 8}))}),
              {Int64s("s", {2}, {2, 2})}),
      "invalid: its value has 2 elements, not 1   ConstantOfShape 'n_y'");
}

TEST(ImportGeneratorTest, Range) {
  EXPECT_EQ(Outcome(Node("Range", {"a", "a", "a"}, {"y"}), {Int64s("a", {}, {2})}),
            "k   %a: i64[] = [2]; "
            "%y = range(%a, %a, %a): i64[0]");
  EXPECT_EQ(
      Outcome(Node("Range", {"a", "a", "b"}, {"y"}), {Int64s("a", {}, {2}), Floats("b", {}, {1})}),
      "invalid: operands 0 and 2 differ in dtype: i64 and f32   Range 'n_y'");
}

TEST(ImportGeneratorTest, NonZero) {
  EXPECT_EQ(Outcome(Node("NonZero", {"x"}, {"y"})), "%y = non_zero(%x): i64[2, ?]");
}

TEST(ImportGeneratorTest, OneHot) {
  EXPECT_EQ(Outcome(Node("OneHot", {"i", "d", "v"}, {"y"}),
                    {Int64s("i", {2}, {0, 1}), Int64s("d", {}, {3}), Floats("v", {2}, {0, 1})}),
            "k   %i: i64[2] = [0, 1]; "
            "k   %d: i64[] = [3]; "
            "k   %v: f32[2] = [0, 1]; "
            "%y = one_hot(%i, %d, %v): f32[2, 3]");
}

}  // namespace
}  // namespace g4c::frontend
