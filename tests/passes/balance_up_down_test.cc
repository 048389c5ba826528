#include "passes/balance_up_down.h"

#include <algorithm>

#include "tests/passes/float_rewrite_testing.h"

namespace g4c::passes {
namespace {

// Three roundings of f32 for each product, and their sum in another order.
constexpr double kTolerance = 4e-6;

constexpr char kGated[] = R"(graph g {
  in %x: f32[1, 5, 4]
  k %gate: f32[6, 4] = seeded(1)
  k %up: f32[6, 4] = seeded(2)
  k %bias: f32[6] = [1, 2, 30, 4, 50, 6]
  k %down: f32[4, 6] = seeded(3)
  %g = fully_connected(%x, %gate, -): f32[1, 5, 6]
  %a = gelu(%g): f32[1, 5, 6]
  %b = fully_connected(%x, %up, %bias): f32[1, 5, 6]
  %p = mul(%a, %b): f32[1, 5, 6]
  %y = fully_connected(%p, %down, -): f32[1, 5, 4]
  out %y
})";

TEST(BalanceUpDown, ComputesTheSame) {
  const auto done = CheckRewrite<BalanceUpDown>(kGated, kTolerance);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].name, "up-down");
  EXPECT_EQ(done[0].value, "b");
  EXPECT_EQ(done[0].factors.size(), 6u);
}

TEST(BalanceUpDown, ScalesWeightBiasAndColumns) {
  ir::Graph graph = ParseOrDie(R"(graph g {
  in %x: f32[5, 2]
  k %up: f32[2, 2] = [1, 2, 3, 4]
  k %bias: f32[2] = [1, 1]
  k %down: f32[1, 2] = [8, 8]
  %b = fully_connected(%x, %up, %bias): f32[5, 2]
  %p = mul(%b, %x): f32[5, 2]
  %y = fully_connected(%p, %down, -): f32[5, 1]
  out %y
})");
  RewriteLog log({{"up-down", "b", {2, 0.5}}});
  Report report;
  ASSERT_THAT(BalanceUpDown(&log).Run(graph, report), IsOkAndHolds(true));
  EXPECT_THAT(graph, IsGraph(R"(graph g {
  in %x: f32[5, 2]
  k %up: f32[2, 2] = [2, 4, 1.5, 2]
  k %bias: f32[2] = [2, 0.5]
  k %down: f32[1, 2] = [4, 16]
  %b = fully_connected(%x, %up, %bias): f32[5, 2]
  %p = mul(%b, %x): f32[5, 2]
  %y = fully_connected(%p, %down, -): f32[5, 1]
  out %y
})"));
}

TEST(BalanceUpDown, BringsLoudChannelsDown) {
  // Channel 1 of the product is 100 times as large as channel 0 for equal columns.
  const auto done = CheckRewrite<BalanceUpDown>(R"(graph g {
  in %x: f32[8, 2]
  k %up: f32[2, 2] = [1, 0, 0, 100]
  k %down: f32[1, 2] = [1, 1]
  %b = fully_connected(%x, %up, -): f32[8, 2]
  %p = mul(%x, %b): f32[8, 2]
  %y = fully_connected(%p, %down, -): f32[8, 1]
  out %y
})",
                                                kTolerance);
  ASSERT_EQ(done.size(), 1u);
  const float ratio = done[0].factors[0] / done[0].factors[1];
  EXPECT_GT(ratio, 50);
  EXPECT_LT(ratio, 200);
}

TEST(BalanceUpDown, LimitsFactorsOfSilentChannels) {
  const auto done = CheckRewrite<BalanceUpDown>(R"(graph g {
  in %x: f32[8, 3]
  k %up: f32[3, 3] = [1, 0, 0, 0, 0, 0, 0, 0, 1]
  k %down: f32[1, 3] = [1, 1, 1]
  %b = fully_connected(%x, %up, -): f32[8, 3]
  %p = mul(%x, %b): f32[8, 3]
  %y = fully_connected(%p, %down, -): f32[8, 1]
  out %y
})",
                                                kTolerance);
  ASSERT_EQ(done.size(), 1u);
  for (float factor : done[0].factors) {
    EXPECT_LE(factor, kLargestFactor);
    EXPECT_GE(factor, 1 / kLargestFactor);
  }
}

TEST(BalanceUpDown, LeavesNearMissesAlone) {
  const std::string text = kGated;
  const auto with = [&](const std::string& line, const std::string& other) {
    std::string changed = text;
    const size_t at = changed.find(line);
    EXPECT_NE(at, std::string::npos) << line;
    return changed.replace(at, line.size(), other);
  };
  // A clamp between.
  ExpectNoPlace<BalanceUpDown>(
      with("%p = mul(%a, %b)", R"(%c = clamp(%b) {min: -1, max: 1}: f32[1, 5, 6]
  %p = mul(%a, %c))"));
  // The product, or what the linear gives, is read elsewhere.
  ExpectNoPlace<BalanceUpDown>(with("  out %y", "  out %y\n  out %p"));
  ExpectNoPlace<BalanceUpDown>(with("  out %y", "  out %y\n  out %b"));
  ExpectNoPlace<BalanceUpDown>(
      with("  out %y", "  %z = add(%p, %a): f32[1, 5, 6]\n  out %y\n  out %z"));
  // A sum in place of the product.
  ExpectNoPlace<BalanceUpDown>(with("mul(%a, %b)", "add(%a, %b)"));
}

TEST(BalanceUpDown, RefusesFactorsThatDoNotFit) {
  const struct {
    quantization::AppliedRewrite stored;
    const char* message;
  } kCases[] = {{{"up-down", "b", {1, 2}}, "takes 6 factors at value 'b', not 2"}};
  for (const auto& c : kCases) {
    RewriteLog log({c.stored});
    BalanceUpDown pass(&log);
    EXPECT_THAT(ErrorOnText(pass, kGated), IsInvalidInput(::testing::HasSubstr(c.message)));
  }
  RewriteLog log({{"up-down", "nobody", {1}}});
  ir::Graph graph = ParseOrDie(kGated);
  Report report;
  EXPECT_THAT(BalanceUpDown(&log).Run(graph, report), IsOkAndHolds(false));
  EXPECT_THAT(log.RequireAllUsed(),
              IsInvalidInput(::testing::HasSubstr("'up-down' at value 'nobody'")));
}

}  // namespace
}  // namespace g4c::passes
