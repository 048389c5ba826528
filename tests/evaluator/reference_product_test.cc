#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::Activation;

constexpr char kSix[] = "f32[2, 3] 1 2 3 4 5 6";

TEST(ReferenceProduct, BatchMatMul) {
  Check("", ir::BatchMatMul{}, {kSix, "f32[3, 1] 1 0 -1"}, {"f32[2, 1] -2 -2"});
  Check("adj_y", ir::BatchMatMul{false, true}, {kSix, "f32[1, 3] 1 0 -1"}, {"f32[2, 1] -2 -2"});
  Check("adj_x, batch broadcast", ir::BatchMatMul{true, false},
        {"f32[2, 1, 2] 1 2 3 4", "f32[1, 1] 10"}, {"f32[2, 2, 1] 10 20 30 40"});
  Check("no inner axis", ir::BatchMatMul{}, {"f32[2, 0]", "f32[0, 1]"}, {"f32[2, 1] 0 0"});
  Check("no rows", ir::BatchMatMul{}, {"f32[0, 3]", "f32[3, 1] 1 0 -1"}, {"f32[0, 1]"});
}

TEST(ReferenceProduct, MatMul) {
  Check("row times matrix", ir::MatMul{}, {"f32[2] 1 2", kSix}, {"f32[3] 9 12 15"});
  Check("matrix times column", ir::MatMul{}, {kSix, "f32[3] 1 0 -1"}, {"f32[2] -2 -2"});
  Check("dot", ir::MatMul{}, {"f32[2] 1 2", "f32[2] 3 4"}, {"f32[] 11"});
  Check("integers wrap", ir::MatMul{}, {"i32[1, 2] 65536 3", "i32[2, 1] 65536 -2"},
        {"i32[1, 1] -6"});
  Check("a column against a batch", ir::MatMul{}, {"f32[2, 1, 2] 1 2 3 4", "f32[2] 1 1"},
        {"f32[2, 1] 3 7"});
  // ONNX Runtime's numbers.
  Check("transposed batch", ir::FusedMatMul{0.5f, false, false, true, false},
        {"f32[2, 3, 2] 0.25 1 1.25 -0.5 -0.5 -0.25 0 1.25 -0.25 2 1.75 0",
         "f32[3, 2, 2] -1.25 -0.5 -0.25 -1.5 2 1.25 -1 -1 1 -1.75 -0.75 -1.75"},
        {"f32[3, 2, 2] -0.28125 -0.8125 -0.15625 -0.9375 1.5 1.03125 -1.25 -1.15625 -0.15625 "
         "0.65625 0.875 -1.53125"});
  Check("both transposed", ir::FusedMatMul{0.5f, true, true},
        {"f32[2, 3] -0.25 0.25 0.25 -2 -1 2", "f32[2, 2] -1.25 0.5 -1.75 -1"},
        {"f32[3, 2] -0.34375 1.21875 -0.40625 0.28125 0.34375 -1.21875"});
}

TEST(ReferenceProduct, FullyConnected) {
  Check("", ir::FullyConnected{}, {kSix, "f32[1, 3] 1 0 -1"}, {"f32[2, 1] -2 -2"});
  Check("bias", ir::FullyConnected{}, {"f32[1, 1, 2] 1 2", "f32[2, 2] 1 2 3 4", "f32[2] 10 20"},
        {"f32[1, 1, 2] 15 31"});
  Check("relu6", ir::FullyConnected{Activation::kRelu6}, {"f32[1] 1", "f32[3, 1] -1 5 9"},
        {"f32[3] 0 5 6"});
  Check("bf16 weight", ir::FullyConnected{}, {"f32[1] 2", "bf16[1, 1] 1.5"}, {"f32[1] 3"});
  Check("no inner axis", ir::FullyConnected{}, {"f32[2, 0]", "f32[1, 0]", "f32[1] 5"},
        {"f32[2, 1] 5 5"});
}

// ONNX Runtime's numbers.
TEST(ReferenceProduct, Einsum) {
  Check("attention logits", ir::Einsum{"bqhd,bkhd->bhqk"},
        {"f32[1, 2, 2, 3] -1.5 -1.25 -1.25 1.5 -1.25 1.5 0.25 -1.75 -1 0.5 0.75 0",
         "f32[1, 3, 2, 3] 0.75 -1.5 2 -2 -2 -0.5 1.5 0.5 0 1.25 -1.5 -1.25 -1.5 0.75 1.25 2 0 0"},
        {"f32[1, 2, 2, 3] -1.75 -2.875 -0.25 0.8125 -0.5 -2.9375 -1.25 1.875 3 -2.5 -0.5 1"});
  Check("diagonal", ir::Einsum{"ii->i"}, {"f32[3, 3] 0 -1.5 -1.25 1 1.5 -2 -1 -1.25 1.25"},
        {"f32[3] 0 1.5 1.25"});
  Check("trace", ir::Einsum{"ii"}, {"f32[2, 2] -0.75 0.75 -2 0.75"}, {"f32[] 0"});
  Check("implicit output", ir::Einsum{"ij,jk"},
        {"f32[2, 3] 0.75 1.25 1.25 0.75 2 1.5", "f32[3, 2] 2 -1.75 0 -2 -1 -0.5"},
        {"f32[2, 2] 0.25 -4.4375 0 -6.0625"});
  Check("ellipsis", ir::Einsum{"...ij,...jk->...ik"},
        {"f32[2, 1, 3] 1.25 -0.25 1.75 0.25 0 1.75",
         "f32[2, 3, 2] 0.75 -0.5 1.75 -1.75 1 -1.25 1.75 -1.25 0.5 1 -0.5 -1.25"},
        {"f32[2, 1, 2] 2.25 -2.375 -0.4375 -2.5"});
  Check("three operands, a dim of 1 broadcasts", ir::Einsum{"a,a,b->b"},
        {"i64[2] 1 2", "i64[1] 3", "i64[2] 1 -1"}, {"i64[2] 9 -9"});
}

// ONNX Runtime's numbers.
TEST(ReferenceProduct, Conv) {
  Check(
      "strides and pads", ir::Conv{"NOTSET", {}, 1, {1, 0, 0, 1}, {2, 1}},
      {"f32[1, 2, 3, 3] 0 0.5 0.75 -0.75 1.75 0 -1.5 1.5 -1.25 -1.25 -0.25 0.25 0.25 0.25 -1.25 "
       "1.5 1 -1.25",
       "f32[2, 2, 2, 2] 0.25 0.5 1.25 -0.25 -0.25 -1.75 1 -1.5 -1.5 -1.75 -0.75 0 -1 -2 0.75 -1.5",
       "f32[2] -0.75 2"},
      {"f32[1, 2, 2, 3] -1.75 -0.9375 0.4375 -2.8125 6.875 -3.25 1.4375 1.0625 1.625 0.0625 3.125 "
       "3.25"});
  Check("groups and dilation", ir::Conv{"NOTSET", {2}, 2, {}, {}},
        {"f32[1, 2, 5] 0 -1.75 2 -1.25 0 -1 2 -1.25 -0.25 -1.25",
         "f32[4, 1, 2] -1.75 -1.5 -0.75 -0.75 1 1 -1.5 1.75"},
        {"f32[1, 4, 3] -3 4.9375 -3.5 -1.5 2.25 -1.5 -2.25 1.75 -2.5 -0.6875 -3.4375 -0.3125"});
  Check(
      "SAME_UPPER", ir::Conv{"SAME_UPPER", {}, 1, {}, {2, 2}},
      {"f32[1, 1, 4, 4] -0.25 -0.25 0.75 -0.5 -0.25 0.75 0.25 1.5 0.25 -2 0.25 0.75 0.25 -2 2 0.5",
       "f32[1, 1, 3, 3] -1 -1.25 0 1.5 -2 0 -0.25 1.25 -2"},
      {"f32[1, 1, 2, 2] -4.375 -1.875 6.625 0.8125"});
  Check("SAME_LOWER", ir::Conv{"SAME_LOWER", {}, 1, {}, {}},
        {"f32[1, 1, 3] 0.75 -1 -2", "f32[1, 1, 2] 0.5 1.5"}, {"f32[1, 1, 3] 1.125 -1.125 -3.5"});
  Check("no image", ir::Conv{}, {"f32[0, 1, 3]", "f32[1, 1, 2] 0.5 1.5"}, {"f32[0, 1, 2]"});
}

}  // namespace
}  // namespace g4c::evaluator
