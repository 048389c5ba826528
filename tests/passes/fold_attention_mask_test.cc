#include "passes/fold_attention_mask.h"

#include <gmock/gmock.h>

#include "tests/passes/pass_testing.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

INSTANTIATE_PASS_TEST(FoldAttentionMask,
                      {
                          {"one row when only keys are masked", R"(graph g {
  in %s: f32[1, 2, 3, 3]
  k %m: f32[1, 1, 3, 3] = [0, 0, -1e+09, 0, 0, -1e+09, 0, 0, -1e+09]
  %a = add(%s, %m): f32[1, 2, 3, 3]
  %y = softmax(%a): f32[1, 2, 3, 3]
  out %y
})",
                           R"(graph g {
  in %s: f32[1, 2, 3, 3]
  k %m: f32[1, 1, 1, 3] = [0, 0, -1e+09]
  %a = add(%s, %m): f32[1, 2, 3, 3]
  %y = softmax(%a): f32[1, 2, 3, 3]
  out %y
})",
                           0},
                          {"a row gets the rank of the logits", R"(graph g {
  in %s: f32[1, 2, 3, 3]
  k %m: f32[3] = [0, 0, -1e+09]
  %a = add(%m, %s): f32[1, 2, 3, 3]
  %y = softmax(%a): f32[1, 2, 3, 3]
  out %y
})",
                           R"(graph g {
  in %s: f32[1, 2, 3, 3]
  k %m: f32[1, 1, 1, 3] = [0, 0, -1e+09]
  %a = add(%m, %s): f32[1, 2, 3, 3]
  %y = softmax(%a): f32[1, 2, 3, 3]
  out %y
})",
                           0},
                          {"one row a batch where batches differ", R"(graph g {
  in %s: f32[2, 1, 2, 2]
  k %m: f32[2, 1, 2, 2] = [0, -1e+09, 0, -1e+09, 0, -2e+09, 0, -2e+09]
  %a = add(%s, %m): f32[2, 1, 2, 2]
  %y = softmax(%a): f32[2, 1, 2, 2]
  out %y
})",
                           R"(graph g {
  in %s: f32[2, 1, 2, 2]
  k %m: f32[2, 1, 1, 2] = [0, -1e+09, 0, -2e+09]
  %a = add(%s, %m): f32[2, 1, 2, 2]
  %y = softmax(%a): f32[2, 1, 2, 2]
  out %y
})",
                           0},
                          {"an all-valid mask vanishes", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = splat(0)
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
                           R"(graph g {
  in %s: f32[1, 1, 2, 2]
  %y = softmax(%s): f32[1, 1, 2, 2]
  out %y
})",
                           0},
                          {"a selected mask is an added one", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %c: bool[1, 1, 1, 2] = [true, false]
  k %f: f32[] = [-3.4028235e+38]
  %a = select(%c, %s, %f): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
                           R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 1, 2] = [0, -3.4028235e+38]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
                           0},
                          {"qparams of the mask stay", R"(graph g {
  in %s: f32[1, 1, 2, 2] q(u8 0.1:128)
  k %m: f32[1, 1, 2, 2] q(u8 0.5:255) = [0, -120, 0, -120]
  %a = add(%s, %m): f32[1, 1, 2, 2] q(u8 0.5:200)
  %y = softmax(%a): f32[1, 1, 2, 2] q(u8 0.00390625:0)
  out %y
})",
                           R"(graph g {
  in %s: f32[1, 1, 2, 2] q(u8 0.1:128)
  k %m: f32[1, 1, 1, 2] q(u8 0.5:255) = [0, -120]
  %a = add(%s, %m): f32[1, 1, 2, 2] q(u8 0.5:200)
  %y = softmax(%a): f32[1, 1, 2, 2] q(u8 0.00390625:0)
  out %y
})",
                           0},
                          {"a guard against queries without keys goes", R"(graph g {
  in %q: f32[1, 2, 2]
  in %k: f32[1, 2, 2]
  k %m: f32[1, 1, 2] = [0, -inf]
  k %zero: f32[] = [0]
  %s = batch_matmul(%q, %k): f32[1, 2, 2]
  %a = add(%s, %m): f32[1, 2, 2]
  %p = softmax(%a): f32[1, 2, 2]
  %n = is_nan(%p): bool[1, 2, 2]
  %g = select(%n, %zero, %p): f32[1, 2, 2]
  %y = batch_matmul(%g, %k): f32[1, 2, 2]
  out %y
})",
                           R"(graph g {
  in %q: f32[1, 2, 2]
  in %k: f32[1, 2, 2]
  k %m: f32[1, 1, 2] = [0, -inf]
  %s = batch_matmul(%q, %k): f32[1, 2, 2]
  %a = add(%s, %m): f32[1, 2, 2]
  %p = softmax(%a): f32[1, 2, 2]
  %y = batch_matmul(%p, %k): f32[1, 2, 2]
  out %y
})",
                           0},
                          {"a guard that a query needs stays", R"(graph g {
  in %q: f32[1, 2, 2]
  in %k: f32[1, 2, 2]
  k %m: f32[1, 2, 2] = [0, -inf, -inf, -inf]
  k %zero: f32[] = [0]
  %s = batch_matmul(%q, %k): f32[1, 2, 2]
  %a = add(%s, %m): f32[1, 2, 2]
  %p = softmax(%a): f32[1, 2, 2]
  %n = is_nan(%p): bool[1, 2, 2]
  %y = select(%n, %zero, %p): f32[1, 2, 2]
  out %y
})",
                           kUnchanged},
                          {"kept when queries see different keys", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = [0, -1e+09, 0, 0]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
                           kUnchanged},
                          {"kept when the mask is an output too", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = [0, -1e+09, 0, -1e+09]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
  out %m
})",
                           kUnchanged},
                          {"kept when the mask is read elsewhere", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = [0, -1e+09, 0, -1e+09]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  %z = mul(%y, %m): f32[1, 1, 2, 2]
  out %z
})",
                           kUnchanged},
                          {"kept when the sum feeds no softmax", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = [0, -1e+09, 0, -1e+09]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  out %a
})",
                           kUnchanged},
                          {"a select whose query sees no key stays", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %c: bool[1, 1, 2, 2] = [true, false, false, false]
  k %f: f32[] = [-3.4028235e+38]
  %a = select(%c, %s, %f): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
                           kUnchanged},
                          {"a select with a small fill stays", R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %c: bool[1, 1, 1, 2] = [true, false]
  k %f: f32[] = [-3]
  %a = select(%c, %s, %f): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
                           kUnchanged},
                      });

MaskOptions WithValid(std::vector<uint8_t> valid, int64_t batch) {
  MaskOptions options;
  const int64_t slots = static_cast<int64_t>(valid.size()) / batch;
  options.valid = ir::Tensor::Of<uint8_t>(ir::DType::kBool, {batch, slots}, valid);
  return options;
}

INSTANTIATE_PASS_TEST_WITH(FoldAttentionMaskOfValidRows,
                           std::make_unique<FoldAttentionMask>(WithValid({1, 1, 0}, 1)),
                           {
                               {"rows of padded queries do not count", R"(graph g {
  in %s: f32[1, 1, 3, 3]
  k %m: f32[1, 1, 3, 3] = [0, 0, -120, 0, 0, -120, -120, -120, -120]
  %a = add(%s, %m): f32[1, 1, 3, 3]
  %y = softmax(%a): f32[1, 1, 3, 3]
  out %y
})",
                                R"(graph g {
  in %s: f32[1, 1, 3, 3]
  k %m: f32[1, 1, 1, 3] = [0, 0, -120]
  %a = add(%s, %m): f32[1, 1, 3, 3]
  %y = softmax(%a): f32[1, 1, 3, 3]
  out %y
})",
                                0, /*evaluate=*/false},
                               {"kept when valid queries see different keys", R"(graph g {
  in %s: f32[1, 1, 3, 3]
  k %m: f32[1, 1, 3, 3] = [0, -120, -120, 0, 0, -120, 0, 0, -120]
  %a = add(%s, %m): f32[1, 1, 3, 3]
  %y = softmax(%a): f32[1, 1, 3, 3]
  out %y
})",
                                kUnchanged},
                           });

TEST(FoldAttentionMask, ReportsWhatItDeclines) {
  FoldAttentionMask pass;
  Report report;
  RunOnText(pass, R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = [0, -1e+09, 0, 0]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
            report);
  ASSERT_EQ(report.declined().size(), 1u);
  EXPECT_EQ(report.declined()[0].where, "add 'a'");
  EXPECT_THAT(report.declined()[0].reason, HasSubstr("differs between queries"));
}

TEST(FoldAttentionMask, ReportsTheBytesOfTheRow) {
  FoldAttentionMask pass;
  Report report;
  RunOnText(pass, R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = [0, -1e+09, 0, -1e+09]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
            report);
  ASSERT_EQ(report.folded().size(), 1u);
  EXPECT_EQ(report.folded()[0].name, "m");
  EXPECT_EQ(report.folded()[0].bytes, 8);
}

TEST(FoldAttentionMask, KeepsToItsBudget) {
  MaskOptions options;
  options.max_bytes = 4;
  FoldAttentionMask pass(options);
  Report report;
  RunOnText(pass, R"(graph g {
  in %s: f32[1, 1, 2, 2]
  k %m: f32[1, 1, 2, 2] = [0, -1e+09, 0, -1e+09]
  %a = add(%s, %m): f32[1, 1, 2, 2]
  %y = softmax(%a): f32[1, 1, 2, 2]
  out %y
})",
            report);
  EXPECT_TRUE(report.folded().empty());
  ASSERT_EQ(report.declined().size(), 1u);
  EXPECT_THAT(report.declined()[0].reason, HasSubstr("8 bytes"));
}

}  // namespace
}  // namespace g4c::passes
