#include "passes/group_heads.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(GroupHeads,
                      {
                          {"copies by broadcast", R"(graph g {
  in %q: f32[1, 6, 3, 4]
  in %k: f32[1, 2, 5, 4]
  %a = reshape(%k) {shape: [1, 2, 1, 5, 4]}: f32[1, 2, 1, 5, 4]
  %b = broadcast_to(%a) {shape: [1, 2, 3, 5, 4]}: f32[1, 2, 3, 5, 4]
  %r = reshape(%b) {shape: [1, 6, 5, 4]}: f32[1, 6, 5, 4]
  %y = batch_matmul(%q, %r) {adj_y: true}: f32[1, 6, 3, 5]
  out %y
})",
                           R"(graph g {
  in %q: f32[1, 6, 3, 4]
  in %k: f32[1, 2, 5, 4]
  %qg = reshape(%q) {shape: [2, 3, 3, 4]}: f32[2, 3, 3, 4]
  %a = reshape(%k) {shape: [1, 2, 1, 5, 4]}: f32[1, 2, 1, 5, 4]
  %s = reshape(%a) {shape: [1, 2, 5, 4]}: f32[1, 2, 5, 4]
  %kg = reshape(%s) {shape: [2, 1, 5, 4]}: f32[2, 1, 5, 4]
  %p = batch_matmul(%qg, %kg) {adj_y: true}: f32[2, 3, 3, 5]
  %y = reshape(%p) {shape: [1, 6, 3, 5]}: f32[1, 6, 3, 5]
  out %y
})",
                           0},
                          {"copies by gather, two batches, before a transpose", R"(graph g {
  in %p: f32[2, 4, 3, 5]
  in %v: f32[2, 5, 2, 4]
  k %heads: i64[4] = [0, 0, 1, 1]
  %r = gather(%v, %heads) {axis: 2}: f32[2, 5, 4, 4]
  %t = transpose(%r) {perm: [0, 2, 1, 3]}: f32[2, 4, 5, 4]
  %y = batch_matmul(%p, %t): f32[2, 4, 3, 4]
  out %y
})",
                           R"(graph g {
  in %p: f32[2, 4, 3, 5]
  in %v: f32[2, 5, 2, 4]
  %pg = reshape(%p) {shape: [2, 2, 2, 3, 5]}: f32[2, 2, 2, 3, 5]
  %t = transpose(%v) {perm: [0, 2, 1, 3]}: f32[2, 2, 5, 4]
  %vg = reshape(%t) {shape: [2, 2, 1, 5, 4]}: f32[2, 2, 1, 5, 4]
  %m = batch_matmul(%pg, %vg): f32[2, 2, 2, 3, 4]
  %y = reshape(%m) {shape: [2, 4, 3, 4]}: f32[2, 4, 3, 4]
  out %y
})",
                           0},
                          {"one head for all needs no group", R"(graph g {
  in %q: f32[2, 4, 3, 4]
  in %k: f32[2, 1, 5, 4]
  k %heads: i64[4] = [0, 0, 0, 0]
  %r = gather(%k, %heads) {axis: 1}: f32[2, 4, 5, 4]
  %y = batch_matmul(%q, %r) {adj_y: true}: f32[2, 4, 3, 5]
  out %y
})",
                           R"(graph g {
  in %q: f32[2, 4, 3, 4]
  in %k: f32[2, 1, 5, 4]
  %y = batch_matmul(%q, %k) {adj_y: true}: f32[2, 4, 3, 5]
  out %y
})",
                           0},
                          {"kept where heads take turns", R"(graph g {
  in %q: f32[1, 4, 3, 4]
  in %k: f32[1, 2, 5, 4]
  k %heads: i64[4] = [0, 1, 0, 1]
  %r = gather(%k, %heads) {axis: 1}: f32[1, 4, 5, 4]
  %a = reshape(%k) {shape: [1, 1, 2, 5, 4]}: f32[1, 1, 2, 5, 4]
  %b = broadcast_to(%a) {shape: [1, 2, 2, 5, 4]}: f32[1, 2, 2, 5, 4]
  %s = reshape(%b) {shape: [1, 4, 5, 4]}: f32[1, 4, 5, 4]
  %y = batch_matmul(%q, %r) {adj_y: true}: f32[1, 4, 3, 5]
  %z = batch_matmul(%q, %s) {adj_y: true}: f32[1, 4, 3, 5]
  out %y
  out %z
})",
                           kUnchanged},
                          {"kept where keys are copied and not heads", R"(graph g {
  in %q: f32[1, 2, 3, 4]
  in %k: f32[1, 2, 5, 4]
  k %rows: i64[10] = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
  %r = gather(%k, %rows) {axis: 2}: f32[1, 2, 10, 4]
  %y = batch_matmul(%q, %r) {adj_y: true}: f32[1, 2, 3, 10]
  out %y
})",
                           kUnchanged},
                          {"kept where the copies have qparams of their own", R"(graph g {
  in %q: f32[1, 4, 3, 4] q(u8 0.1:128)
  in %k: f32[1, 2, 5, 4] q(u8 0.1:128)
  k %heads: i64[4] = [0, 0, 1, 1]
  %r = gather(%k, %heads) {axis: 1}: f32[1, 4, 5, 4] q(u8 0.2:128)
  %y = batch_matmul(%q, %r) {adj_y: true}: f32[1, 4, 3, 5] q(u8 0.5:128)
  out %y
})",
                           kUnchanged},
                      });

}  // namespace
}  // namespace g4c::passes
