#include "passes/batch_heads.h"

#include <gmock/gmock.h>

#include "absl/strings/str_replace.h"
#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

// Two heads of attention on pieces of the heads' axis. %Q, %R: qparams of the two heads' logits.
std::string TwoHeads(const std::string& first = "", const std::string& second = "") {
  return absl::StrReplaceAll(
      R"(graph g {
  in %q: f32[1, 2, 3, 4] QX
  in %k: f32[1, 2, 3, 4] QX
  in %v: f32[1, 2, 3, 4] QX
  k %mask: f32[1, 1, 1, 3] = [0, 0, -100]
  %q1, %q2 = split(%q) {axis: 1, sizes: [1, 1]}: f32[1, 1, 3, 4], f32[1, 1, 3, 4]
  %k1, %k2 = split(%k) {axis: 1, sizes: [1, 1]}: f32[1, 1, 3, 4], f32[1, 1, 3, 4]
  %v1, %v2 = split(%v) {axis: 1, sizes: [1, 1]}: f32[1, 1, 3, 4], f32[1, 1, 3, 4]
  %s1 = batch_matmul(%q1, %k1) {adj_y: true}: f32[1, 1, 3, 3] Q1
  %m1 = add(%s1, %mask): f32[1, 1, 3, 3]
  %p1 = softmax(%m1): f32[1, 1, 3, 3]
  %o1 = batch_matmul(%p1, %v1): f32[1, 1, 3, 4]
  %s2 = batch_matmul(%q2, %k2) {adj_y: true}: f32[1, 1, 3, 3] Q2
  %m2 = add(%s2, %mask): f32[1, 1, 3, 3]
  %p2 = softmax(%m2): f32[1, 1, 3, 3]
  %o2 = batch_matmul(%p2, %v2): f32[1, 1, 3, 4]
  %y = concat(%o1, %o2) {axis: 1}: f32[1, 2, 3, 4]
  out %y
})",
      {{"QX", first.empty() ? "" : "q(u8 0.1:128)"}, {"Q1", first}, {"Q2", second}});
}

const char kBatched[] = R"(graph g {
  in %q: f32[1, 2, 3, 4]
  in %k: f32[1, 2, 3, 4]
  in %v: f32[1, 2, 3, 4]
  k %mask: f32[1, 1, 1, 3] = [0, 0, -100]
  %s = batch_matmul(%q, %k) {adj_y: true}: f32[1, 2, 3, 3]
  %m = add(%s, %mask): f32[1, 2, 3, 3]
  %p = softmax(%m): f32[1, 2, 3, 3]
  %y = batch_matmul(%p, %v): f32[1, 2, 3, 4]
  out %y
})";

INSTANTIATE_PASS_TEST(
    BatchHeads,
    {
        {"heads of an axis of their own", TwoHeads(), kBatched, 0},
        {"heads that are channels", R"(graph g {
  in %q: f32[1, 3, 8]
  in %k: f32[1, 3, 8]
  %q1, %q2 = split(%q) {axis: 2, sizes: [4, 4]}: f32[1, 3, 4], f32[1, 3, 4]
  %k1, %k2 = split(%k) {axis: 2, sizes: [4, 4]}: f32[1, 3, 4], f32[1, 3, 4]
  %s1 = batch_matmul(%q1, %k1) {adj_y: true}: f32[1, 3, 3]
  %s2 = batch_matmul(%q2, %k2) {adj_y: true}: f32[1, 3, 3]
  %y = concat(%s1, %s2) {axis: 2}: f32[1, 3, 6]
  out %y
})",
         R"(graph g {
  in %q: f32[1, 3, 8]
  in %k: f32[1, 3, 8]
  %qr = reshape(%q) {shape: [1, 3, 2, 4]}: f32[1, 3, 2, 4]
  %qt = transpose(%qr) {perm: [0, 2, 1, 3]}: f32[1, 2, 3, 4]
  %kr = reshape(%k) {shape: [1, 3, 2, 4]}: f32[1, 3, 2, 4]
  %kt = transpose(%kr) {perm: [0, 2, 1, 3]}: f32[1, 2, 3, 4]
  %s = batch_matmul(%qt, %kt) {adj_y: true}: f32[1, 2, 3, 3]
  %t = transpose(%s) {perm: [0, 2, 1, 3]}: f32[1, 3, 2, 3]
  %y = reshape(%t) {shape: [1, 3, 6]}: f32[1, 3, 6]
  out %y
})",
         0},
        {"two heads share a piece", R"(graph g {
  in %q: f32[1, 4, 3, 4]
  in %k: f32[1, 2, 3, 4]
  %q1, %q2, %q3, %q4 = split(%q) {axis: 1, sizes: [1, 1, 1, 1]}: f32[1, 1, 3, 4], f32[1, 1, 3, 4], f32[1, 1, 3, 4], f32[1, 1, 3, 4]
  %k1, %k2 = split(%k) {axis: 1, sizes: [1, 1]}: f32[1, 1, 3, 4], f32[1, 1, 3, 4]
  %s1 = batch_matmul(%q1, %k1) {adj_y: true}: f32[1, 1, 3, 3]
  %s2 = batch_matmul(%q2, %k1) {adj_y: true}: f32[1, 1, 3, 3]
  %s3 = batch_matmul(%q3, %k2) {adj_y: true}: f32[1, 1, 3, 3]
  %s4 = batch_matmul(%q4, %k2) {adj_y: true}: f32[1, 1, 3, 3]
  %y = concat(%s1, %s2, %s3, %s4) {axis: 1}: f32[1, 4, 3, 3]
  out %y
})",
         R"(graph g {
  in %q: f32[1, 4, 3, 4]
  in %k: f32[1, 2, 3, 4]
  %a = reshape(%k) {shape: [1, 2, 1, 3, 4]}: f32[1, 2, 1, 3, 4]
  %b = broadcast_to(%a) {shape: [1, 2, 2, 3, 4]}: f32[1, 2, 2, 3, 4]
  %r = reshape(%b) {shape: [1, 4, 3, 4]}: f32[1, 4, 3, 4]
  %y = batch_matmul(%q, %r) {adj_y: true}: f32[1, 4, 3, 3]
  out %y
})",
         0},
        {"kept where a head is written otherwise",
         absl::StrReplaceAll(TwoHeads(), {{"%p2 = softmax(%m2)", "%p2 = softmax(%m2) {beta: 2}"}}),
         kUnchanged},
        {"kept where a head's logits are an output too",
         absl::StrReplaceAll(TwoHeads(), {{"out %y", "out %y\n  out %s2"}}), kUnchanged},
        {"kept where heads change places",
         absl::StrReplaceAll(TwoHeads(), {{"%q1, %q2 = split", "%q2, %q1 = split"}}), kUnchanged},
        {"kept where a mask is of one head",
         absl::StrReplaceAll(TwoHeads(), {{"%m2 = add(%s2, %mask)", "%m2 = add(%s2, %s2)"}}),
         kUnchanged},
        {"kept where no product is made", R"(graph g {
  in %x: f32[1, 2, 3]
  %a, %b = split(%x) {axis: 1, sizes: [1, 1]}: f32[1, 1, 3], f32[1, 1, 3]
  %c = neg(%a): f32[1, 1, 3]
  %d = neg(%b): f32[1, 1, 3]
  %y = concat(%c, %d) {axis: 1}: f32[1, 2, 3]
  out %y
})",
         kUnchanged},
        {"kept where qparams differ", TwoHeads("q(u8 0.1:128)", "q(u8 0.2:128)"), kUnchanged},
    });

TEST(BatchHeadsReport, NamesTheQparamsThatDiffer) {
  BatchHeads pass;
  Report report;
  RunOnText(pass, TwoHeads("q(u8 0.1:128)", "q(u8 0.2:128)"), report);
  ASSERT_EQ(report.declined().size(), 1u);
  EXPECT_EQ(report.declined()[0].reason, "the qparams of 's1' and 's2' differ");
}

TEST(BatchHeadsReport, EqualQparamsStay) {
  BatchHeads pass;
  Report report;
  EXPECT_THAT(RunOnText(pass, TwoHeads("q(u8 0.1:128)", "q(u8 0.1:128)"), report),
              HasSubstr("f32[1, 2, 3, 3] q(u8 0.1:128)"));
}

}  // namespace
}  // namespace g4c::passes
