#include "passes/settle_layout.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(SettleLayout,
                      {
                          {"a norm and a table behind a transpose", R"(graph g {
  in %x: f32[1, 3, 8]
  k %gain: f32[4] = seeded(1)
  k %table: f32[3, 4] = seeded(2)
  %h = reshape(%x) {shape: [1, 3, 2, 4]}: f32[1, 3, 2, 4]
  %t = transpose(%h) {perm: [0, 2, 1, 3]}: f32[1, 2, 3, 4]
  %n = rms_norm(%t, %gain): f32[1, 2, 3, 4]
  %m = mul(%n, %table): f32[1, 2, 3, 4]
  %y = batch_matmul(%m, %m) {adj_y: true}: f32[1, 2, 3, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 8]
  k %gain: f32[4] = seeded(1)
  k %table: f32[1, 3, 1, 4] = seeded(2)
  %h = reshape(%x) {shape: [1, 3, 2, 4]}: f32[1, 3, 2, 4]
  %n = rms_norm(%h, %gain): f32[1, 3, 2, 4]
  %m = mul(%n, %table): f32[1, 3, 2, 4]
  %t = transpose(%m) {perm: [0, 2, 1, 3]}: f32[1, 2, 3, 4]
  %y = batch_matmul(%t, %t) {adj_y: true}: f32[1, 2, 3, 3]
  out %y
})",
                           0},
                          {"a reshape that meets another", R"(graph g {
  in %x: f32[2, 3, 4, 4]
  in %z: f32[2, 3, 4, 2]
  k %mask: f32[1, 1, 1, 4] = seeded(1)
  %h = reshape(%x) {shape: [1, 6, 4, 4]}: f32[1, 6, 4, 4]
  %s = add(%h, %mask): f32[1, 6, 4, 4]
  %p = softmax(%s): f32[1, 6, 4, 4]
  %g = reshape(%p) {shape: [2, 3, 4, 4]}: f32[2, 3, 4, 4]
  %y = batch_matmul(%g, %z): f32[2, 3, 4, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[2, 3, 4, 4]
  in %z: f32[2, 3, 4, 2]
  k %mask: f32[1, 1, 1, 4] = seeded(1)
  %s = add(%x, %mask): f32[2, 3, 4, 4]
  %p = softmax(%s): f32[2, 3, 4, 4]
  %y = batch_matmul(%p, %z): f32[2, 3, 4, 2]
  out %y
})",
                           0},
                          {"halves along the last axis", R"(graph g {
  in %x: f32[3, 2, 4]
  %t = transpose(%x) {perm: [1, 0, 2]}: f32[2, 3, 4]
  %a, %b = split(%t) {axis: 2, sizes: [1, 3]}: f32[2, 3, 1], f32[2, 3, 3]
  %n = neg(%b): f32[2, 3, 3]
  %c = concat(%n, %a) {axis: 2}: f32[2, 3, 4]
  %y = batch_matmul(%c, %c) {adj_y: true}: f32[2, 3, 3]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2, 4]
  %a, %b = split(%x) {axis: 2, sizes: [1, 3]}: f32[3, 2, 1], f32[3, 2, 3]
  %n = neg(%b): f32[3, 2, 3]
  %c = concat(%n, %a) {axis: 2}: f32[3, 2, 4]
  %t = transpose(%c) {perm: [1, 0, 2]}: f32[2, 3, 4]
  %y = batch_matmul(%t, %t) {adj_y: true}: f32[2, 3, 3]
  out %y
})",
                           0},
                          {"kept where the last axis moves", R"(graph g {
  in %x: f32[2, 4, 3]
  %t = transpose(%x) {perm: [0, 2, 1]}: f32[2, 3, 4]
  %n = rms_norm(%t): f32[2, 3, 4]
  %y = batch_matmul(%n, %n) {adj_y: true}: f32[2, 3, 3]
  out %y
})",
                           kUnchanged},
                          {"kept where what was moved is read elsewhere too", R"(graph g {
  in %x: f32[3, 2, 4]
  %t = transpose(%x) {perm: [1, 0, 2]}: f32[2, 3, 4]
  %n = rms_norm(%t): f32[2, 3, 4]
  %y = batch_matmul(%n, %t) {adj_y: true}: f32[2, 3, 3]
  out %y
})",
                           kUnchanged},
                          {"kept where the transpose requantises", R"(graph g {
  in %x: f32[3, 2, 4] q(u8 0.1:128)
  %t = transpose(%x) {perm: [1, 0, 2]}: f32[2, 3, 4] q(u8 0.2:128)
  %n = rms_norm(%t): f32[2, 3, 4] q(u8 0.3:128)
  %y = batch_matmul(%n, %n) {adj_y: true}: f32[2, 3, 3] q(u8 0.4:128)
  out %y
})",
                           kUnchanged},
                          {"kept where another value comes in", R"(graph g {
  in %x: f32[3, 2, 4]
  in %z: f32[2, 3, 4]
  %t = transpose(%x) {perm: [1, 0, 2]}: f32[2, 3, 4]
  %s = add(%t, %z): f32[2, 3, 4]
  %y = batch_matmul(%s, %s) {adj_y: true}: f32[2, 3, 3]
  out %y
})",
                           kUnchanged},
                          {"kept where a constant would grow", R"(graph g {
  in %x: f32[2, 3, 4]
  k %table: f32[1, 3, 4] = seeded(1)
  %m = mul(%x, %table): f32[2, 3, 4]
  %y = reshape(%m) {shape: [6, 4]}: f32[6, 4]
  out %y
})",
                           kUnchanged},
                      });

}  // namespace
}  // namespace g4c::passes
