#include "passes/decompose_composites.h"

#include <gmock/gmock.h>

#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The reference evaluates composites as ONNX defines them, so that each case is also compared with
// the definition.
INSTANTIATE_PASS_TEST(
    DecomposeComposites,
    {
        {"attention of 4 dims with a condition", R"(graph g {
  in %q: f32[1, 2, 3, 4]
  in %k: f32[1, 2, 5, 4]
  in %v: f32[1, 2, 5, 6]
  k %m: bool[1, 1, 1, 5] = [true, true, true, false, true]
  %y = attention(%q, %k, %v, %m) {scale: 1}: f32[1, 2, 3, 6]
  out %y
})",
         R"(graph g {
  in %q: f32[1, 2, 3, 4]
  in %k: f32[1, 2, 5, 4]
  in %v: f32[1, 2, 5, 6]
  k %m: bool[1, 1, 1, 5] = [true, true, true, false, true]
  k %zero: f32[] = [0]
  k %low: f32[] = [-3.4028235e+38]
  %l = batch_matmul(%q, %k) {adj_y: true}: f32[1, 2, 3, 5]
  %s = select(%m, %zero, %low): f32[1, 1, 1, 5]
  %a = add(%l, %s): f32[1, 2, 3, 5]
  %p = softmax(%a): f32[1, 2, 3, 5]
  %y = batch_matmul(%p, %v): f32[1, 2, 3, 6]
  out %y
})"},
        {"attention of 3 dims with grouped heads, default scale and an added mask", R"(graph g {
  in %q: f32[1, 3, 8]
  in %k: f32[1, 3, 4]
  in %v: f32[1, 3, 4]
  in %m: f32[3, 3]
  %y = attention(%q, %k, %v, %m) {q_num_heads: 2, kv_num_heads: 1}: f32[1, 3, 8]
  out %y
})",
         R"(graph g {
  in %q: f32[1, 3, 8]
  in %k: f32[1, 3, 4]
  in %v: f32[1, 3, 4]
  in %m: f32[3, 3]
  k %scale: f32[] = [0.5]
  %q4 = reshape(%q) {shape: [1, 3, 2, 4]}: f32[1, 3, 2, 4]
  %qt = transpose(%q4) {perm: [0, 2, 1, 3]}: f32[1, 2, 3, 4]
  %k4 = reshape(%k) {shape: [1, 3, 1, 4]}: f32[1, 3, 1, 4]
  %kt = transpose(%k4) {perm: [0, 2, 1, 3]}: f32[1, 1, 3, 4]
  %v4 = reshape(%v) {shape: [1, 3, 1, 4]}: f32[1, 3, 1, 4]
  %vt = transpose(%v4) {perm: [0, 2, 1, 3]}: f32[1, 1, 3, 4]
  %k5 = reshape(%kt) {shape: [1, 1, 1, 3, 4]}: f32[1, 1, 1, 3, 4]
  %kb = broadcast_to(%k5) {shape: [1, 1, 2, 3, 4]}: f32[1, 1, 2, 3, 4]
  %kr = reshape(%kb) {shape: [1, 2, 3, 4]}: f32[1, 2, 3, 4]
  %v5 = reshape(%vt) {shape: [1, 1, 1, 3, 4]}: f32[1, 1, 1, 3, 4]
  %vb = broadcast_to(%v5) {shape: [1, 1, 2, 3, 4]}: f32[1, 1, 2, 3, 4]
  %vr = reshape(%vb) {shape: [1, 2, 3, 4]}: f32[1, 2, 3, 4]
  %l = batch_matmul(%qt, %kr) {adj_y: true}: f32[1, 2, 3, 3]
  %ls = mul(%l, %scale): f32[1, 2, 3, 3]
  %a = add(%ls, %m): f32[1, 2, 3, 3]
  %p = softmax(%a): f32[1, 2, 3, 3]
  %o = batch_matmul(%p, %vr): f32[1, 2, 3, 4]
  %ot = transpose(%o) {perm: [0, 2, 1, 3]}: f32[1, 3, 2, 4]
  %y = reshape(%ot) {shape: [1, 3, 8]}: f32[1, 3, 8]
  out %y
})"},
        {"causal attention with a softcap", R"(graph g {
  in %q: f32[1, 1, 2, 4]
  in %k: f32[1, 1, 2, 4]
  in %v: f32[1, 1, 2, 4]
  %y = attention(%q, %k, %v, -) {is_causal: true, scale: 1, softcap: 2}: f32[1, 1, 2, 4]
  out %y
})",
         R"(graph g {
  in %q: f32[1, 1, 2, 4]
  in %k: f32[1, 1, 2, 4]
  in %v: f32[1, 1, 2, 4]
  k %cap: f32[] = [2]
  k %mask: f32[2, 2] = [0, -3.4028235e+38, 0, 0]
  %l = batch_matmul(%q, %k) {adj_y: true}: f32[1, 1, 2, 2]
  %d = div(%l, %cap): f32[1, 1, 2, 2]
  %t = tanh(%d): f32[1, 1, 2, 2]
  %c = mul(%t, %cap): f32[1, 1, 2, 2]
  %a = add(%c, %mask): f32[1, 1, 2, 2]
  %p = softmax(%a): f32[1, 1, 2, 2]
  %y = batch_matmul(%p, %v): f32[1, 1, 2, 4]
  out %y
})"},
        {"rank-1 operands of matmul", R"(graph g {
  in %a: f32[3]
  in %b: f32[2, 3, 4]
  in %c: f32[4]
  %d = matmul(%a, %b): f32[2, 4]
  %y = matmul(%d, %c): f32[2]
  out %y
})",
         R"(graph g {
  in %a: f32[3]
  in %b: f32[2, 3, 4]
  in %c: f32[4]
  %ar = reshape(%a) {shape: [1, 3]}: f32[1, 3]
  %p = batch_matmul(%ar, %b): f32[2, 1, 4]
  %d = reshape(%p) {shape: [2, 4]}: f32[2, 4]
  %cr = reshape(%c) {shape: [4, 1]}: f32[4, 1]
  %q = batch_matmul(%d, %cr): f32[2, 1]
  %y = reshape(%q) {shape: [2]}: f32[2]
  out %y
})"},
        {"fused matmul", R"(graph g {
  in %a: f32[2, 4, 3]
  in %b: f32[2, 4, 5]
  %y = fused_matmul(%a, %b) {alpha: 0.5, trans_a: true}: f32[2, 3, 5]
  out %y
})",
         R"(graph g {
  in %a: f32[2, 4, 3]
  in %b: f32[2, 4, 5]
  k %half: f32[] = [0.5]
  %t = transpose(%a) {perm: [0, 2, 1]}: f32[2, 3, 4]
  %p = batch_matmul(%t, %b): f32[2, 3, 5]
  %y = mul(%p, %half): f32[2, 3, 5]
  out %y
})"},
        {"softmax over an inner axis", R"(graph g {
  in %x: f32[2, 3, 4]
  %y = softmax_axis(%x) {axis: 1}: f32[2, 3, 4]
  out %y
})",
         R"(graph g {
  in %x: f32[2, 3, 4]
  %t = transpose(%x) {perm: [0, 2, 1]}: f32[2, 4, 3]
  %s = softmax(%t): f32[2, 4, 3]
  %y = transpose(%s) {perm: [0, 2, 1]}: f32[2, 3, 4]
  out %y
})"},
        {"reductions keep their dims", R"(graph g {
  in %x: f32[2, 3, 4]
  %y = reduce_mean(%x) {axes: [1], keep_dims: false}: f32[2, 4]
  out %y
})",
         R"(graph g {
  in %x: f32[2, 3, 4]
  %m = reduce_mean(%x) {axes: [1]}: f32[2, 1, 4]
  %y = reshape(%m) {shape: [2, 4]}: f32[2, 4]
  out %y
})",
         0},
        {"rms norm over two axes", R"(graph g {
  in %x: f32[2, 3, 4]
  k %g: f32[3, 4] = seeded(1)
  %y = rms_norm_axes(%x, %g) {axis: 1}: f32[2, 3, 4]
  out %y
})",
         R"(graph g {
  in %x: f32[2, 3, 4]
  k %g: f32[3, 4] = seeded(1)
  %f = reshape(%x) {shape: [2, 12]}: f32[2, 12]
  %gf = reshape(%g) {shape: [12]}: f32[12]
  %n = rms_norm(%f, %gf) {epsilon: 1e-05}: f32[2, 12]
  %y = reshape(%n) {shape: [2, 3, 4]}: f32[2, 3, 4]
  out %y
})"},
        {"layer norm", R"(graph g {
  in %x: f32[2, 4]
  in %g: f32[4]
  in %b: f32[4]
  %y = layer_norm(%x, %g, %b): f32[2, 4]
  out %y
})",
         R"(graph g {
  in %x: f32[2, 4]
  in %g: f32[4]
  in %b: f32[4]
  k %e: f32[] = [1e-05]
  %m = reduce_mean(%x) {axes: [1]}: f32[2, 1]
  %c = sub(%x, %m): f32[2, 4]
  %s = square(%c): f32[2, 4]
  %v = reduce_mean(%s) {axes: [1]}: f32[2, 1]
  %w = add(%v, %e): f32[2, 1]
  %r = rsqrt(%w): f32[2, 1]
  %n = mul(%c, %r): f32[2, 4]
  %o = mul(%n, %g): f32[2, 4]
  %y = add(%o, %b): f32[2, 4]
  out %y
})"},
        {"a patch convolution", R"(graph g {
  in %x: f32[1, 2, 4, 7]
  k %w: f32[3, 2, 2, 3] = seeded(1)
  k %b: f32[3] = seeded(2)
  %y = conv(%x, %w, %b) {strides: [2, 3]}: f32[1, 3, 2, 2]
  out %y
})",
         R"(graph g {
  in %x: f32[1, 2, 4, 7]
  k %w: f32[3, 2, 2, 3] = seeded(1)
  k %b: f32[3] = seeded(2)
  %c = slice(%x) {begin: [0, 0, 0, 0], size: [1, 2, 4, 6], stride: [1, 1, 1, 1]}: f32[1, 2, 4, 6]
  %r = reshape(%c) {shape: [1, 2, 2, 2, 2, 3]}: f32[1, 2, 2, 2, 2, 3]
  %t = transpose(%r) {perm: [0, 2, 4, 1, 3, 5]}: f32[1, 2, 2, 2, 2, 3]
  %p = reshape(%t) {shape: [1, 2, 2, 12]}: f32[1, 2, 2, 12]
  %f = reshape(%w) {shape: [3, 12]}: f32[3, 12]
  %q = fully_connected(%p, %f, %b): f32[1, 2, 2, 3]
  %y = transpose(%q) {perm: [0, 3, 1, 2]}: f32[1, 3, 2, 2]
  out %y
})"},
        {"a sliding convolution stays", R"(graph g {
  in %x: f32[1, 2, 4, 6]
  k %w: f32[3, 2, 2, 3] = seeded(1)
  %y = conv(%x, %w, -): f32[1, 3, 3, 4]
  out %y
})",
         kUnchanged},
        {"a padded patch convolution stays", R"(graph g {
  in %x: f32[1, 2, 4, 6]
  k %w: f32[3, 2, 2, 2] = seeded(1)
  %y = conv(%x, %w, -) {pads: [1, 1, 1, 1], strides: [2, 2]}: f32[1, 3, 3, 4]
  out %y
})",
         kUnchanged},
        {"einsum of a linear layer", R"(graph g {
  in %x: f32[2, 3, 4]
  k %w: f32[5, 4] = seeded(1)
  %y = einsum(%x, %w) {equation: "bsi,oi->bso"}: f32[2, 3, 5]
  out %y
})",
         R"(graph g {
  in %x: f32[2, 3, 4]
  k %w: f32[5, 4] = seeded(1)
  %f = reshape(%x) {shape: [6, 4]}: f32[6, 4]
  %p = batch_matmul(%f, %w) {adj_y: true}: f32[6, 5]
  %y = reshape(%p) {shape: [2, 3, 5]}: f32[2, 3, 5]
  out %y
})"},
        {"einsum of attention logits", R"(graph g {
  in %q: f32[2, 3, 4, 5]
  in %k: f32[2, 6, 4, 5]
  %y = einsum(%q, %k) {equation: "bqhd,bkhd->bhqk"}: f32[2, 4, 3, 6]
  out %y
})",
         R"(graph g {
  in %q: f32[2, 3, 4, 5]
  in %k: f32[2, 6, 4, 5]
  %qt = transpose(%q) {perm: [0, 2, 1, 3]}: f32[2, 4, 3, 5]
  %kt = transpose(%k) {perm: [0, 2, 1, 3]}: f32[2, 4, 6, 5]
  %y = batch_matmul(%qt, %kt) {adj_y: true}: f32[2, 4, 3, 6]
  out %y
})"},
        {"einsum that sums and transposes one operand", R"(graph g {
  in %x: f32[2, 3, 4]
  %y = einsum(%x) {equation: "abc->ca"}: f32[4, 2]
  out %y
})",
         R"(graph g {
  in %x: f32[2, 3, 4]
  %s = reduce_sum(%x) {axes: [1]}: f32[2, 1, 4]
  %r = reshape(%s) {shape: [2, 4]}: f32[2, 4]
  %y = transpose(%r) {perm: [1, 0]}: f32[4, 2]
  out %y
})"},
    });

// What has too many operators to be written out is compared by evaluation alone.
TEST(DecomposeComposites, EvaluatesAsDefined) {
  for (const char* text : {
           R"(graph g {
  in %x: f32[1, 2, 3, 4]
  in %c: f32[1, 3, 2]
  in %s: f32[1, 3, 2]
  %y = rotary_embedding(%x, %c, %s, -): f32[1, 2, 3, 4]
  out %y
})",
           R"(graph g {
  in %x: f32[1, 3, 12]
  in %c: f32[5, 2]
  in %s: f32[5, 2]
  k %i: i64[1, 3] = [4, 0, 2]
  %y = rotary_embedding(%x, %c, %s, %i) {interleaved: true, num_heads: 2, rotary_dim: 4}: f32[1, 3, 12]
  out %y
})",
           R"(graph g {
  in %a: f32[2, 3]
  in %b: f32[3, 4]
  in %c: f32[4, 2]
  %y = einsum(%a, %b, %c) {equation: "ij,jk,kl->il"}: f32[2, 2]
  out %y
})",
           R"(graph g {
  in %a: f32[2, 3]
  in %b: f32[4, 5]
  %y = einsum(%a, %b) {equation: "ij,kl->kij"}: f32[4, 2, 3]
  out %y
})",
           R"(graph g {
  in %a: f32[2, 1, 3]
  in %b: f32[1, 4, 3]
  %y = einsum(%a, %b) {equation: "...i,...i->..."}: f32[2, 4]
  out %y
})",
       }) {
    DecomposeComposites pass;
    CheckComputesTheSame(pass, text);
  }
}

TEST(DecomposeComposites, DeclinesADiagonal) {
  DecomposeComposites pass;
  ir::Graph graph = ParseOrDie(R"(graph g {
  in %x: f32[3, 3]
  %y = einsum(%x) {equation: "ii->i"}: f32[3]
  out %y
})");
  Report report;
  const absl::StatusOr<bool> changed = pass.Run(graph, report);
  ASSERT_THAT(changed, IsOkAndHolds(false));
  ASSERT_EQ(report.declined().size(), 1u);
  EXPECT_THAT(report.declined()[0].where, HasSubstr("einsum 'y'"));
  EXPECT_THAT(report.declined()[0].reason, AllOf(HasSubstr("'ii->i'"), HasSubstr("diagonal")));
}

}  // namespace
}  // namespace g4c::passes
