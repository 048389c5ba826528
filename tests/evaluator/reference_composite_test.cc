#include "literal.h"

namespace g4c::evaluator {
namespace {

constexpr char kQ[] = "f32[1, 2, 2, 2] 1 1.75 -2 -1.25 -1.25 -0.25 0.25 -1";
constexpr char kK[] = "f32[1, 1, 3, 2] -0.5 1 -1.75 -0.5 -0.25 1.5";
constexpr char kV[] = "f32[1, 1, 3, 2] -0.75 1.25 0 0.25 2 -0.75";

// ONNX Runtime's numbers where they are not plain.
TEST(ReferenceComposite, Attention) {
  Check("grouped heads, added mask", ir::Attention{}, {kQ, kK, kV, "f32[2, 3] 0 -1 0.5 0 0 -2"},
        {"f32[1, 2, 2, 2] 1.401802 -0.3172557 -0.02715855 0.2906154 0.4565737 0.1925815 -0.1614509 "
         "0.513743"});
  Check("Boolean mask, scale", ir::Attention{0, 0, false, 1.0f},
        {kQ, kK, kV, "bool[2, 3] 1 0 1 1 1 0"},
        {"f32[1, 2, 2, 2] 1.326016 -0.25983 -0.009323738 0.2624317 0.3289263 0.4653263 -0.1752798 "
         "0.4837063"});
  Check("causal, soft cap", ir::Attention{0, 0, true, 0, 2.0f}, {kQ, kK, kV},
        {"f32[1, 2, 2, 2] -0.75 1.25 -0.09171085 0.3722811 -0.75 1.25 -0.2324827 0.5599769"});
  Check("3-D operands", ir::Attention{2, 1},
        {"f32[1, 2, 4] 1.75 1.75 -2 -1.25 1.5 -0.25 -2 -1.75",
         "f32[1, 3, 2] 0.25 -2 0.5 -1.25 0.75 -1.5", "f32[1, 3, 2] -2 -2 -1 -0.75 -0.5 0"},
        {"f32[1, 2, 4] -0.9083575 -0.5808647 -1.501266 -1.352985 -1.060078 -0.7725034 -1.561966 "
         "-1.430945"});
  Check("keys behind the mask's last one are masked", ir::Attention{},
        {"f32[1, 1, 1, 1] 0", "f32[1, 1, 3, 1] 0 0 0", "f32[1, 1, 3, 1] 1 2 30", "f32[1, 2] 0 0"},
        {"f32[1, 1, 1, 1] 1.5"});
  Check("a row without keys gives zeros", ir::Attention{},
        {"f32[1, 1, 2, 1] 1 1", "f32[1, 1, 2, 1] 1 1", "f32[1, 1, 2, 1] 4 6", "bool[2, 2] 0 0 1 1"},
        {"f32[1, 1, 2, 1] 0 5"});
  Check("causal and masked", ir::Attention{0, 0, true},
        {"f32[1, 1, 2, 1] 0 0", "f32[1, 1, 2, 1] 0 0", "f32[1, 1, 2, 1] 4 6", "bool[1, 2] 0 1"},
        {"f32[1, 1, 2, 1] 0 6"});
  Check("mask for each head, value of another width", ir::Attention{},
        {"f32[1, 2, 1, 1] 0 0", "f32[1, 2, 2, 1] 0 0 0 0",
         "f32[1, 2, 2, 3] 1 2 3 4 5 6 7 8 9 10 11 12", "bool[2, 1, 2] 1 0 0 1"},
        {"f32[1, 2, 1, 3] 1 2 3 10 11 12"});
}

// ONNX Runtime's numbers.
TEST(ReferenceComposite, RotaryEmbedding) {
  Check("halves, position ids", ir::RotaryEmbedding{},
        {"f32[1, 1, 2, 4] 1.75 -1 0.25 0.5 -1.75 -1.75 -0.25 0.25",
         "f32[3, 2] -1.25 -0.5 0.75 1.5 -2 1.5", "f32[3, 2] -1.25 1 0.5 0.75 -1 -0.5",
         "i64[1, 2] 2 0"},
        {"f32[1, 1, 2, 4] -3.25 -1.25 -2.25 1.25 1.875 0.625 2.5 -1.875"});
  Check("interleaved", ir::RotaryEmbedding{true},
        {"f32[1, 1, 2, 4] 1.75 -1 0.25 0.5 -1.75 -1.75 -0.25 0.25",
         "f32[3, 2] -1 1.75 -1.25 1 -1 0", "f32[3, 2] 1.5 1.75 -1.25 1.75 1.25 2", "i64[1, 2] 2 0"},
        {"f32[1, 1, 2, 4] -0.5 3.1875 -1 0.5 4.375 -0.875 -0.875 0"});
  Check("3-D, the rest of a head stays", ir::RotaryEmbedding{false, 2, 2},
        {"f32[1, 2, 8] -0.75 0.25 -1.25 -2 -0.75 -2 -1 -1.5 2 -1.25 -1.5 0.5 1.25 2 -0.25 0.25",
         "f32[1, 2, 1] -2 0.5", "f32[1, 2, 1] 0.75 -1.5", "-"},
        {"f32[1, 2, 8] 1.3125 -1.0625 -1.25 -2 3 3.4375 -1 -1.5 -0.875 -3.625 -1.5 0.5 3.625 "
         "-0.875 -0.25 0.25"});
  CheckError(ir::RotaryEmbedding{},
             {"f32[1, 1, 1, 2] 1 2", "f32[3, 1] 1 1 1", "f32[3, 1] 0 0 0", "i64[1, 1] 3"}, kInvalid,
             "position 3 is outside of a cache of 3");
  CheckError(ir::RotaryEmbedding{},
             {"f32[1, 1, 1, 2] 1 2", "f32[3, 1] 1 1 1", "f32[3, 1] 0 0 0", "i64[1, 2] 0 0"},
             kInvalid, "position ids of [1, 2] where [1, 1] is needed");
  CheckError(ir::RotaryEmbedding{}, {"f32[1, 1, 1, 2] 1 2", "f32[1, 2, 1] 1 1", "f32[1, 2, 1] 0 0"},
             kInvalid, "a cache of [1, 2, 1] for 1 x 1 positions");
}

}  // namespace
}  // namespace g4c::evaluator
