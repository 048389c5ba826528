#include "backend/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::backend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status Onert(const std::string& body) {
  return CheckTarget(ParseOrDie(absl::StrCat("graph {", body, "  out %y}")), TargetName::kOnert);
}

TEST(Target, HasNames) {
  EXPECT_EQ(ParseTarget("onert"), TargetName::kOnert);
  EXPECT_EQ(ParseTarget("circle"), TargetName::kCircle);
  EXPECT_EQ(ParseTarget("npu"), absl::nullopt);
  EXPECT_EQ(TargetText(TargetName::kOnert), "onert");
}

TEST(Target, CircleTakesWhatCanBeWritten) {
  EXPECT_OK(CheckTarget(
      ParseOrDie("graph { in %x: f32[2] q(i8 0.5:0)  %y = gelu(%x): f32[2] q(i8 0.5:0)  out %y }"),
      TargetName::kCircle));
}

TEST(Target, OnertRunsFloats) {
  EXPECT_OK(Onert(R"(
    in %x: f32[1, 4, 8]  k %w: f32[8, 8] = seeded(1)  k %g: f32[8] = seeded(2)
    %n = rms_norm(%x, %g): f32[1, 4, 8]
    %f = fully_connected(%n, %w): f32[1, 4, 8]
    %r = reshape(%f) {shape: [1, 4, 2, 4]}: f32[1, 4, 2, 4]
    %t = transpose(%r) {perm: [0, 2, 1, 3]}: f32[1, 2, 4, 4]
    %p, %q = split(%t) {axis: 3, sizes: [2, 2]}: f32[1, 2, 4, 2], f32[1, 2, 4, 2]
    %m = neg(%q): f32[1, 2, 4, 2]
    %c = concat(%m, %p) {axis: 3}: f32[1, 2, 4, 4]
    %l = batch_matmul(%c, %t) {adj_y: true}: f32[1, 2, 4, 4]
    %s = softmax(%l): f32[1, 2, 4, 4]
    %y = gelu(%s): f32[1, 2, 4, 4])"));
  EXPECT_OK(Onert("in %x: f32[2] q(u8 0.5:3)  %y = logistic(%x): f32[2] q(u8 0.1:3)"));
  EXPECT_OK(Onert("in %x: f32[2]  %y = quantize(%x): f32[2] q(u8 0.1:3)"));
}

struct Case {
  std::string body, text;
};

TEST(Target, SaysWhatOnertDoesNotRun) {
  const Case cases[] = {
      {"in %x: f32[2] q(i8 0.5:0)  %y = gelu(%x): f32[2] q(i8 0.5:0)",
       "gelu: 'x' is i8; onert runs it in f32"},
      {"in %x: f32[2] q(u8 0.5:0)  %y = neg(%x): f32[2] q(u8 0.5:0)",
       "neg: 'x' is u8; onert runs it in f32"},
      {"in %x: f32[2] q(i16 0.5:0)  %y = reshape(%x) {shape: [1, 2]}: f32[1, 2] q(i16 0.5:0)",
       "input 'x': onert's interface has no i16"},
      {"in %x: f32[2, 2]  %y = rms_norm(%x): f32[2, 2]",
       "rms_norm: 'x' has rank 2; onert runs it in rank 3 to 4"},
      {"in %x: f32[1, 1, 1, 1, 2]  %y = reduce_mean(%x) {axes: [4]}: f32[1, 1, 1, 1, 1]",
       "reduce_mean: 'x' has rank 5; onert runs it in rank 0 to 4"},
      {"in %x: f32[2, 3]  k %k: f32[4, 2] = seeded(1)  %y = batch_matmul(%k, %x): f32[4, 3]",
       "batch_matmul: onert does not run it with a constant first operand"},
      {"in %x: f32[3]  %p, %y = split(%x) {sizes: [1, 2]}: f32[1], f32[2]",
       "pieces of unlike sizes"},
      {"in %x: f32[2]  in %i: i32[1, 1]  %y = gather_nd(%x, %i): f32[1]",
       "gather_nd: onert has no kernel for it"},
      {"in %x: f32[1, 2] q(u8 0.5:0)  k %w: f32[2, 2] q(u8 per_channel 0 [1, 2] [0, 0]) = u8 [1, "
       "2, 3, 4]  "
       "%y = fully_connected(%x, %w): f32[1, 2] q(u8 0.5:0)",
       "per-channel weights, of which it reads the first scale only"},
      {"in %x: f32[2] q(u8 0.5:0)  %y = quantize(%x): f32[2] q(u8 0.1:0)",
       "u8 to u8; only f32 to u8 and u8 to i8 run"},
      {"in %x: f32[2] q(u8 0.5:0)  %y = reshape(%x) {shape: [1, 2]}: f32[1, 2] q(u8 0.25:0)",
       "other qparams on its result than on its operand"},
      {"in %x: f32[2] q(u8 0.5:0)  k %k: f32[] q(u8 0.25:0) = u8 [4]  %y = maximum(%x, %k): f32[2] "
       "q(u8 0.5:0)",
       "operands and result with unlike qparams"},
      {"in %x: f32[4] q(u8 0.5:0)  %y = slice(%x) {begin: [0], size: [2], stride: [2]}: f32[2] "
       "q(u8 0.5:0)",
       "u8 with strides or of rank 5"},
  };
  for (const Case& test : cases) {
    EXPECT_THAT(Onert(test.body), IsUnsupported(HasSubstr(test.text))) << test.body;
  }
}

TEST(Target, ListsAllViolations) {
  EXPECT_THAT(Onert("in %x: f32[2] q(i8 0.5:0)  %a = gelu(%x): f32[2] q(i8 0.5:0)  %y = neg(%a): "
                    "f32[2] q(i8 0.5:0)"),
              IsUnsupported(AllOf(HasSubstr("2 violations of --target onert"), HasSubstr("gelu: "),
                                  HasSubstr("neg: "))));
}

}  // namespace
}  // namespace g4c::backend
