#include "passes/legalize_circle.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(
    LegalizeCircle,
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
        {"clamps that are activations go into what computes for them", R"(graph g {
  in %x: f32[2, 2]
  k %w: f32[2, 2] = seeded(1)
  %f = fully_connected(%x, %w, -): f32[2, 2]
  %a = clamp(%f) {min: 0, max: inf}: f32[2, 2]
  %m = mul(%a, %x): f32[2, 2]
  %b = clamp(%m) {min: 0, max: 6}: f32[2, 2]
  %s = sub(%b, %x): f32[2, 2] q(i16 0.1:0)
  %y = clamp(%s) {min: -1, max: 1}: f32[2, 2] q(i16 0.1:0)
  out %y
})",
         R"(graph g {
  in %x: f32[2, 2]
  k %w: f32[2, 2] = seeded(1)
  %a = fully_connected(%x, %w, -) {activation: relu}: f32[2, 2]
  %b = mul(%a, %x) {activation: relu6}: f32[2, 2]
  %y = sub(%b, %x) {activation: relu_n1_to_1}: f32[2, 2] q(i16 0.1:0)
  out %y
})",
         0},
        {"kept apart: other bounds, another reader, qparams of its own", R"(graph g {
  in %x: f32[2]
  %a = add(%x, %x): f32[2]
  %b = clamp(%a) {min: -inf, max: 6}: f32[2]
  %c = mul(%b, %x): f32[2]
  %d = clamp(%c) {min: 0, max: inf}: f32[2]
  %e = sub(%d, %c): f32[2] q(i16 0.1:0)
  %y = clamp(%e) {min: 0, max: inf}: f32[2] q(i16 0.2:0)
  out %y
})",
         R"(graph g {
  in %x: f32[2]
  k %six: f32[] = [6]
  %a = add(%x, %x): f32[2]
  %b = minimum(%a, %six): f32[2]
  %c = mul(%b, %x): f32[2]
  %d = relu(%c): f32[2]
  %e = sub(%d, %c): f32[2] q(i16 0.1:0)
  %y = relu(%e): f32[2] q(i16 0.2:0)
  out %y
})",
         0, /*evaluate=*/false},
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

}  // namespace
}  // namespace g4c::passes
