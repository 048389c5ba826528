#include <gmock/gmock.h>

#include "passes/legalize_circle.h"
#include "passes/legalize_onert.h"
#include "tests/passes/pass_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

INSTANTIATE_PASS_TEST(LegalizeCircle,
                      {
                          {"clamps are minimum and maximum", R"(graph g {
  in %x: f32[4]
  %a = clamp(%x) {min: -1, max: 2}: f32[4]
  %b = exp(%a): f32[4]
  %c = clamp(%b) {min: 0.5, max: inf}: f32[4]
  %d = neg(%c): f32[4]
  %e = clamp(%d) {min: -inf, max: -0.75}: f32[4]
  %f = exp(%e): f32[4]
  %y = clamp(%f) {min: 0, max: inf}: f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  k %m1: f32[] = [-1]
  k %p2: f32[] = [2]
  k %h: f32[] = [0.5]
  k %q: f32[] = [-0.75]
  %l = maximum(%x, %m1): f32[4]
  %a = minimum(%l, %p2): f32[4]
  %b = exp(%a): f32[4]
  %c = maximum(%b, %h): f32[4]
  %d = neg(%c): f32[4]
  %e = minimum(%d, %q): f32[4]
  %f = exp(%e): f32[4]
  %y = relu(%f): f32[4]
  out %y
})",
                           0},
                          {"a clamp outside of the representable range goes", R"(graph g {
  in %x: f32[4] q(u8 0.01:100)
  %a = clamp(%x) {min: -1, max: 2}: f32[4] q(u8 0.01:100)
  %y = exp(%a): f32[4] q(u8 0.05:0)
  out %y
})",
                           R"(graph g {
  in %x: f32[4] q(u8 0.01:100)
  %y = exp(%x): f32[4] q(u8 0.05:0)
  out %y
})",
                           0, /*evaluate=*/false},
                          {"its operand's own qparams go where it is the only reader", R"(graph g {
  in %x: f32[4] q(u8 0.01:100)
  %a = exp(%x): f32[4] q(u8 0.05:0)
  %b = clamp(%a) {min: 0, max: 3}: f32[4] q(u8 0.01:0)
  %y = neg(%b): f32[4] q(u8 0.01:255)
  out %y
})",
                           R"(graph g {
  in %x: f32[4] q(u8 0.01:100)
  %b = exp(%x): f32[4] q(u8 0.01:0)
  %y = neg(%b): f32[4] q(u8 0.01:255)
  out %y
})",
                           0, /*evaluate=*/false},
                          {"else it is a requantisation", R"(graph g {
  in %x: f32[4] q(u8 0.05:0)
  %y = clamp(%x) {min: 0, max: 3}: f32[4] q(u8 0.01:0)
  out %y
})",
                           R"(graph g {
  in %x: f32[4] q(u8 0.05:0)
  %y = quantize(%x): f32[4] q(u8 0.01:0)
  out %y
})",
                           0, /*evaluate=*/false},
                          {"a quantised clamp that bites has one set of qparams", R"(graph g {
  in %x: f32[4] q(u8 0.01:100)
  %y = clamp(%x) {min: -0.5, max: 0.5}: f32[4] q(u8 0.01:100)
  out %y
})",
                           R"(graph g {
  in %x: f32[4] q(u8 0.01:100)
  k %a: f32[] q(u8 0.01:100) = [-0.5]
  k %b: f32[] q(u8 0.01:100) = [0.5]
  %m = maximum(%x, %a): f32[4] q(u8 0.01:100)
  %y = minimum(%m, %b): f32[4] q(u8 0.01:100)
  out %y
})",
                           0},
                          {"squares, gains, logic", R"(graph g {
  in %x: f32[2, 4]
  in %c: bool[2, 4]
  %s = square(%x): f32[2, 4]
  %n = rms_norm(%s): f32[2, 4]
  %i = is_nan(%n): bool[2, 4]
  %y = logical_xor(%i, %c): bool[2, 4]
  out %y
  out %n
})",
                           R"(graph g {
  in %x: f32[2, 4]
  in %c: bool[2, 4]
  k %one: f32[1] = [1]
  %s = mul(%x, %x): f32[2, 4]
  %n = rms_norm(%s, %one): f32[2, 4]
  %i = not_equal(%n, %n): bool[2, 4]
  %y = not_equal(%i, %c): bool[2, 4]
  out %y
  out %n
})",
                           0},
                          {"the gain of a quantised norm is exactly one", R"(graph g {
  in %x: f32[2, 4] q(u8 0.5:0)
  %y = rms_norm(%x): f32[2, 4] q(u8 0.25:7)
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 4] q(u8 0.5:0)
  k %one: f32[1] q(u8 0.0078125:0) = [1]
  %y = rms_norm(%x, %one): f32[2, 4] q(u8 0.25:7)
  out %y
})",
                           0},
                          {"a reshape that only drops reduced dims", R"(graph g {
  in %x: f32[2, 3, 4]
  %m = reduce_mean(%x) {axes: [1]}: f32[2, 1, 4]
  %y = reshape(%m) {shape: [2, 4]}: f32[2, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3, 4]
  %y = reduce_mean(%x) {axes: [1], keep_dims: false}: f32[2, 4]
  out %y
})",
                           0},
                          {"another reshape of a reduction stays", R"(graph g {
  in %x: f32[2, 3, 4]
  %m = reduce_mean(%x) {axes: [1]}: f32[2, 1, 4]
  %y = reshape(%m) {shape: [8]}: f32[8]
  out %y
})",
                           kUnchanged},
                      });

INSTANTIATE_PASS_TEST(LegalizeOnert,
                      {
                          {"a product's rank is restored where it is needed", R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  k %g: f32[1] = [1]
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %n = rms_norm(%a, %g): f32[1, 3, 4]
  %b = fully_connected(%n, %w, -): f32[1, 3, 4]
  %c = gelu(%b): f32[1, 3, 4]
  %d = fully_connected(%n, %w, -): f32[1, 3, 4]
  %e = mul(%c, %d): f32[1, 3, 4]
  %f = fully_connected(%e, %w, -): f32[1, 3, 4]
  %y = add(%x, %f): f32[1, 3, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  k %g: f32[1] = [1]
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %as = reshape(%a) {shape: [1, 3, 4]}: f32[1, 3, 4]
  %n = rms_norm(%as, %g): f32[1, 3, 4]
  %b = fully_connected(%n, %w, -): f32[1, 3, 4]
  %c = gelu(%b): f32[1, 3, 4]
  %d = fully_connected(%n, %w, -): f32[1, 3, 4]
  %e = mul(%c, %d): f32[1, 3, 4]
  %f = fully_connected(%e, %w, -): f32[1, 3, 4]
  %fs = reshape(%f) {shape: [1, 3, 4]}: f32[1, 3, 4]
  %y = add(%x, %fs): f32[1, 3, 4]
  out %y
})",
                           0},
                          {"an output gets its rank back, a reshape needs none", R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %r = reshape(%a) {shape: [1, 3, 2, 2]}: f32[1, 3, 2, 2]
  out %a
  out %r
})",
                           R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %as = reshape(%a) {shape: [1, 3, 4]}: f32[1, 3, 4]
  %r = reshape(%a) {shape: [1, 3, 2, 2]}: f32[1, 3, 2, 2]
  out %as
  out %r
})",
                           0},
                          {"a constant first factor is swapped into a weight", R"(graph g {
  in %x: f32[1, 3, 4]
  k %p: f32[1, 2, 3] = seeded(1)
  %y = batch_matmul(%p, %x): f32[1, 2, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[2, 3] = seeded(1)
  %t = transpose(%x) {perm: [0, 2, 1]}: f32[1, 4, 3]
  %f = fully_connected(%t, %w, -): f32[1, 4, 2]
  %fs = reshape(%f) {shape: [1, 4, 2]}: f32[1, 4, 2]
  %y = transpose(%fs) {perm: [0, 2, 1]}: f32[1, 2, 4]
  out %y
})"},
                          {"a constant first factor with a batch is swapped", R"(graph g {
  in %x: f32[2, 3, 4]
  k %p: f32[2, 5, 3] = seeded(1)
  %y = batch_matmul(%p, %x): f32[2, 5, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3, 4]
  k %p: f32[2, 5, 3] = seeded(1)
  %s = batch_matmul(%x, %p) {adj_x: true, adj_y: true}: f32[2, 4, 5]
  %y = transpose(%s) {perm: [0, 2, 1]}: f32[2, 5, 4]
  out %y
})"},
                          {"unequal splits are slices", R"(graph g {
  in %x: f32[6]
  %a, %b = split(%x) {axis: 0, sizes: [2, 4]}: f32[2], f32[4]
  %y = concat(%b, %a) {axis: 0}: f32[6]
  out %y
})",
                           R"(graph g {
  in %x: f32[6]
  %a = slice(%x) {begin: [0], size: [2], stride: [1]}: f32[2]
  %b = slice(%x) {begin: [2], size: [4], stride: [1]}: f32[4]
  %y = concat(%b, %a) {axis: 0}: f32[6]
  out %y
})",
                           0},
                          {"equal splits stay", R"(graph g {
  in %x: f32[6]
  %a, %b = split(%x) {axis: 0, sizes: [3, 3]}: f32[3], f32[3]
  %y = concat(%b, %a) {axis: 0}: f32[6]
  out %y
})",
                           kUnchanged},
                          {"norms have rank 3", R"(graph g {
  in %x: f32[2, 4]
  k %g: f32[1] = [1]
  %y = rms_norm(%x, %g): f32[2, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 4]
  k %g: f32[1] = [1]
  %r = reshape(%x) {shape: [1, 2, 4]}: f32[1, 2, 4]
  %n = rms_norm(%r, %g): f32[1, 2, 4]
  %y = reshape(%n) {shape: [2, 4]}: f32[2, 4]
  out %y
})",
                           0},
                          {"products and reductions have rank 4 at most", R"(graph g {
  in %x: f32[1, 2, 2, 3, 4]
  in %z: f32[1, 2, 2, 4, 5]
  %p = batch_matmul(%x, %z): f32[1, 2, 2, 3, 5]
  %y = reduce_sum(%p) {axes: [2, 3]}: f32[1, 2, 1, 1, 5]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 2, 2, 3, 4]
  in %z: f32[1, 2, 2, 4, 5]
  %xr = reshape(%x) {shape: [4, 3, 4]}: f32[4, 3, 4]
  %zr = reshape(%z) {shape: [4, 4, 5]}: f32[4, 4, 5]
  %m = batch_matmul(%xr, %zr): f32[4, 3, 5]
  %p = reshape(%m) {shape: [1, 2, 2, 3, 5]}: f32[1, 2, 2, 3, 5]
  %pr = reshape(%p) {shape: [2, 6, 5]}: f32[2, 6, 5]
  %s = reduce_sum(%pr) {axes: [1]}: f32[2, 1, 5]
  %y = reshape(%s) {shape: [1, 2, 1, 1, 5]}: f32[1, 2, 1, 1, 5]
  out %y
})"},
                      });

TEST(LegalizeOnert, RefusesABatchThatItCannotFlatten) {
  LegalizeOnert pass;
  EXPECT_THAT(ErrorOnText(pass, R"(graph g {
  in %x: f32[1, 2, 2, 3, 4]
  in %z: f32[2, 4, 5]
  %y = batch_matmul(%x, %z): f32[1, 2, 2, 3, 5]
  out %y
})"),
              IsUnsupported(HasSubstr("batch_matmul 'y': onert multiplies")));
}

}  // namespace
}  // namespace g4c::passes
