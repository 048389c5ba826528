#include "passes/legalize.h"

#include <gmock/gmock.h>

#include <memory>

#include "backend/target_file.h"
#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The pass for a target that it owns.
class ForTarget : public Pass {
 public:
  explicit ForTarget(ir::Target target, LegalizeOptions options = {})
      : target_(std::move(target)), pass_(target_, options, &report_) {}
  explicit ForTarget(const std::string& name, LegalizeOptions options = {})
      : ForTarget(*backend::LoadTarget(name), options) {}

  absl::string_view name() const override { return pass_.name(); }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override {
    return pass_.Run(graph, report);
  }
  const LegalizeReport& report() const { return report_; }

 private:
  ir::Target target_;
  LegalizeReport report_;
  Legalize pass_;
};

INSTANTIATE_PASS_TEST_WITH(LegalizeOnert, std::make_unique<ForTarget>("onert"),
                           {
                               {"a product's rank is restored where it is needed", R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  k %g: f32[1] = [1]
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %n = rms_norm(%a, %g): f32[1, 3, 4]
  %b = fully_connected(%n, %w, -): f32[1, 3, 4]
  %c = gelu(%b): f32[1, 3, 4]
  %d = fully_connected(%n, %w, -): f32[1, 3, 4]
  %e = mul(%c, %d): f32[1, 3, 4]
  %f = fully_connected(%e, %w, -): f32[1, 3, 4]
  %y = add(%x, %f): f32[1, 3, 4]
  out %y
})",
                                R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  k %g: f32[1] = [1]
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %as = reshape(%a) {shape: [1, 3, 4]}: f32[1, 3, 4]
  %n = rms_norm(%as, %g): f32[1, 3, 4]
  %b = fully_connected(%n, %w, -): f32[1, 3, 4]
  %c = gelu(%b): f32[1, 3, 4]
  %d = fully_connected(%n, %w, -): f32[1, 3, 4]
  %e = mul(%c, %d): f32[1, 3, 4]
  %f = fully_connected(%e, %w, -): f32[1, 3, 4]
  %fs = reshape(%f) {shape: [1, 3, 4]}: f32[1, 3, 4]
  %y = add(%x, %fs): f32[1, 3, 4]
  out %y
})",
                                0},
                               {"an output gets its rank back, a reshape needs none", R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %r = reshape(%a) {shape: [1, 3, 2, 2]}: f32[1, 3, 2, 2]
  out %a
  out %r
})",
                                R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[4, 4] = seeded(1)
  %a = fully_connected(%x, %w, -): f32[1, 3, 4]
  %as = reshape(%a) {shape: [1, 3, 4]}: f32[1, 3, 4]
  %r = reshape(%a) {shape: [1, 3, 2, 2]}: f32[1, 3, 2, 2]
  out %as
  out %r
})",
                                0},
                               {"a constant first factor is swapped into a weight", R"(graph g {
  in %x: f32[1, 3, 4]
  k %p: f32[1, 2, 3] = seeded(1)
  %y = batch_matmul(%p, %x): f32[1, 2, 4]
  out %y
})",
                                R"(graph g {
  in %x: f32[1, 3, 4]
  k %w: f32[2, 3] = seeded(1)
  %t = transpose(%x) {perm: [0, 2, 1]}: f32[1, 4, 3]
  %f = fully_connected(%t, %w, -): f32[1, 4, 2]
  %fs = reshape(%f) {shape: [1, 4, 2]}: f32[1, 4, 2]
  %y = transpose(%fs) {perm: [0, 2, 1]}: f32[1, 2, 4]
  out %y
})"},
                               {"a constant first factor with a batch is swapped", R"(graph g {
  in %x: f32[2, 3, 4]
  k %p: f32[2, 5, 3] = seeded(1)
  %y = batch_matmul(%p, %x): f32[2, 5, 4]
  out %y
})",
                                R"(graph g {
  in %x: f32[2, 3, 4]
  k %p: f32[2, 5, 3] = seeded(1)
  %s = batch_matmul(%x, %p) {adj_x: true, adj_y: true}: f32[2, 4, 5]
  %y = transpose(%s) {perm: [0, 2, 1]}: f32[2, 5, 4]
  out %y
})"},
                               {"unequal splits are slices", R"(graph g {
  in %x: f32[6]
  %a, %b = split(%x) {axis: 0, sizes: [2, 4]}: f32[2], f32[4]
  %y = concat(%b, %a) {axis: 0}: f32[6]
  out %y
})",
                                R"(graph g {
  in %x: f32[6]
  %a = slice(%x) {begin: [0], size: [2], stride: [1]}: f32[2]
  %b = slice(%x) {begin: [2], size: [4], stride: [1]}: f32[4]
  %y = concat(%b, %a) {axis: 0}: f32[6]
  out %y
})",
                                0},
                               {"equal splits stay", R"(graph g {
  in %x: f32[6]
  %a, %b = split(%x) {axis: 0, sizes: [3, 3]}: f32[3], f32[3]
  %y = concat(%b, %a) {axis: 0}: f32[6]
  out %y
})",
                                kUnchanged},
                               {"norms have rank 3", R"(graph g {
  in %x: f32[2, 4]
  k %g: f32[1] = [1]
  %y = rms_norm(%x, %g): f32[2, 4]
  out %y
})",
                                R"(graph g {
  in %x: f32[2, 4]
  k %g: f32[1] = [1]
  %r = reshape(%x) {shape: [1, 2, 4]}: f32[1, 2, 4]
  %n = rms_norm(%r, %g): f32[1, 2, 4]
  %y = reshape(%n) {shape: [2, 4]}: f32[2, 4]
  out %y
})",
                                0},
                               {"products and reductions have rank 4 at most", R"(graph g {
  in %x: f32[1, 2, 2, 3, 4]
  in %z: f32[1, 2, 1, 4, 5]
  %p = batch_matmul(%x, %z): f32[1, 2, 2, 3, 5]
  %y = reduce_sum(%p) {axes: [2, 3]}: f32[1, 2, 1, 1, 5]
  out %y
})",
                                R"(graph g {
  in %x: f32[1, 2, 2, 3, 4]
  in %z: f32[1, 2, 1, 4, 5]
  %xr = reshape(%x) {shape: [2, 2, 3, 4]}: f32[2, 2, 3, 4]
  %zr = reshape(%z) {shape: [2, 1, 4, 5]}: f32[2, 1, 4, 5]
  %m = batch_matmul(%xr, %zr): f32[2, 2, 3, 5]
  %p = reshape(%m) {shape: [1, 2, 2, 3, 5]}: f32[1, 2, 2, 3, 5]
  %pr = reshape(%p) {shape: [2, 6, 5]}: f32[2, 6, 5]
  %s = reduce_sum(%pr) {axes: [1]}: f32[2, 1, 5]
  %y = reshape(%s) {shape: [1, 2, 1, 1, 5]}: f32[1, 2, 1, 1, 5]
  out %y
})"},
                           });

TEST(LegalizeOnert, SaysWhyARuleWasNotApplied) {
  ForTarget pass("onert");
  EXPECT_THAT(ErrorOnText(pass, R"(graph g {
  in %x: f32[1, 2, 2, 3, 4]
  in %z: f32[2, 4, 5]
  %y = batch_matmul(%x, %z): f32[1, 2, 2, 3, 5]  @layers.0.attn
  out %y
})"),
              IsUnsupported(AllOf(
                  HasSubstr("in layers.0.attn: BATCH_MATMUL breaks "
                            "operators.BATCH_MATMUL[0].rank: 'x' has rank 5"),
                  HasSubstr("product-of-rank-3: the batches [1, 2, 2, 3, 4] and [2, 4, 5] cannot "
                            "be one axis"))));
}

INSTANTIATE_PASS_TEST_WITH(LegalizeLitert, std::make_unique<ForTarget>("litert"),
                           {
                               {"a norm on integers computes in float", R"(graph g {
  in %x: f32[1, 3, 32] q(i8 0.05:3)
  k %g: f32[32] q(i8 0.01:0) = i8 splat(50)
  %y = rms_norm(%x, %g) {epsilon: 1e-06}: f32[1, 3, 32] q(i8 0.02:-1)
  out %y
})",
                                R"(graph g {
  in %x: f32[1, 3, 32] q(i8 0.05:3)
  k %e: f32[] q(none: float) = [1e-06]
  k %g: f32[32] q(none: float) = splat(0.5)
  %xf = dequantize(%x): f32[1, 3, 32] q(none: float)
  %s = mul(%xf, %xf): f32[1, 3, 32] q(none: float)
  %m = reduce_mean(%s) {axes: [2]}: f32[1, 3, 1] q(none: float)
  %a = add(%m, %e): f32[1, 3, 1] q(none: float)
  %r = rsqrt(%a): f32[1, 3, 1] q(none: float)
  %n = mul(%xf, %r): f32[1, 3, 32] q(none: float)
  %o = mul(%n, %g): f32[1, 3, 32] q(none: float)
  %y = quantize(%o): f32[1, 3, 32] q(i8 0.02:-1)
  out %y
})",
                                2e-6, /*evaluate=*/false},
                               {"a product of i16 gets a bias, so that its sums have 64 bits",
                                R"(graph g {
  in %x: f32[2, 32] q(i16 0.5:0)
  k %w: f32[4, 32] q(i8 0.25:0) = i8 splat(50)
  %y = fully_connected(%x, %w, -): f32[2, 4] q(i16 2:0)
  out %y
})",
                                R"(graph g {
  in %x: f32[2, 32] q(i16 0.5:0)
  k %w: f32[4, 32] q(i8 0.25:0) = i8 splat(50)
  k %b: f32[4] q(i64 0.125:0) = splat(0)
  %y = fully_connected(%x, %w, %b): f32[2, 4] q(i16 2:0)
  out %y
})",
                                2e-6, /*evaluate=*/false},
                           });

TEST(Legalize, RefusesWithTheClauseAndTheNode) {
  ir::Target target = *backend::LoadTarget("circle");
  target.operators.erase("RMS_NORM");
  const std::string text = R"(graph g {
  in %x: f32[1, 3, 4]
  %y = rms_norm(%x): f32[1, 3, 4]  @layers.0.norm
  out %y
})";
  ForTarget strict(target);
  EXPECT_THAT(ErrorOnText(strict, text),
              IsUnsupported(HasSubstr("1 violation of --target circle that no rule of it repairs\n"
                                      "  in layers.0.norm: RMS_NORM breaks operators: "
                                      "has no entry RMS_NORM")));
  target.rules = {"norm-as-formula"};
  ForTarget repaired(target);
  Report report;
  EXPECT_THAT(RunOnText(repaired, text, report), Not(HasSubstr("rms_norm")));
  ASSERT_EQ(repaired.report().replacements.size(), 1u);
  EXPECT_EQ(repaired.report().replacements[0].op, "RMS_NORM");
  EXPECT_EQ(repaired.report().replacements[0].rules, "norm-as-formula");
  EXPECT_EQ(repaired.report().replacements[0].nodes, 1);
}

TEST(Legalize, TakesFusedActivationsApart) {
  ir::Target target = *backend::LoadTarget("circle");
  for (ir::OperatorForm& form : target.operators["ADD"]) {
    form.activations = {ir::Activation::kNone, ir::Activation::kRelu};
  }
  target.rules = {"activation-apart"};
  ForTarget pass(target);
  Report report;
  const std::string text = RunOnText(pass, R"(graph g {
  in %x: f32[4] q(u8 0.05:3)
  %a = add(%x, %x) {activation: relu6}: f32[4] q(u8 0.05:3)
  %y = add(%a, %x) {activation: relu}: f32[4] q(u8 0.05:3)
  out %y
})",
                                     report);
  EXPECT_THAT(text, HasSubstr("maximum"));
  EXPECT_THAT(text, HasSubstr("minimum"));
  EXPECT_THAT(text, Not(HasSubstr("relu6")));
  EXPECT_THAT(text, HasSubstr("{activation: relu}"));
}

TEST(Legalize, LeavesWhatCircleCanHold) {
  ForTarget pass("circle");
  Report report;
  RunOnText(pass, R"(graph g {
  in %x: f32[1, 4] q(u8 0.05:3)
  k %w: f32[2, 4] q(u8 per_channel 0 [0.1, 0.2] [7, 9]) = seeded(1)
  %f = fully_connected(%x, %w, -): f32[1, 2] q(u8 0.01:0)
  %y = gelu(%f): f32[1, 2] q(u8 0.01:0)
  out %y
})",
            report);
  EXPECT_TRUE(pass.report().replacements.empty());
}

TEST(Legalize, LeavesIntegersOnlyWhereItMay) {
  const std::string text = R"(graph g {
  in %x: f32[4] q(i8 0.05:3)
  %y = cos(%x): f32[4] q(i8 0.01:0)
  out %y
})";
  ForTarget strict("litert", {/*float_islands=*/false});
  EXPECT_THAT(ErrorOnText(strict, text),
              IsUnsupported(HasSubstr("COS breaks operators.COS: takes f32; this is i8")));
  ForTarget free("litert");
  Report report;
  EXPECT_THAT(RunOnText(free, text, report), HasSubstr("dequantize"));
}

TEST(Legalize, TellsWhyAnIntegerFormIsNotTaken) {
  ForTarget strict("litert", {/*float_islands=*/false});
  EXPECT_THAT(ErrorOnText(strict, R"(graph g {
  in %x: f32[2, 9] q(i8 0.05:3)
  %y = rms_norm(%x): f32[2, 9] q(i8 0.05:3)
  out %y
})"),
              IsUnsupported(AllOf(
                  HasSubstr("norm-as-l2: L2_NORMALIZATION breaks "
                            "operators.L2_NORMALIZATION[2].max_last_dim: 'x' has the last dim 9"),
                  HasSubstr("Without --no-float-islands they may compute in float."))));
}

TEST(Legalize, KnowsItsRules) {
  ir::Target target = *backend::LoadTarget("litert");
  EXPECT_OK(CheckRules(target));
  target.rules.push_back("magic");
  EXPECT_THAT(CheckRules(target), IsInvalidInput(HasSubstr("rules: unknown rule 'magic'; known "
                                                           "are ")));
}

}  // namespace
}  // namespace g4c::passes
