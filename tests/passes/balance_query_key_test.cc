#include "passes/balance_query_key.h"

#include <cmath>

#include "tests/passes/float_rewrite_testing.h"

namespace g4c::passes {
namespace {

// Two gains are rounded once more, and q . k summed over products of other roundings.
constexpr double kTolerance = 4e-6;

// 2 heads of 4 channels. A rotary embedding pairs channel c with c + 2.
constexpr char kRotary[] = R"(graph g {
  in %q: f32[1, 5, 2, 4]
  in %k: f32[1, 5, 2, 4]
  k %gq: f32[4] = [1, 2, 3, 4]
  k %gk: f32[4] = [40, 30, 20, 10]
  k %cos: f32[1, 5, 1, 4] = seeded(1)
  k %sin: f32[1, 5, 1, 4] = seeded(2)
  %nq = rms_norm(%q, %gq): f32[1, 5, 2, 4]
  %nk = rms_norm(%k, %gk): f32[1, 5, 2, 4]
  %cq = mul(%nq, %cos): f32[1, 5, 2, 4]
  %q1, %q2 = split(%nq) {axis: 3, sizes: [2, 2]}: f32[1, 5, 2, 2], f32[1, 5, 2, 2]
  %rq = concat(%q2, %q1) {axis: 3}: f32[1, 5, 2, 4]
  %sq = mul(%rq, %sin): f32[1, 5, 2, 4]
  %aq = add(%cq, %sq): f32[1, 5, 2, 4]
  %tq = transpose(%aq) {perm: [0, 2, 1, 3]}: f32[1, 2, 5, 4]
  %ck = mul(%cos, %nk): f32[1, 5, 2, 4]
  %k1, %k2 = split(%nk) {axis: 3, sizes: [2, 2]}: f32[1, 5, 2, 2], f32[1, 5, 2, 2]
  %rk = concat(%k2, %k1) {axis: -1}: f32[1, 5, 2, 4]
  %sk = mul(%rk, %sin): f32[1, 5, 2, 4]
  %ak = add(%ck, %sk): f32[1, 5, 2, 4]
  %tk = transpose(%ak) {perm: [0, 2, 1, 3]}: f32[1, 2, 5, 4]
  %y = batch_matmul(%tq, %tk) {adj_y: true}: f32[1, 2, 5, 5]
  out %y
})";

std::string With(const std::string& line, const std::string& other) {
  std::string changed = kRotary;
  const size_t at = changed.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return changed.replace(at, line.size(), other);
}

TEST(BalanceQueryKey, ComputesTheSameAndSharesFactorsInPairs) {
  const auto done = CheckRewrite<BalanceQueryKey>(kRotary, kTolerance);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].value, "nq");
  const std::vector<float>& n = done[0].factors;
  ASSERT_EQ(n.size(), 4u);
  EXPECT_EQ(n[0], n[2]);
  EXPECT_EQ(n[1], n[3]);
  // (40^2 + 20^2) / (1 + 3^2) against (30^2 + 10^2) / (2^2 + 4^2), to the power 1/4.
  EXPECT_NEAR(n[0] / n[1], std::pow(200.0 / 50.0, 0.25), 1e-6);
}

TEST(BalanceQueryKey, WithoutARotationEachChannelHasItsOwnFactor) {
  const auto done = CheckRewrite<BalanceQueryKey>(R"(graph g {
  in %q: f32[5, 2]
  in %k: f32[5, 2]
  k %g: f32[2] = [1, 1]
  k %h: f32[2] = [1, 16]
  %nq = rms_norm(%q, %g): f32[5, 2]
  %nk = rms_norm(%k, %h): f32[5, 2]
  %y = batch_matmul(%nq, %nk) {adj_y: true}: f32[5, 5]
  out %y
})",
                                                  kTolerance);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_THAT(done[0].factors,
              ::testing::ElementsAre(::testing::FloatEq(0.5), ::testing::FloatEq(2)));
}

TEST(BalanceQueryKey, LeavesNearMissesAlone) {
  // Read elsewhere; one side without a gain; a clamp; a constant in a sum; one norm with itself;
  // gains of zero.
  ExpectNoPlace<BalanceQueryKey>(With("  out %y", "  out %y\n  out %aq"));
  ExpectNoPlace<BalanceQueryKey>(With("rms_norm(%k, %gk)", "rms_norm(%k)"));
  ExpectNoPlace<BalanceQueryKey>(
      With("%cq = mul(%nq, %cos)",
           "%u = clamp(%nq) {min: -1, max: 1}: f32[1, 5, 2, 4]\n  %cq = mul(%u, %cos)"));
  ExpectNoPlace<BalanceQueryKey>(With("add(%ck, %sk)", "add(%ck, %sin)"));
  ExpectNoPlace<BalanceQueryKey>(With("batch_matmul(%tq, %tk)", "batch_matmul(%tq, %tq)"));
  ExpectNoPlace<BalanceQueryKey>(With("[40, 30, 20, 10]", "[0, 30, 0, 10]"));
}

TEST(BalanceQueryKey, RefusesFactorsThatSplitAPair) {
  RewriteLog log({{"query-key", "nq", {1, 2, 3, 2}}});
  BalanceQueryKey pass(&log);
  EXPECT_THAT(ErrorOnText(pass, kRotary),
              IsInvalidInput(::testing::HasSubstr("channels that are added to each other")));
}

}  // namespace
}  // namespace g4c::passes
