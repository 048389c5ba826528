#include "passes/canonicalize.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(Canonicalize,
                      {
                          // ---- passes/rewrite_arithmetic.cc ----
                          {"neutral operands go", R"(graph g {
  in %x: f32[2, 3]
  k %zero: f32[] = [0]
  k %one: f32[3] = splat(1)
  %a = add(%zero, %x): f32[2, 3]
  %b = sub(%a, %zero): f32[2, 3]
  %c = mul(%b, %one): f32[2, 3]
  %d = div(%c, %one): f32[2, 3]
  %y = exp(%d): f32[2, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3]
  %y = exp(%x): f32[2, 3]
  out %y
})",
                           0},
                          {"a neutral operand that broadcasts stays", R"(graph g {
  in %x: f32[1, 3]
  in %z: f32[2, 3]
  k %zero: f32[2, 1] = splat(0)
  %a = add(%x, %zero): f32[2, 3]
  %y = concat(%a, %z) {axis: 0}: f32[4, 3]
  out %y
})",
                           kUnchanged},
                          {"zero minus x and one over x stay", R"(graph g {
  in %x: f32[2, 3]
  k %zero: f32[] = [0]
  k %one: f32[] = [1]
  %a = sub(%zero, %x): f32[2, 3]
  %y = div(%one, %a): f32[2, 3]
  out %y
})",
                           kUnchanged},
                          {"a product with one between equal qparams goes", R"(graph g {
  in %x: f32[2, 3] q(u8 0.5:3)
  k %one: f32[] q(u8 1:0) = [1]
  %a = mul(%x, %one): f32[2, 3] q(u8 0.5:3)
  %y = exp(%a): f32[2, 3] q(u8 0.25:3)
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3] q(u8 0.5:3)
  %y = exp(%x): f32[2, 3] q(u8 0.25:3)
  out %y
})",
                           0},
                          {"a product with one between other qparams stays", R"(graph g {
  in %x: f32[2, 3] q(u8 0.5:3)
  k %one: f32[] q(u8 1:0) = [1]
  %a = mul(%x, %one): f32[2, 3] q(u8 0.25:3)
  %y = exp(%a): f32[2, 3] q(u8 0.25:3)
  out %y
})",
                           kUnchanged},
                          {"qparams of an identity move to its operand", R"(graph g {
  in %x: f32[2, 3]
  k %zero: f32[] = [0]
  %a = exp(%x): f32[2, 3]
  %b = add(%a, %zero): f32[2, 3] q(u8 0.25:3)
  %y = sin(%b): f32[2, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3]
  %a = exp(%x): f32[2, 3] q(u8 0.25:3)
  %y = sin(%a): f32[2, 3]
  out %y
})",
                           0},
                          {"powers", R"(graph g {
  in %x: f32[4]
  k %p: f32[] = [2]
  k %q: f32[1] = [0.5]
  k %r: f32[] = [-0.5]
  k %i: f32[] = [-1]
  k %o: f32[] = [1]
  %a = pow(%x, %p): f32[4]
  %b = pow(%a, %q): f32[4]
  %c = pow(%b, %r): f32[4]
  %d = pow(%c, %i): f32[4]
  %y = pow(%d, %o): f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  k %o: f32[] = [1]
  %a = square(%x): f32[4]
  %b = sqrt(%a): f32[4]
  %c = rsqrt(%b): f32[4]
  %d = div(%o, %c): f32[4]
  out %d as y
})"},
                          {"a cube is a square times x", R"(graph g {
  in %x: f32[4]
  k %p: f32[] = [3]
  %y = pow(%x, %p): f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  %s = square(%x): f32[4]
  %y = mul(%s, %x): f32[4]
  out %y
})"},
                          {"another power stays", R"(graph g {
  in %x: f32[4]
  k %p: f32[] = [2.5]
  %y = pow(%x, %p): f32[4]
  out %y
})",
                           kUnchanged},
                          {"a product with itself is a square", R"(graph g {
  in %x: f32[4]
  %y = mul(%x, %x): f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  %y = square(%x): f32[4]
  out %y
})",
                           0},
                          {"division by a power of two is a product", R"(graph g {
  in %x: f32[4]
  k %k: f32[] = [-8]
  %y = div(%x, %k): f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  k %k: f32[] = [-0.125]
  %y = mul(%x, %k): f32[4]
  out %y
})",
                           0},
                          {"division by another number stays", R"(graph g {
  in %x: f32[4]
  k %k: f32[] = [3]
  %y = div(%x, %k): f32[4]
  out %y
})",
                           kUnchanged},
                          {"negations in pairs go", R"(graph g {
  in %x: f32[4]
  in %c: bool[4]
  %a = neg(%x): f32[4]
  %b = neg(%a): f32[4]
  %n = logical_not(%c): bool[4]
  %m = logical_not(%n): bool[4]
  %d = select(%m, %b, %x): f32[4]
  %y = exp(%d): f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  in %c: bool[4]
  %y = exp(%x): f32[4]
  out %y
})",
                           0},
                          {"casts to the own dtype and through a wider one", R"(graph g {
  in %c: bool[4]
  in %x: f32[4]
  %i = cast(%c) {to: i64}: i64[4]
  %f = cast(%i) {to: f32}: f32[4]
  %g = cast(%x) {to: f32}: f32[4]
  %y = add(%f, %g): f32[4]
  out %y
})",
                           R"(graph g {
  in %c: bool[4]
  in %x: f32[4]
  %f = cast(%c) {to: f32}: f32[4]
  %y = add(%f, %x): f32[4]
  out %y
})",
                           0},
                          {"casts that lose numbers stay", R"(graph g {
  in %x: f32[4]
  %i = cast(%x) {to: i64}: i64[4]
  %j = cast(%i) {to: i8}: i8[4]
  %y = cast(%j) {to: f32}: f32[4]
  out %y
})",
                           kUnchanged},
                          {"selects that are decided", R"(graph g {
  in %x: f32[2, 3]
  in %z: f32[3]
  k %t: bool[1, 3] = splat(true)
  k %f: bool[] = [false]
  %a = select(%t, %x, %z): f32[2, 3]
  %y = select(%f, %a, %z): f32[2, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3]
  in %z: f32[3]
  %y = broadcast_to(%z) {shape: [2, 3]}: f32[2, 3]
  out %y
})",
                           0},
                          {"a negated condition swaps", R"(graph g {
  in %c: bool[3]
  in %x: f32[3]
  in %z: f32[3]
  %n = logical_not(%c): bool[3]
  %y = select(%n, %x, %z): f32[3]
  out %y
})",
                           R"(graph g {
  in %c: bool[3]
  in %x: f32[3]
  in %z: f32[3]
  %y = select(%c, %z, %x): f32[3]
  out %y
})",
                           0},
                          {"equality with true and false", R"(graph g {
  in %c: bool[3]
  k %t: bool[] = [true]
  k %f: bool[] = [false]
  %a = equal(%c, %t): bool[3]
  %y = equal(%f, %a): bool[3]
  out %y
})",
                           R"(graph g {
  in %c: bool[3]
  %y = logical_not(%c): bool[3]
  out %y
})",
                           0},

                          // ---- passes/rewrite_movement.cc ----
                          {"movement that moves nothing goes", R"(graph g {
  in %x: f32[2, 3]
  %a = reshape(%x) {shape: [2, 3]}: f32[2, 3]
  %b = transpose(%a) {perm: [0, 1]}: f32[2, 3]
  %c = slice(%b) {begin: [0, 0], size: [2, 3], stride: [1, 1]}: f32[2, 3]
  %d = broadcast_to(%c) {shape: [2, 3]}: f32[2, 3]
  %e = tile(%d) {multiples: [1, 1]}: f32[2, 3]
  %f = pad(%e) {before: [0, 0], after: [0, 0]}: f32[2, 3]
  %y = exp(%f): f32[2, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3]
  %y = exp(%x): f32[2, 3]
  out %y
})",
                           0},
                          {"a square transpose and a reversal stay", R"(graph g {
  in %x: f32[3, 3]
  %a = transpose(%x) {perm: [1, 0]}: f32[3, 3]
  %y = slice(%a) {begin: [2, 0], size: [3, 3], stride: [-1, 1]}: f32[3, 3]
  out %y
})",
                           kUnchanged},
                          {"reshapes of reshapes", R"(graph g {
  in %x: f32[2, 6]
  %a = reshape(%x) {shape: [3, 4]}: f32[3, 4]
  %y = reshape(%a) {shape: [12]}: f32[12]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 6]
  %y = reshape(%x) {shape: [12]}: f32[12]
  out %y
})",
                           0},
                          {"transposes of transposes", R"(graph g {
  in %x: f32[2, 3, 4]
  %a = transpose(%x) {perm: [1, 2, 0]}: f32[3, 4, 2]
  %y = transpose(%a) {perm: [1, 0, 2]}: f32[4, 3, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3, 4]
  %y = transpose(%x) {perm: [2, 1, 0]}: f32[4, 3, 2]
  out %y
})",
                           0},
                          {"reshapes around other qparams stay", R"(graph g {
  in %x: f32[2, 6] q(u8 0.5:0)
  %a = reshape(%x) {shape: [3, 4]}: f32[3, 4] q(u8 0.25:0)
  %y = reshape(%a) {shape: [12]}: f32[12] q(u8 0.25:0)
  out %y
})",
                           kUnchanged},
                          {"a transpose that only moves dims of 1 is a reshape", R"(graph g {
  in %x: f32[1, 3, 4]
  %y = transpose(%x) {perm: [1, 0, 2]}: f32[3, 1, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 4]
  %y = reshape(%x) {shape: [3, 1, 4]}: f32[3, 1, 4]
  out %y
})",
                           0},
                          {"a transpose of joined axes is one of all axes", R"(graph g {
  in %x: f32[1, 2, 3, 4]
  %r = reshape(%x) {shape: [2, 3, 4]}: f32[2, 3, 4]
  %t = transpose(%r) {perm: [0, 2, 1]}: f32[2, 4, 3]
  %y = reshape(%t) {shape: [1, 2, 4, 3]}: f32[1, 2, 4, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 2, 3, 4]
  %y = transpose(%x) {perm: [0, 1, 3, 2]}: f32[1, 2, 4, 3]
  out %y
})",
                           0},
                          {"axes that move together", R"(graph g {
  in %x: f32[2, 3, 4]
  %r = reshape(%x) {shape: [6, 4]}: f32[6, 4]
  %t = transpose(%r) {perm: [1, 0]}: f32[4, 6]
  %y = reshape(%t) {shape: [4, 2, 3]}: f32[4, 2, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3, 4]
  %y = transpose(%x) {perm: [2, 0, 1]}: f32[4, 2, 3]
  out %y
})",
                           0},
                          {"axes that are cut elsewhere stay", R"(graph g {
  in %x: f32[2, 6]
  %r = reshape(%x) {shape: [3, 4]}: f32[3, 4]
  %t = transpose(%r) {perm: [1, 0]}: f32[4, 3]
  %y = reshape(%t) {shape: [6, 2]}: f32[6, 2]
  out %y
})",
                           kUnchanged},
                          {"axes that are taken apart in another way", R"(graph g {
  in %x: f32[2, 3, 4]
  %r = reshape(%x) {shape: [6, 4]}: f32[6, 4]
  %t = transpose(%r) {perm: [1, 0]}: f32[4, 6]
  %y = reshape(%t) {shape: [4, 3, 2]}: f32[4, 3, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3, 4]
  %r = reshape(%x) {shape: [3, 2, 4]}: f32[3, 2, 4]
  %y = transpose(%r) {perm: [2, 0, 1]}: f32[4, 3, 2]
  out %y
})"},
                          {"a chain with another reader on the way", R"(graph g {
  in %x: f32[1, 6, 4]
  %r = reshape(%x) {shape: [6, 4]}: f32[6, 4]
  %t = transpose(%r) {perm: [1, 0]}: f32[4, 6]
  %y = reshape(%t) {shape: [4, 3, 2]}: f32[4, 3, 2]
  out %t
  out %y
})",
                           kUnchanged},
                          {"slices of slices", R"(graph g {
  in %x: f32[10]
  %a = slice(%x) {begin: [1], size: [4], stride: [2]}: f32[4]
  %y = slice(%a) {begin: [1], size: [2], stride: [2]}: f32[2]
  out %y
})",
                           R"(graph g {
  in %x: f32[10]
  %y = slice(%x) {begin: [3], size: [2], stride: [4]}: f32[2]
  out %y
})",
                           0},
                          {"tiling dims of 1 is a broadcast", R"(graph g {
  in %x: f32[1, 3]
  %y = tile(%x) {multiples: [4, 1]}: f32[4, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3]
  %y = broadcast_to(%x) {shape: [4, 3]}: f32[4, 3]
  out %y
})",
                           0},
                          {"tiling another dim stays", R"(graph g {
  in %x: f32[2, 3]
  %y = tile(%x) {multiples: [2, 1]}: f32[4, 3]
  out %y
})",
                           kUnchanged},
                      });

}  // namespace
}  // namespace g4c::passes
