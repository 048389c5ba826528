#include "passes/fuse_softmax.h"

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

constexpr char kSoftmax[] = R"(graph g {
  in %x: f32[3, 8]
  %y = softmax(%x): f32[3, 8]
  out %y
})";

INSTANTIATE_PASS_TEST(FuseSoftmax,
                      {
                          {"exp of the shifted value over its sum", R"(graph g {
  in %x: f32[3, 8]
  %m = reduce_max(%x) {axes: [1]}: f32[3, 1]
  %d = sub(%x, %m): f32[3, 8]
  %e = exp(%d): f32[3, 8]
  %s = reduce_sum(%e) {axes: [1]}: f32[3, 1]
  %y = div(%e, %s): f32[3, 8]
  out %y
})",
                           kSoftmax},
                          {"without the shift, times the inverse", R"(graph g {
  in %x: f32[3, 8]
  k %one: f32[] = [1]
  %e = exp(%x): f32[3, 8]
  %s = reduce_sum(%e) {axes: [1]}: f32[3, 1]
  %r = div(%one, %s): f32[3, 1]
  %y = mul(%r, %e): f32[3, 8]
  out %y
})",
                           kSoftmax},
                          {"a shift by another value belongs to the logits", R"(graph g {
  in %x: f32[3, 8]
  in %m: f32[3, 1]
  %d = sub(%x, %m): f32[3, 8]
  %e = exp(%d): f32[3, 8]
  %s = reduce_sum(%e) {axes: [1]}: f32[3, 1]
  %y = div(%e, %s): f32[3, 8]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 8]
  in %m: f32[3, 1]
  %d = sub(%x, %m): f32[3, 8]
  %y = softmax(%d): f32[3, 8]
  out %y
})"},
                          {"kept over another axis", R"(graph g {
  in %x: f32[3, 8]
  %e = exp(%x): f32[3, 8]
  %s = reduce_sum(%e) {axes: [0]}: f32[1, 8]
  %y = div(%e, %s): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"kept where the sum is of another value", R"(graph g {
  in %x: f32[3, 8]
  in %z: f32[3, 8]
  %e = exp(%x): f32[3, 8]
  %s = reduce_sum(%z) {axes: [1]}: f32[3, 1]
  %y = div(%e, %s): f32[3, 8]
  out %y
})",
                           kUnchanged},
                          {"kept where the quotient is turned round", R"(graph g {
  in %x: f32[3, 8]
  %e = exp(%x): f32[3, 8]
  %s = reduce_sum(%e) {axes: [1]}: f32[3, 1]
  %y = div(%s, %e): f32[3, 8]
  out %y
})",
                           kUnchanged},
                      });

}  // namespace
}  // namespace g4c::passes
