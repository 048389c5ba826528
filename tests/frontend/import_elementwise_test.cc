// frontend/import_elementwise.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

using onnx::TensorProto;

TEST(ImportElementwiseTest, Dropout) {
  EXPECT_EQ(Outcome(Node("Dropout", {"x"}, {"y"})), "");
  EXPECT_EQ(
      Outcome(Node("Dropout", {"x", "r", "t"}, {"y"}), {Floats("r", {}, {0.5f}), Bool("t", true)}),
      "unsupported: training_mode must be constant and false; "
      "export in eval mode   Dropout 'n_y'");
  EXPECT_EQ(Outcome(Node("Dropout", {"x", "", "r"}, {"y"}), {Floats("r", {}, {0.5f})}),
            "invalid: training_mode is f32, not bool   Dropout 'n_y'");
  EXPECT_EQ(Outcome(Node("Dropout", {"x", "", "t"}, {"y"}), {Bool("t", false)}), "");
}

TEST(ImportElementwiseTest, Reciprocal) {
  EXPECT_EQ(Outcome(Node("Reciprocal", {"x"}, {"y"})),
            "k   %y_constant: f32[] = [1]; "
            "%y = div(%y_constant, %x): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("Reciprocal", {"w"}, {"y"}), {Int64s("w", {1}, {1})}),
            "invalid: operands 0 and 1 differ in dtype: f32 and i64   Reciprocal 'n_y'");
}

TEST(ImportElementwiseTest, Mod) {
  EXPECT_EQ(Outcome(Node("Mod", {"x", "x"}, {"y"})),
            "invalid: a float operand needs fmod = 1   Mod 'n_y'");
  EXPECT_EQ(Outcome(Node("Mod", {"x", "x"}, {"y"}, {IntAttr("fmod", 1)})),
            "%y = mod(%x, %x) {fmod: true}: f32[2, 3]");
}

TEST(ImportElementwiseTest, Pow) {
  EXPECT_EQ(Outcome(Node("Pow", {"x", "w"}, {"y"}), {Int64s("w", {}, {2})}),
            "k   %w: i64[] = [2]; "
            "%y_cast = cast(%w) {to: f32}: f32[]; "
            "%y = pow(%x, %y_cast): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("Pow", {"w", "x"}, {"y"}), {Int64s("w", {}, {2})}),
            "k   %w: i64[] = [2]; "
            "%y_cast = cast(%w) {to: f32}: f32[]; "
            "%y_pow = pow(%y_cast, %x): f32[2, 3]; "
            "%y = cast(%y_pow) {to: i64}: i64[2, 3]");
  EXPECT_EQ(Outcome(Node("Pow", {"x", "w"}, {"y"}), {Bool("w", true)}),
            "k   %w: bool[] = [true]; "
            "%y_cast = cast(%w) {to: f32}: f32[]; "
            "%y = pow(%x, %y_cast): f32[2, 3]");
}

TEST(ImportElementwiseTest, Max) {
  EXPECT_EQ(Outcome(Node("Max", {"x"}, {"y"})), "");
  EXPECT_EQ(Outcome(Node("Max", {"x", "x", "x"}, {"y"})),
            "%y_maximum = maximum(%x, %x): f32[2, 3]; "
            "%y = maximum(%y_maximum, %x): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("Max", {"x", "", "x"}, {"y"})),
            "invalid: operand 1 of maximum is missing   Max 'n_y'");
  EXPECT_EQ(Outcome(Node("Max", {}, {"y"})),
            "invalid: operand 0 is missing; "
            "it takes 1 or more   Max 'n_y'");
}

TEST(ImportElementwiseTest, Mean) {
  EXPECT_EQ(Outcome(Node("Mean", {"x", "x"}, {"y"})),
            "k   %y_constant: f32[] = [2]; "
            "%y_add = add(%x, %x): f32[2, 3]; "
            "%y = div(%y_add, %y_constant): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("Mean", {"x"}, {"y"})), "");
}

TEST(ImportElementwiseTest, Clip) {
  EXPECT_EQ(Outcome(Node("Clip", {"x"}, {"y"})), "");
  EXPECT_EQ(Outcome(Node("Clip", {"x", "l", "l"}, {"y"}), {Floats("l", {}, {0})}),
            "k   %l: f32[] = [0]; "
            "%y_maximum = maximum(%x, %l): f32[2, 3]; "
            "%y = minimum(%y_maximum, %l): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("Clip", {"x", "l"}, {"y"}), {Int64s("l", {}, {0})}),
            "invalid: operands 0 and 1 differ in dtype: f32 and i64   Clip 'n_y'");
  EXPECT_EQ(Outcome(Node("Clip", {"x", "l"}, {"y"}), {Floats("l", {1}, {0})}),
            "k   %l: f32[1] = [0]; "
            "%y = maximum(%x, %l): f32[2, 3]");
}

TEST(ImportElementwiseTest, HardSigmoid) {
  EXPECT_EQ(Outcome(Node("HardSigmoid", {"x"}, {"y"})),
            "k   %y_constant: f32[] = [0.2]; "
            "k   %y_constant_1: f32[] = [0.5]; "
            "k   %y_constant_2: f32[] = [0]; "
            "k   %y_constant_3: f32[] = [1]; "
            "%y_mul = mul(%x, %y_constant): f32[2, 3]; "
            "%y_add = add(%y_mul, %y_constant_1): f32[2, 3]; "
            "%y_maximum = maximum(%y_add, %y_constant_2): f32[2, 3]; "
            "%y = minimum(%y_maximum, %y_constant_3): f32[2, 3]");
}

TEST(ImportElementwiseTest, Swish) {
  EXPECT_EQ(Outcome(Node("Swish", {"x"}, {"y"}), {}, 24),
            "%y_logistic = logistic(%x): f32[2, 3]; "
            "%y = mul(%x, %y_logistic): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("Swish", {"x"}, {"y"}, {FloatAttr("alpha", 2)}), {}, 24),
            "k   %y_constant: f32[] = [2]; "
            "%y_mul = mul(%x, %y_constant): f32[2, 3]; "
            "%y_logistic = logistic(%y_mul): f32[2, 3]; "
            "%y = mul(%x, %y_logistic): f32[2, 3]");
}

TEST(ImportElementwiseTest, Gelu) {
  EXPECT_EQ(Outcome(Node("Gelu", {"x"}, {"y"}, {StringAttr("approximate", "sinh")}), {}, 20),
            "invalid: approximate is 'sinh', neither none nor tanh   Gelu 'n_y'");
  EXPECT_EQ(Outcome(Node("Gelu", {"x"}, {"y"}), {}, 20), "%y = gelu(%x): f32[2, 3]");
}

TEST(ImportElementwiseTest, FastGelu) {
  EXPECT_EQ(Outcome(Node("FastGelu", {"x", "b"}, {"y"}, {}, "com.microsoft"),
                    {Floats("b", {3}, {0, 1, 2})}),
            "k   %b: f32[3] = [0, 1, 2]; "
            "%y_add = add(%x, %b): f32[2, 3]; "
            "%y = gelu(%y_add) {approximate: true}: f32[2, 3]");
}

TEST(ImportElementwiseTest, Cast) {
  EXPECT_EQ(Outcome(Node("Cast", {"x"}, {"y"})),
            "invalid: the attribute 'to' is missing   Cast 'n_y'");
  EXPECT_EQ(Outcome(Node("Cast", {"x"}, {"y"}, {IntAttr("to", TensorProto::FLOAT16)})),
            "%y = cast(%x) {to: f32}: f32[2, 3]");
  EXPECT_EQ(Outcome(Node("Cast", {"x"}, {"y"}, {IntAttr("to", TensorProto::STRING)})),
            "unsupported: element type STRING; "
            "export in float32, float16 or bfloat16, and integers up to 64 bits   Cast 'n_y'");
  EXPECT_EQ(Outcome(Node("Cast", {"x"}, {"y"}, {IntAttr("to", (int64_t{1} << 32) + 1)})),
            "unsupported: element type 4294967297; "
            "export in float32, float16 or bfloat16, and integers up to 64 bits   Cast 'n_y'");
  EXPECT_EQ(Outcome(Node("Cast", {"x"}, {"y"}, {IntAttr("to", 0)})),
            "invalid: no element type is given   Cast 'n_y'");
}

TEST(ImportElementwiseTest, CastLike) {
  EXPECT_EQ(Outcome(Node("CastLike", {"x", "w"}, {"y"}), {Int64s("w", {}, {2})}),
            "%y = cast(%x) {to: i64}: i64[2, 3]");
}

TEST(ImportElementwiseTest, Where) {
  EXPECT_EQ(Outcome(Node("Where", {"x", "x", "x"}, {"y"})),
            "invalid: operand 0 must be bool, is f32   Where 'n_y'");
}

TEST(ImportElementwiseTest, Not) {
  EXPECT_EQ(Outcome(Node("Not", {"x"}, {"y"})),
            "invalid: operand 0 must be bool, is f32   Not 'n_y'");
}

TEST(ImportElementwiseTest, And) {
  EXPECT_EQ(Outcome(Node("And", {"x", "x"}, {"y"})),
            "invalid: operand 0 must be bool, is f32   And 'n_y'");
}

TEST(ImportElementwiseTest, Sqrt) {
  EXPECT_EQ(Outcome(Node("Sqrt", {"w"}, {"y"}), {Int64s("w", {}, {2})}),
            "invalid: operand 0 must be a float, is i64   Sqrt 'n_y'");
}

}  // namespace
}  // namespace g4c::frontend
