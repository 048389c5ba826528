#include "passes/fuse_clamp.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(FuseClamp,
                      {
                          {"maximum then minimum", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [-0.5]
  k %b: f32[] = [0.75]
  %m = maximum(%x, %a): f32[3, 8]
  %y = minimum(%b, %m): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = clamp(%x) {min: -0.5, max: 0.75}: f32[3, 8]
  out %y
})",
                           0},
                          {"nested clamps are one", R"(graph g {
  in %x: f32[3, 8]
  %m = clamp(%x) {min: -0.5, max: 2}: f32[3, 8]
  %y = clamp(%m) {min: -1, max: 0.25}: f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = clamp(%x) {min: -0.5, max: 0.25}: f32[3, 8]
  out %y
})",
                           0},
                          {"an inner range below the outer one", R"(graph g {
  in %x: f32[3, 8]
  %m = clamp(%x) {min: -2, max: -1}: f32[3, 8]
  %y = clamp(%m) {min: -0.5, max: 0.25}: f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = clamp(%x) {min: -0.5, max: -0.5}: f32[3, 8]
  out %y
})",
                           0},
                          {"relu is a clamp, and takes an upper bound", R"(graph g {
  in %x: f32[3, 8]
  k %b: f32[1] = [1]
  %m = relu(%x): f32[3, 8]
  %y = minimum(%m, %b): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = clamp(%x) {min: 0, max: 1}: f32[3, 8]
  out %y
})",
                           0},
                          {"infinite bounds are none", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [-inf]
  k %b: f32[] = [inf]
  %m = maximum(%x, %a): f32[3, 8]
  %n = minimum(%m, %b): f32[3, 8]
  %y = neg(%n): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = neg(%x): f32[3, 8]
  out %y
})",
                           0},
                          {"qparams of the outer value stay, equal inner ones go", R"(graph g {
  in %x: f32[3, 8]
  k %a: f32[] = [-0.5]
  k %b: f32[] = [0.75]
  %m = maximum(%x, %a): f32[3, 8] q(u8 0.01:100)
  %y = minimum(%m, %b): f32[3, 8] q(u8 0.01:100)
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  %y = clamp(%x) {min: -0.5, max: 0.75}: f32[3, 8] q(u8 0.01:100)
  out %y
})",
                           0},
                          {"inner qparams of another range stay", R"(graph g {
  in %x: f32[3, 8]
  %m = clamp(%x) {min: -0.5, max: 2}: f32[3, 8] q(u8 0.001:100)
  %y = clamp(%m) {min: -1, max: 0.25}: f32[3, 8] q(u8 0.01:100)
  out %y
})",
                           kUnchanged},
                          {"kept with one bound a channel", R"(graph g {
  in %x: f32[3, 2]
  k %a: f32[2] = [-0.5, 0.5]
  %y = maximum(%x, %a): f32[3, 2]
  out %y
})",
                           kUnchanged},
                          {"kept with a bound that is no constant", R"(graph g {
  in %x: f32[3, 2]
  in %a: f32[]
  %y = maximum(%x, %a): f32[3, 2]
  out %y
})",
                           kUnchanged},
                          {"kept on integers", R"(graph g {
  in %x: i64[3, 2]
  k %a: i64[] = [0]
  %y = maximum(%x, %a): i64[3, 2]
  out %y
})",
                           kUnchanged},
                          {"kept with a bound of the wrong infinity", R"(graph g {
  in %x: f32[3, 2]
  k %a: f32[] = [inf]
  %y = maximum(%x, %a): f32[3, 2]
  out %y
})",
                           kUnchanged},
                          {"kept where the constant broadcasts x", R"(graph g {
  in %x: f32[1, 2]
  k %a: f32[3, 1] = splat(0.5)
  %y = maximum(%x, %a): f32[3, 2]
  out %y
})",
                           kUnchanged},
                      });

}  // namespace
}  // namespace g4c::passes
