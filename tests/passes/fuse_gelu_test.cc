#include "passes/fuse_gelu.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

constexpr char kTanh[] = R"(graph g {
  in %x: f32[3, 8]
  %y = gelu(%x) {approximate: true}: f32[3, 8]
  out %y
})";
constexpr char kErf[] = R"(graph g {
  in %x: f32[3, 8]
  %y = gelu(%x): f32[3, 8]
  out %y
})";

INSTANTIATE_PASS_TEST(FuseGelu,
                      {
                          {"the tanh form with a cube, half times the sum first", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [0.044715]
  k %c: f32[] = [0.7978845834732056]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %s = square(%x): f32[3, 8]
  %p = mul(%s, %x): f32[3, 8]
  %q = mul(%a, %p): f32[3, 8]
  %i = add(%x, %q): f32[3, 8]
  %u = mul(%c, %i): f32[3, 8]
  %t = tanh(%u): f32[3, 8]
  %o = add(%t, %one): f32[3, 8]
  %g = mul(%h, %o): f32[3, 8]
  %y = mul(%x, %g): f32[3, 8]
  out %y
})",
                           kTanh},
                          {"the tanh form of a bf16 model", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [0.044677734375]
  k %c: f32[] = [0.796875]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %s = square(%x): f32[3, 8]
  %p = mul(%s, %x): f32[3, 8]
  %q = mul(%a, %p): f32[3, 8]
  %i = add(%x, %q): f32[3, 8]
  %u = mul(%c, %i): f32[3, 8]
  %t = tanh(%u): f32[3, 8]
  %o = add(%t, %one): f32[3, 8]
  %g = mul(%h, %o): f32[3, 8]
  %y = mul(%x, %g): f32[3, 8]
  out %y
})",
                           kTanh, /*the rounded constants*/ 1e-3},
                          {"the tanh form factored, half last", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [0.044715]
  k %c: f32[] = [0.79788456]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %s = square(%x): f32[3, 8]
  %q = mul(%s, %a): f32[3, 8]
  %i = add(%one, %q): f32[3, 8]
  %j = mul(%x, %i): f32[3, 8]
  %u = mul(%j, %c): f32[3, 8]
  %t = tanh(%u): f32[3, 8]
  %o = add(%one, %t): f32[3, 8]
  %g = mul(%x, %o): f32[3, 8]
  %y = mul(%g, %h): f32[3, 8]
  out %y
})",
                           kTanh},
                          {"the tanh form distributed", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [0.0356774081]
  k %c: f32[] = [0.79788456]
  k %h: f32[] = [0.5]
  %l = mul(%x, %c): f32[3, 8]
  %s = square(%x): f32[3, 8]
  %p = mul(%x, %s): f32[3, 8]
  %q = mul(%p, %a): f32[3, 8]
  %u = add(%q, %l): f32[3, 8]
  %t = tanh(%u): f32[3, 8]
  %b = mul(%x, %h): f32[3, 8]
  %d = mul(%b, %t): f32[3, 8]
  %y = add(%d, %b): f32[3, 8]
  out %y
})",
                           kTanh},
                          {"the erf form with a division", R"(graph g {
  in %x: f32[3, 8]
  k %r: f32[] = [1.4142135]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %u = div(%x, %r): f32[3, 8]
  %t = erf(%u): f32[3, 8]
  %o = add(%t, %one): f32[3, 8]
  %g = mul(%x, %o): f32[3, 8]
  %y = mul(%g, %h): f32[3, 8]
  out %y
})",
                           kErf},
                          {"the erf form with a product and half first", R"(graph g {
  in %x: f32[3, 8]
  k %r: f32[] = [0.70710677]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %u = mul(%x, %r): f32[3, 8]
  %t = erf(%u): f32[3, 8]
  %o = add(%one, %t): f32[3, 8]
  %b = mul(%h, %x): f32[3, 8]
  %y = mul(%b, %o): f32[3, 8]
  out %y
})",
                           kErf},
                          {"x may itself be a product", R"(graph g {
  in %a: f32[3, 8]
  in %b: f32[3, 8]
  k %r: f32[] = [0.70710677]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %x = mul(%a, %b): f32[3, 8]
  %u = mul(%x, %r): f32[3, 8]
  %t = erf(%u): f32[3, 8]
  %o = add(%one, %t): f32[3, 8]
  %g = mul(%x, %o): f32[3, 8]
  %y = mul(%g, %h): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %a: f32[3, 8]
  in %b: f32[3, 8]
  %x = mul(%a, %b): f32[3, 8]
  %y = gelu(%x): f32[3, 8]
  out %y
})"},
                          {"kept with another cubic coefficient", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [0.0448]
  k %c: f32[] = [0.7978845834732056]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %s = square(%x): f32[3, 8]
  %p = mul(%s, %x): f32[3, 8]
  %q = mul(%a, %p): f32[3, 8]
  %i = add(%x, %q): f32[3, 8]
  %u = mul(%c, %i): f32[3, 8]
  %t = tanh(%u): f32[3, 8]
  %o = add(%t, %one): f32[3, 8]
  %g = mul(%h, %o): f32[3, 8]
  %y = mul(%x, %g): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"kept where tanh is of another value", R"(graph g {
  in %x: f32[3, 8]
  in %z: f32[3, 8]
  k %r: f32[] = [0.70710677]
  k %h: f32[] = [0.5]
  k %one: f32[] = [1]
  %u = mul(%z, %r): f32[3, 8]
  %t = erf(%u): f32[3, 8]
  %o = add(%one, %t): f32[3, 8]
  %g = mul(%x, %o): f32[3, 8]
  %y = mul(%g, %h): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"kept where the sum is with 2", R"(graph g {
  in %x: f32[3, 8]
  k %r: f32[] = [0.70710677]
  k %h: f32[] = [0.5]
  k %two: f32[] = [2]
  %u = mul(%x, %r): f32[3, 8]
  %t = erf(%u): f32[3, 8]
  %o = add(%two, %t): f32[3, 8]
  %g = mul(%x, %o): f32[3, 8]
  %y = mul(%g, %h): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"kept without the half", R"(graph g {
  in %x: f32[3, 8]
  k %r: f32[] = [0.70710677]
  k %one: f32[] = [1]
  %u = mul(%x, %r): f32[3, 8]
  %t = erf(%u): f32[3, 8]
  %o = add(%one, %t): f32[3, 8]
  %y = mul(%x, %o): f32[3, 8]
  out %y
})",
                           kUnchanged},
                      });

}  // namespace
}  // namespace g4c::passes
