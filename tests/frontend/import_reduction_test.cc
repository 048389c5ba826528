// frontend/import_reduction.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

TEST(ImportReductionTest, ReduceSum) {
  EXPECT_EQ(Outcome(Node("ReduceSum", {"x", "a"}, {"y"}), {Int64s("a", {1}, {1})}, 13),
            "k   %a: i64[1] = [1]; "
            "%y = dynamic_reduce(%x, %a): f32[2, 1]");
  EXPECT_EQ(Outcome(Node("ReduceSum", {"x"}, {"y"}, {IntsAttr("axes", {1})}), {}, 13),
            "unsupported: 'axes' of ReduceSum in opset 13   ReduceSum 'n_y'");
}

TEST(ImportReductionTest, ReduceMean) {
  EXPECT_EQ(
      Outcome(Node("ReduceMean", {"x"}, {"y"}, {IntsAttr("axes", {1}), IntAttr("keepdims", 0)}), {},
              17),
      "k   %y_constant: i64[1] = [1]; "
      "%y = dynamic_reduce(%x, %y_constant) {kind: mean, keep_dims: false}: f32[2]");
  EXPECT_EQ(Outcome(Node("ReduceMean", {"x", "a"}, {"y"}), {Int64s("a", {1}, {1})}, 17),
            "invalid: input 1 ('a') is one too many for ReduceMean in opset 17   ReduceMean 'n_y'");
  EXPECT_EQ(Outcome(Node("ReduceMean", {"x"}, {"y"}, {IntsAttr("axes", {1})}), {}, 18),
            "unsupported: 'axes' of ReduceMean in opset 18   ReduceMean 'n_y'");
  EXPECT_EQ(Outcome(Node("ReduceMean", {"x", "a"}, {"y"}, {IntAttr("noop_with_empty_axes", 1)}),
                    {Int64s("a", {0}, {})}, 18),
            "k   %a: i64[0] = []; "
            "%y = dynamic_reduce(%x, %a) {kind: mean, noop_with_empty_axes: true}: f32[2, 3]");
}

TEST(ImportReductionTest, ReduceMax) {
  EXPECT_EQ(Outcome(Node("ReduceMax", {"b"}, {"y"}), {Bool("b", true)}, 18),
            "invalid: operand 0 must be a number, is bool   ReduceMax 'n_y'");
  EXPECT_EQ(Outcome(Node("ReduceMax", {"b"}, {"y"}), {Bool("b", true)}, 20),
            "k   %b: bool[] = [true]; "
            "%y_cast = cast(%b) {to: i32}: i32[]; "
            "%y_dynamic_reduce = dynamic_reduce(%y_cast) {kind: max}: i32[]; "
            "%y = cast(%y_dynamic_reduce): bool[]");
}

TEST(ImportReductionTest, ReduceSumSquare) {
  EXPECT_EQ(Outcome(Node("ReduceSumSquare", {"x"}, {"y"})),
            "%y_mul = mul(%x, %x): f32[2, 3]; "
            "%y = dynamic_reduce(%y_mul): f32[1, 1]");
}

TEST(ImportReductionTest, ReduceMean2) {
  EXPECT_EQ(Outcome(Node("ReduceMean", {"x", "a"}, {"y"}), {Int64s("a", {1}, {5})}, 18),
            "invalid: axis 5 is outside of rank 2   ReduceMean 'n_y'");
  EXPECT_EQ(Outcome(Node("ReduceMean", {"x", "a"}, {"y"}), {Floats("a", {1}, {5})}, 18),
            "invalid: operand 1 must be an integer, is f32   ReduceMean 'n_y'");
}

TEST(ImportReductionTest, Softmax) {
  EXPECT_EQ(Outcome(Node("Softmax", {"x"}, {"y"}, {IntAttr("axis", 2)})),
            "invalid: axis 2 is outside of rank 2   Softmax 'n_y'");
}

TEST(ImportReductionTest, CumSum) {
  EXPECT_EQ(
      Outcome(Node("CumSum", {"x", "a"}, {"y"}, {IntAttr("reverse", 1)}), {Int64s("a", {}, {1})}),
      "k   %a: i64[] = [1]; "
      "%y = cumsum(%x, %a) {reverse: true}: f32[2, 3]");
}

TEST(ImportReductionTest, LayerNormalization) {
  EXPECT_EQ(Outcome(Node("LayerNormalization", {"x", "w"}, {"y"}, {IntAttr("stash_type", 1)}),
                    {Floats("w", {3}, {1, 2, 3})}),
            "k   %w: f32[3] = [1, 2, 3]; "
            "%y = layer_norm(%x, %w): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("LayerNormalization", {"x", "w"}, {"y"}, {IntAttr("axis", 3)}),
                    {Floats("w", {3}, {1, 2, 3})}),
            "invalid: axis 3 is outside of rank 2   LayerNormalization 'n_y'");
  EXPECT_EQ(
      Outcome(Node("LayerNormalization", {"x", "w"}, {"o", "y"}), {Floats("w", {3}, {1, 2, 3})}),
      "unsupported: result 1 ('y') of LayerNormalization 'n_o' is not computed here   is an output "
      "of the graph");
}

TEST(ImportReductionTest, RMSNormalization) {
  EXPECT_EQ(Outcome(Node("RMSNormalization", {"x", "w"}, {"y"}), {Floats("w", {3}, {1, 2, 3})}, 23),
            "k   %w: f32[3] = [1, 2, 3]; "
            "%y = rms_norm_axes(%x, %w): f32[2, 3]");
}

TEST(ImportReductionTest, SkipSimplifiedLayerNormalization) {
  EXPECT_EQ(Outcome(Node("SkipSimplifiedLayerNormalization", {"x", "x", "w", "w"},
                         {"y", "", "", "s"}, {}, "com.microsoft"),
                    {Floats("w", {3}, {1, 2, 3})}),
            "k   %w: f32[3] = [1, 2, 3]; "
            "%y_add = add(%x, %x): f32[2, 3]; "
            "%s = add(%y_add, %w): f32[2, 3]; "
            "%y = rms_norm_axes(%s, %w) {epsilon: 1e-12}: f32[2, 3]");
  EXPECT_EQ(Outcome(Node("SkipSimplifiedLayerNormalization", {"x", "x", "w"}, {"o", "y"}, {},
                         "com.microsoft"),
                    {Floats("w", {3}, {1, 2, 3})}),
            "unsupported: result 1 ('y') of SkipSimplifiedLayerNormalization 'n_o' is not computed "
            "here   is an output of the graph");
  EXPECT_EQ(Outcome(Node("SkipSimplifiedLayerNormalization", {"x", "x", "w"}, {"o", "", "", "y"},
                         {}, "com.microsoft"),
                    {Floats("w", {3}, {1, 2, 3})}),
            "%y = add(%x, %x): f32[2, 3]");
}

}  // namespace
}  // namespace g4c::frontend
