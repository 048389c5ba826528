// frontend/import_product.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

TEST(ImportProductTest, MatMul) {
  EXPECT_EQ(Outcome(Node("MatMul", {"x", "x"}, {"y"})),
            "invalid: cannot multiply [2, 3] by [2, 3]   MatMul 'n_y'");
  EXPECT_EQ(Outcome(Node("MatMul", {"x", "w"}, {"y"}), {Floats("w", {}, {1})}),
            "invalid: a product with a scalar operand   MatMul 'n_y'");
}

TEST(ImportProductTest, Gemm) {
  EXPECT_EQ(Outcome(Node("Gemm", {"x", "x"}, {"y"}, {IntAttr("transB", 1)})),
            "%y_transpose = transpose(%x) {perm: [1, 0]}: f32[3, 2]; "
            "%y = matmul(%x, %y_transpose): f32[2, 2]");
  EXPECT_EQ(Outcome(Node("Gemm", {"x", "x", "c"}, {"y"},
                         {IntAttr("transA", 1), FloatAttr("alpha", 2), FloatAttr("beta", 0.5f)}),
                    {Floats("c", {3}, {1, 2, 3})}),
            "k   %y_constant: f32[] = [2]; "
            "k   %c: f32[3] = [1, 2, 3]; "
            "k   %y_constant_1: f32[] = [0.5]; "
            "%y_transpose = transpose(%x) {perm: [1, 0]}: f32[3, 2]; "
            "%y_matmul = matmul(%y_transpose, %x): f32[3, 3]; "
            "%y_mul = mul(%y_matmul, %y_constant): f32[3, 3]; "
            "%y_mul_1 = mul(%c, %y_constant_1): f32[3]; "
            "%y = add(%y_mul, %y_mul_1): f32[3, 3]");
  EXPECT_EQ(
      Outcome(Node("Gemm", {"x", "x", "c"}, {"y"}, {IntAttr("transA", 1), FloatAttr("beta", 0)}),
              {Floats("c", {3}, {1, 2, 3})}),
      "%y_transpose = transpose(%x) {perm: [1, 0]}: f32[3, 2]; "
      "%y = matmul(%y_transpose, %x): f32[3, 3]");
  EXPECT_EQ(Outcome(Node("Gemm", {"w", "x"}, {"y"}), {Floats("w", {1, 1, 2}, {1, 2})}),
            "invalid: operand 0 has shape [1, 1, 2], it must be a matrix   Gemm 'n_y'");
  EXPECT_EQ(Outcome(Node("Gemm", {"x", "x"}, {"y"})),
            "invalid: cannot multiply [2, 3] by [2, 3]   Gemm 'n_y'");
}

TEST(ImportProductTest, FusedMatMul) {
  EXPECT_EQ(Outcome(Node("FusedMatMul", {"x", "x"}, {"y"},
                         {IntAttr("transA", 1), FloatAttr("alpha", 2)}, "com.microsoft")),
            "%y = fused_matmul(%x, %x) {alpha: 2, trans_a: true}: f32[3, 3]");
}

TEST(ImportProductTest, Einsum) {
  EXPECT_EQ(Outcome(Node("Einsum", {"x", "x"}, {"y"})),
            "invalid: the attribute 'equation' is missing   Einsum 'n_y'");
  EXPECT_EQ(Outcome(Node("Einsum", {"x", "x"}, {"y"}, {StringAttr("equation", "ij,ik->jk")})),
            "%y = einsum(%x, %x) {equation: \"ij,ik->jk\"}: f32[3, 3]");
  EXPECT_EQ(Outcome(Node("Einsum", {"x", "x"}, {"y"}, {StringAttr("equation", "ij,kl,m->jk")})),
            "invalid: einsum 'ij,kl,m->jk' has 3 terms for 2 operands   Einsum 'n_y'");
  EXPECT_EQ(Outcome(Node("Einsum", {"x", "x"}, {"y"}, {StringAttr("equation", "ij,ji->")})),
            "invalid: einsum 'ij,ji->': axis 0 of operand 1 of [2, 3] meets 3   Einsum 'n_y'");
}

TEST(ImportProductTest, Conv) {
  EXPECT_EQ(Outcome(Node("Conv", {"i", "w"}, {"y"}, {IntsAttr("kernel_shape", {2, 2})}),
                    {Floats("i", {1, 1, 2, 2}, {1, 2, 3, 4}), Floats("w", {1, 1, 1, 1}, {1})}),
            "invalid: kernel_shape is [2, 2], the weight's shape [1, 1, 1, 1]   Conv 'n_y'");
  EXPECT_EQ(Outcome(Node("Conv", {"i", "w"}, {"y"},
                         {IntsAttr("kernel_shape", {1, 1}), IntsAttr("strides", {0, 1})}),
                    {Floats("i", {1, 1, 2, 2}, {1, 2, 3, 4}), Floats("w", {1, 1, 1, 1}, {1})}),
            "invalid: strides of 0, must be from 1 to 2147483647   Conv 'n_y'");
  EXPECT_EQ(
      Outcome(Node("Conv", {"i", "w"}, {"y"}, {StringAttr("auto_pad", "ODD")}),
              {Floats("i", {1, 1, 2, 2}, {1, 2, 3, 4}), Floats("w", {1, 1, 1, 1}, {1})}),
      "invalid: auto_pad is 'ODD', none of NOTSET, SAME_UPPER, SAME_LOWER, VALID   Conv 'n_y'");
  EXPECT_EQ(Outcome(Node("Conv", {"i", "w"}, {"y"}, {IntAttr("group", 0)}),
                    {Floats("i", {1, 1, 2, 2}, {1, 2, 3, 4}), Floats("w", {1, 1, 1, 1}, {1})}),
            "invalid: group of 0, must be from 1 to 2147483647   Conv 'n_y'");
  EXPECT_EQ(Outcome(Node("Conv", {"i", "w"}, {"y"}, {IntsAttr("pads", {1, 1, 1})}),
                    {Floats("i", {1, 1, 2, 2}, {1, 2, 3, 4}), Floats("w", {1, 1, 1, 1}, {1})}),
            "invalid: 3 pads for 2 spatial axes, which need 4   Conv 'n_y'");
  EXPECT_EQ(Outcome(Node("Conv", {"i", "w"}, {"y"}, {IntsAttr("pads", {-1, 1, 1, INT64_MAX})}),
                    {Floats("i", {1, 1, 2, 2}, {1, 2, 3, 4}), Floats("w", {1, 1, 1, 1}, {1})}),
            "invalid: pads of -1, must be from 0 to 2147483647   Conv 'n_y'");
}

}  // namespace
}  // namespace g4c::frontend
