// frontend/import_quantize.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

using onnx::TensorProto;

std::vector<TensorProto> Operands() {
  return {Floats("s", {}, {0.5f}), Raw("z", TensorProto::UINT8, {}, "\x80"),
          Floats("s3", {3}, {1, 2, 3}), Floats("s23", {1, 3}, {1, 2, 3}),
          Raw("w", TensorProto::INT8, {2, 3}, "abcdef")};
}

TEST(ImportQuantizeTest, QuantizeLinear) {
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s"}, {"y"}), Operands()),
            "k   %s: f32[] = [0.5]; "
            "%y = quantize_linear(%x, %s): u8[2, 3]");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s", "z"}, {"y"}), Operands()),
            "k   %s: f32[] = [0.5]; "
            "k   %z: u8[] = [128]; "
            "%y = quantize_linear(%x, %s, %z): u8[2, 3]");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s3"}, {"y"}), Operands()),
            "k   %s3: f32[3] = [1, 2, 3]; "
            "%y = quantize_linear(%x, %s3) {axis: 1}: u8[2, 3]");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s3"}, {"y"}, {IntAttr("axis", -1)}), Operands()),
            "k   %s3: f32[3] = [1, 2, 3]; "
            "%y = quantize_linear(%x, %s3) {axis: 1}: u8[2, 3]");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s3"}, {"y"}, {IntAttr("axis", 2)}), Operands()),
            "invalid: axis 2 is outside of rank 2   QuantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s3"}, {"y"}, {IntAttr("axis", 0)}), Operands()),
            "invalid: the number of scales and of channels differ: 3 and 2   QuantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s23"}, {"y"}), Operands()),
            "unsupported: a scale of shape [1, 3]; "
            "quantise per tensor or per channel   QuantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s"}, {"y"}, {IntAttr("block_size", 2)}),
                    Operands(), 21),
            "unsupported: block_size 2: Circle has no block-wise qparams; "
            "quantise per channel   QuantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s"}, {"y"}, {IntAttr("block_size", 2)}),
                    Operands(), 18),
            "unsupported: block_size 2: Circle has no block-wise qparams; "
            "quantise per channel   QuantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s"}, {"y"},
                         {IntAttr("output_dtype", TensorProto::INT16)}),
                    Operands(), 21),
            "k   %s: f32[] = [0.5]; "
            "%y = quantize_linear(%x, %s) {to: i16}: i16[2, 3]");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s", "z"}, {"y"},
                         {IntAttr("output_dtype", TensorProto::INT16)}),
                    Operands(), 21),
            "invalid: output_dtype is i16, its zero point u8   QuantizeLinear 'n_y'");
  EXPECT_EQ(
      Outcome(Node("QuantizeLinear", {"x", "s"}, {"y"},
                   {IntAttr("output_dtype", TensorProto::FLOAT8E4M3FN)}),
              Operands(), 21),
      "unsupported: element type FLOAT8E4M3FN; "
      "export in float32, float16 or bfloat16, and integers up to 64 bits   QuantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("QuantizeLinear", {"x", "s", "s"}, {"y"}), Operands(), 21),
            "invalid: quantised data is f32, must be an integer   QuantizeLinear 'n_y'");
}

TEST(ImportQuantizeTest, DequantizeLinear) {
  EXPECT_EQ(Outcome(Node("DequantizeLinear", {"w", "s"}, {"y"}), Operands()),
            "k   %w: i8[2, 3] = [97, 98, 99, 100, 101, 102]; "
            "k   %s: f32[] = [0.5]; "
            "%y = dequantize_linear(%w, %s): f32[2, 3]");
  EXPECT_EQ(Outcome(Node("DequantizeLinear", {"w", "s3"}, {"y"}), Operands()),
            "k   %w: i8[2, 3] = [97, 98, 99, 100, 101, 102]; "
            "k   %s3: f32[3] = [1, 2, 3]; "
            "%y = dequantize_linear(%w, %s3) {axis: 1}: f32[2, 3]");
  EXPECT_EQ(Outcome(Node("DequantizeLinear", {"w", "s", "z"}, {"y"}), Operands()),
            "invalid: operand 2 must be i8, is u8   DequantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("DequantizeLinear", {"x", "s"}, {"y"}), Operands()),
            "invalid: quantised data is f32, must be an integer   DequantizeLinear 'n_y'");
  EXPECT_EQ(Outcome(Node("DequantizeLinear", {"w", "s"}, {"y"}, {}, "com.microsoft"), Operands()),
            "k   %w: i8[2, 3] = [97, 98, 99, 100, 101, 102]; "
            "k   %s: f32[] = [0.5]; "
            "%y = dequantize_linear(%w, %s): f32[2, 3]");
}

}  // namespace
}  // namespace g4c::frontend
