// frontend/import_attention.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

using onnx::TensorProto;

std::vector<TensorProto> Operands() {
  return {Floats("q", {1, 2, 1, 2}, {1, 2, 3, 4}), Floats("m", {1, 1}, {0}), Int64s("l", {1}, {1})};
}

TEST(ImportAttentionTest, Attention) {
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q"}, {"y"}), Operands(), 23),
            "k   %q: f32[1, 2, 1, 2] = [1, 2, 3, 4]; "
            "%y = attention(%q, %q, %q): f32[1, 2, 1, 2]");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q", "m"}, {"y"},
                         {FloatAttr("scale", 0.5f), IntAttr("is_causal", 1)}),
                    Operands(), 23),
            "k   %q: f32[1, 2, 1, 2] = [1, 2, 3, 4]; "
            "k   %m: f32[1, 1] = [0]; "
            "%y = attention(%q, %q, %q, %m) {is_causal: true, scale: 0.5}: f32[1, 2, 1, 2]");
  EXPECT_EQ(
      Outcome(Node("Attention", {"q", "q", "q"}, {"y"}, {FloatAttr("scale", 0)}), Operands(), 23),
      "unsupported: a scale of 0   Attention 'n_y'");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q", "", "q", "q"}, {"y"}), Operands(), 23),
            "unsupported: a cache of past keys and values; "
            "export without use_cache   Attention 'n_y'");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q", "", "", "", "l"}, {"y"}), Operands(), 23),
            "invalid: input 6 ('l') is one too many for Attention in opset 23   Attention 'n_y'");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q", "", "", "", "l"}, {"y"}), Operands(), 24),
            "k   %q: f32[1, 2, 1, 2] = [1, 2, 3, 4]; "
            "k   %y_constant_1: i64[] = [0]; "
            "k   %y_constant: i64[1] = [0]; "
            "k   %y_constant_2: i64[] = [1]; "
            "k   %l: i64[1] = [1]; "
            "k   %y_constant_3: i64[3] = [1, 2, 3]; "
            "%y_shape = shape(%q) {start: 2, end: 3}: i64[1]; "
            "%y_dynamic_squeeze = dynamic_squeeze(%y_shape, %y_constant): i64[]; "
            "%y_range = range(%y_constant_1, %y_dynamic_squeeze, %y_constant_2): i64[?]; "
            "%y_dynamic_unsqueeze = dynamic_unsqueeze(%l, %y_constant_3): i64[1, 1, 1, 1]; "
            "%y_less = less(%y_range, %y_dynamic_unsqueeze): bool[1, 1, 1, ?]; "
            "%y = attention(%q, %q, %q, %y_less): f32[1, 2, 1, 2]");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q", "m", "", "", "l"}, {"y"}), Operands(), 24),
            "k   %q: f32[1, 2, 1, 2] = [1, 2, 3, 4]; "
            "k   %y_constant_1: i64[] = [0]; "
            "k   %y_constant: i64[1] = [0]; "
            "k   %y_constant_2: i64[] = [1]; "
            "k   %l: i64[1] = [1]; "
            "k   %y_constant_3: i64[3] = [1, 2, 3]; "
            "k   %m: f32[1, 1] = [0]; "
            "k   %y_constant_4: f32[] = [-inf]; "
            "%y_shape = shape(%q) {start: 2, end: 3}: i64[1]; "
            "%y_dynamic_squeeze = dynamic_squeeze(%y_shape, %y_constant): i64[]; "
            "%y_range = range(%y_constant_1, %y_dynamic_squeeze, %y_constant_2): i64[?]; "
            "%y_dynamic_unsqueeze = dynamic_unsqueeze(%l, %y_constant_3): i64[1, 1, 1, 1]; "
            "%y_less = less(%y_range, %y_dynamic_unsqueeze): bool[1, 1, 1, ?]; "
            "%y_select = select(%y_less, %m, %y_constant_4): f32[1, 1, 1, ?]; "
            "%y = attention(%q, %q, %q, %y_select): f32[1, 2, 1, 2]");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q", "m", "", "", "l"}, {"y"},
                         {IntAttr("is_causal", 1)}),
                    Operands(), 24),
            "unsupported: nonpad_kv_seqlen together with is_causal   Attention 'n_y'");
  EXPECT_EQ(Outcome(Node("Attention", {"x", "x", "x"}, {"y"}), Operands(), 23),
            "invalid: attention of [2, 3], [2, 3], [2, 3]: the three need one rank, 3 or 4   "
            "Attention 'n_y'");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q"}, {"o", "y"}), Operands(), 23),
            "unsupported: result 1 ('y') of Attention 'n_o' is not computed here   is an output of "
            "the graph");
  EXPECT_EQ(Outcome(Node("Attention", {"q", "q", "q"}, {"o", "", "", "y"},
                         {IntAttr("qk_matmul_output_mode", 1)}),
                    Operands(), 23),
            "unsupported: result 3 ('y') of Attention 'n_o' is not computed here   is an output of "
            "the graph");
}

TEST(ImportAttentionTest, RotaryEmbedding) {
  EXPECT_EQ(Outcome(Node("RotaryEmbedding", {"q", "m", "m"}, {"y"}), Operands(), 23),
            "invalid: a cache of [1, 1] without position ids   RotaryEmbedding 'n_y'");
  EXPECT_EQ(Outcome(Node("RotaryEmbedding", {"q", "m", "m", "l"}, {"y"}, {IntAttr("num_heads", 3)}),
                    Operands(), 23),
            "k   %q: f32[1, 2, 1, 2] = [1, 2, 3, 4]; "
            "k   %m: f32[1, 1] = [0]; "
            "k   %l: i64[1] = [1]; "
            "%y = rotary_embedding(%q, %m, %m, %l) {num_heads: 3}: f32[1, 2, 1, 2]");
}

}  // namespace
}  // namespace g4c::frontend
