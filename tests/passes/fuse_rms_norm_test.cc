#include "passes/fuse_rms_norm.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(FuseRmsNorm,
                      {
                          {"x times rsqrt, weight on the right", R"(graph g {
  in %x: f32[1, 3, 8]
  k %e: f32[] = [1e-06]
  k %w: f32[8] = seeded(1)
  %s = square(%x): f32[1, 3, 8]
  %m = reduce_mean(%s) {axes: [2]}: f32[1, 3, 1]
  %v = add(%m, %e): f32[1, 3, 1]
  %r = rsqrt(%v): f32[1, 3, 1]
  %n = mul(%x, %r): f32[1, 3, 8]
  %y = mul(%n, %w): f32[1, 3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 8]
  k %w: f32[8] = seeded(1)
  %y = rms_norm(%x, %w): f32[1, 3, 8]
  out %y
})"},
                          {"x over sqrt, weight on the left with leading dims of 1", R"(graph g {
  in %x: f32[1, 3, 8]
  k %e: f32[] = [0.001]
  k %w: f32[1, 1, 8] = seeded(1)
  %s = square(%x): f32[1, 3, 8]
  %m = reduce_mean(%s) {axes: [2]}: f32[1, 3, 1]
  %v = add(%e, %m): f32[1, 3, 1]
  %r = sqrt(%v): f32[1, 3, 1]
  %n = div(%x, %r): f32[1, 3, 8]
  %y = mul(%w, %n): f32[1, 3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 8]
  k %w: f32[8] = seeded(1)
  %y = rms_norm(%x, %w) {epsilon: 0.001}: f32[1, 3, 8]
  out %y
})"},
                          {"one over sqrt on the left, no weight", R"(graph g {
  in %x: f32[3, 8]
  k %e: f32[] = [1e-06]
  k %one: f32[] = [1]
  %s = square(%x): f32[3, 8]
  %m = reduce_mean(%s) {axes: [1]}: f32[3, 1]
  %v = add(%m, %e): f32[3, 1]
  %q = sqrt(%v): f32[3, 1]
  %r = div(%one, %q): f32[3, 1]
  %y = mul(%r, %x): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = rms_norm(%x): f32[3, 8]
  out %y
})"},
                          {"a sum times one over C, weight joined with the inverse", R"(graph g {
  in %x: f32[3, 8]
  k %e: f32[] = [1e-06]
  k %c: f32[] = [0.125]
  k %w: f32[8] = seeded(1)
  %s = square(%x): f32[3, 8]
  %t = reduce_sum(%s) {axes: [1]}: f32[3, 1]
  %m = mul(%t, %c): f32[3, 1]
  %v = add(%m, %e): f32[3, 1]
  %r = rsqrt(%v): f32[3, 1]
  %g = mul(%r, %w): f32[3, 8]
  %y = mul(%x, %g): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[8] = seeded(1)
  %y = rms_norm(%x, %w): f32[3, 8]
  out %y
})"},
                          {"weight first, epsilon of zero", R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[8] = seeded(1)
  %s = square(%x): f32[3, 8]
  %m = reduce_mean(%s) {axes: [1]}: f32[3, 1]
  %r = rsqrt(%m): f32[3, 1]
  %g = mul(%x, %w): f32[3, 8]
  %y = mul(%g, %r): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[8] = seeded(1)
  %y = rms_norm(%x, %w) {epsilon: 0}: f32[3, 8]
  out %y
})"},
                          {"a weight of ones is none", R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[8] = splat(1)
  %n = rms_norm(%x): f32[3, 8]
  %y = mul(%n, %w): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = rms_norm(%x): f32[3, 8]
  out %y
})"},
                          {"the normed value may have other readers", R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[8] = seeded(1)
  %n = rms_norm(%x): f32[3, 8]
  %y = mul(%n, %w): f32[3, 8]
  out %y
  out %n
})",
                           R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[8] = seeded(1)
  %n = rms_norm(%x): f32[3, 8]
  %y = rms_norm(%x, %w): f32[3, 8]
  out %y
  out %n
})"},
                          {"qparams of the result stay, those inside go", R"(graph g {
  in %x: f32[3, 8] q(u8 0.1:128)
  k %e: f32[] = [1e-06]
  %s = square(%x): f32[3, 8] q(u8 0.2:0)
  %m = reduce_mean(%s) {axes: [1]}: f32[3, 1] q(u8 0.01:0)
  %v = add(%m, %e): f32[3, 1]
  %r = rsqrt(%v): f32[3, 1]
  %y = mul(%x, %r): f32[3, 8] q(u8 0.02:128)
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8] q(u8 0.1:128)
  %y = rms_norm(%x): f32[3, 8] q(u8 0.02:128)
  out %y
})"},
                          {"kept over another axis", R"(graph g {
  in %x: f32[8, 3]
  k %e: f32[] = [1e-06]
  %s = square(%x): f32[8, 3]
  %m = reduce_mean(%s) {axes: [0]}: f32[1, 3]
  %v = add(%m, %e): f32[1, 3]
  %r = rsqrt(%v): f32[1, 3]
  %y = mul(%x, %r): f32[8, 3]
  out %y
})",
                           kUnchanged},
                          {"kept over two axes", R"(graph g {
  in %x: f32[8, 3]
  k %e: f32[] = [1e-06]
  %s = square(%x): f32[8, 3]
  %m = reduce_mean(%s) {axes: [0, 1]}: f32[1, 1]
  %v = add(%m, %e): f32[1, 1]
  %r = rsqrt(%v): f32[1, 1]
  %y = mul(%x, %r): f32[8, 3]
  out %y
})",
                           kUnchanged},
                          {"kept where the mean is of another value", R"(graph g {
  in %x: f32[3, 8]
  in %z: f32[3, 8]
  k %e: f32[] = [1e-06]
  %s = square(%z): f32[3, 8]
  %m = reduce_mean(%s) {axes: [1]}: f32[3, 1]
  %v = add(%m, %e): f32[3, 1]
  %r = rsqrt(%v): f32[3, 1]
  %y = mul(%x, %r): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"kept with an epsilon that is no constant", R"(graph g {
  in %x: f32[3, 8]
  in %e: f32[3, 1]
  %s = square(%x): f32[3, 8]
  %m = reduce_mean(%s) {axes: [1]}: f32[3, 1]
  %v = add(%m, %e): f32[3, 1]
  %r = rsqrt(%v): f32[3, 1]
  %y = mul(%x, %r): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"kept where the sum is not divided by C", R"(graph g {
  in %x: f32[3, 8]
  k %e: f32[] = [1e-06]
  k %c: f32[] = [0.25]
  %s = square(%x): f32[3, 8]
  %t = reduce_sum(%s) {axes: [1]}: f32[3, 1]
  %m = mul(%t, %c): f32[3, 1]
  %v = add(%m, %e): f32[3, 1]
  %r = rsqrt(%v): f32[3, 1]
  %y = mul(%x, %r): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"a weight along another axis multiplies apart", R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[3, 1] = seeded(1)
  %n = rms_norm(%x): f32[3, 8]
  %y = mul(%n, %w): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"a weight that is no constant multiplies apart", R"(graph g {
  in %x: f32[3, 8]
  in %w: f32[8]
  %n = rms_norm(%x): f32[3, 8]
  %y = mul(%n, %w): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"a second weight multiplies apart", R"(graph g {
  in %x: f32[3, 8]
  k %w: f32[8] = seeded(1)
  %n = rms_norm(%x, %w): f32[3, 8]
  %y = mul(%n, %w): f32[3, 8]
  out %y
})",
                           kUnchanged},
                      });

TEST(FuseRmsNorm, CountsTheQparamsThatGo) {
  FuseRmsNorm pass;
  Report report;
  RunOnText(pass, R"(graph g {
  in %x: f32[3, 8] q(u8 0.1:128)
  k %e: f32[] = [1e-06]
  %s = square(%x): f32[3, 8] q(u8 0.2:0)
  %m = reduce_mean(%s) {axes: [1]}: f32[3, 1] q(u8 0.01:0)
  %v = add(%m, %e): f32[3, 1]
  %r = rsqrt(%v): f32[3, 1]
  %y = mul(%x, %r): f32[3, 8] q(u8 0.02:128)
  out %y
})",
            report);
  EXPECT_EQ(report.fused_qparams(), 2);
  EXPECT_EQ(report.counts().at("fuse-rms-norm"), 1);
}

}  // namespace
}  // namespace g4c::passes
