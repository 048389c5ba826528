#include "passes/drop_padding.h"

#include <gmock/gmock.h>

#include "evaluator/executor.h"
#include "ir/text.h"
#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

// Attention of one head over 4 patches, the third and fourth of which are padding; `rest` continues
// from %ctx and gives %y.
std::string Attention(const std::string& rest, const std::string& mask = "0, 0, -1e+09, -1e+09") {
  return R"(graph g {
  in %x: f32[1, 4, 2]
  k %m: f32[1, 1, 4] = [)" +
         mask + R"(]
  %s = batch_matmul(%x, %x) {adj_y: true}: f32[1, 4, 4]
  %a = add(%s, %m): f32[1, 4, 4]
  %p = softmax(%a): f32[1, 4, 4]
  %ctx = batch_matmul(%p, %x): f32[1, 4, 2]
)" + rest +
         R"(
  out %y
})";
}

constexpr char kRelu[] = "  %y = relu(%ctx): f32[1, 4, 2]";

std::string Dropped(const std::string& before, bool shorten_io) {
  DropPadding pass(shorten_io);
  Report report;
  return RunOnText(pass, before, report);
}

TEST(DropPadding, ComputesValidPatchesBetweenASliceAndAPad) {
  EXPECT_TRUE(TextsEqual(Dropped(Attention(kRelu), /*shorten_io=*/false),
                         ir::PrintCanonical(ParseOrDie(R"(graph g {
  in %x: f32[1, 4, 2]
  %v = slice(%x) {begin: [0, 0, 0], size: [1, 2, 2], stride: [1, 1, 1]}: f32[1, 2, 2]
  %s = batch_matmul(%v, %v) {adj_y: true}: f32[1, 2, 2]
  %p = softmax(%s): f32[1, 2, 2]
  %ctx = batch_matmul(%p, %v): f32[1, 2, 2]
  %r = relu(%ctx): f32[1, 2, 2]
  %y = pad(%r) {before: [0, 0, 0], after: [0, 2, 0]}: f32[1, 4, 2]
  out %y
})"))));
}

TEST(DropPadding, ShortensInputsAndOutputs) {
  EXPECT_TRUE(TextsEqual(Dropped(Attention(kRelu), /*shorten_io=*/true),
                         ir::PrintCanonical(ParseOrDie(R"(graph g {
  in %x: f32[1, 2, 2]
  %s = batch_matmul(%x, %x) {adj_y: true}: f32[1, 2, 2]
  %p = softmax(%s): f32[1, 2, 2]
  %ctx = batch_matmul(%p, %x): f32[1, 2, 2]
  %y = relu(%ctx): f32[1, 2, 2]
  out %y
})"))));
}

TEST(DropPadding, CutsConstantsOverPatches) {
  EXPECT_THAT(Dropped(Attention(R"(  k %t: f32[4, 2] = [1, 2, 3, 4, 5, 6, 7, 8]
  %y = mul(%ctx, %t): f32[1, 4, 2])"),
                      /*shorten_io=*/true),
              HasSubstr("f32[2, 2] = [1, 2, 3, 4]"));
}

TEST(DropPadding, KeepsTheMaskOfAPatchThatIsValidInOneBatchRow) {
  const std::string after = Dropped(R"(graph g {
  in %x: f32[2, 4, 2]
  k %m: f32[2, 1, 1, 4] = [0, 0, -1e+09, -1e+09, 0, -1e+09, -1e+09, -1e+09]
  %h = reshape(%x) {shape: [2, 1, 4, 2]}: f32[2, 1, 4, 2]
  %s = batch_matmul(%h, %h) {adj_y: true}: f32[2, 1, 4, 4]
  %a = add(%s, %m): f32[2, 1, 4, 4]
  %p = softmax(%a): f32[2, 1, 4, 4]
  %y = batch_matmul(%p, %h): f32[2, 1, 4, 2]
  out %y
})",
                                    /*shorten_io=*/true);
  EXPECT_THAT(after, HasSubstr("f32[2, 1, 1, 2] = [0, 0, 0, -1e+09]"));
  EXPECT_THAT(after, HasSubstr("{shape: [2, 1, 2, 2]}"));
}

// Outputs of the rows that are valid, before and after, on the same inputs.
void ExpectSameValidRows(const std::string& before, int64_t begin = 0, int64_t end = 2) {
  ir::Graph graph = ParseOrDie(before);
  const std::vector<ir::Tensor> inputs = SeededInputs(graph, 7);
  const auto run = [&] {
    absl::StatusOr<evaluator::FloatExecutor> executor = evaluator::FloatExecutor::Create(graph);
    EXPECT_TRUE(executor.ok()) << executor.status();
    return executor->Run(inputs)->front();
  };
  const ir::Tensor expected = run();
  DropPadding pass(/*shorten_io=*/false);
  Report report;
  ASSERT_TRUE(*pass.Run(graph, report));
  const ir::Tensor actual = run();
  ASSERT_EQ(actual.dims(), expected.dims());
  const auto valid = [&](const ir::Tensor& output) {
    const bool has_patches = output.rank() == 3 && output.dims()[1] == 4;
    return (has_patches ? output.Sliced(1, begin, end - begin) : output).Floats();
  };
  const std::vector<float> a = valid(expected);
  const std::vector<float> b = valid(actual);
  for (size_t i = 0; i < a.size(); ++i) {
    // A sum of fewer terms may be added in another order: a rounding or two of numbers near 1.
    EXPECT_NEAR(a[i], b[i], 1e-6 * std::max(1.0f, std::abs(a[i]))) << "element " << i;
  }
}

TEST(DropPadding, ComputesTheSameAtValidPatches) {
  ExpectSameValidRows(Attention(kRelu));
  ExpectSameValidRows(Attention(kRelu, "-1e+09, 0, 0, -1e+09"), 1, 3);
}

TEST(DropPadding, SumsOverPatchesWherePaddingIsZero) {
  // The pooler's weights, a masked sum, and a filled value.
  ExpectSameValidRows(Attention(R"(  k %w: f32[1, 1, 4] = [0.5, 0.5, 0, 0]
  %y = batch_matmul(%w, %ctx): f32[1, 1, 2])"));
  ExpectSameValidRows(Attention(R"(  k %v: f32[1, 4, 1] = [1, 1, 0, 0]
  %z = mul(%ctx, %v): f32[1, 4, 2]
  %y = reduce_sum(%z) {axes: [1], keep_dims: false}: f32[1, 2])"));
  ExpectSameValidRows(Attention(R"(  k %c: bool[1, 4, 1] = [false, false, true, true]
  k %zero: f32[] = [0]
  %f = select(%c, %zero, %ctx): f32[1, 4, 2]
  %t = transpose(%f) {perm: [0, 2, 1]}: f32[1, 2, 4]
  k %w: f32[3, 4] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
  %y = fully_connected(%t, %w, -): f32[1, 2, 3])"));
}

std::string Refusal(const std::string& before) {
  DropPadding pass(/*shorten_io=*/false);
  const absl::Status status = ErrorOnText(pass, before);
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  return std::string(status.message());
}

TEST(DropPadding, RefusesWhatSeesPadding) {
  EXPECT_THAT(Refusal(Attention(R"(  %y = reduce_sum(%ctx) {axes: [1]}: f32[1, 1, 2])")),
              HasSubstr("not known to be zero where padded"));
  EXPECT_THAT(Refusal(Attention(R"(  k %v: f32[1, 4, 1] = [1, 1, 0, 0]
  %z = mul(%ctx, %v): f32[1, 4, 2]
  %y = reduce_mean(%z) {axes: [1]}: f32[1, 1, 2])")),
              HasSubstr("reduces over patches"));
  EXPECT_THAT(Refusal(Attention(R"(  k %w: f32[1, 1, 4] = [0.5, 0.5, 0, 0.1]
  %y = batch_matmul(%w, %ctx): f32[1, 1, 2])")),
              HasSubstr("neither operand is known to be zero"));
  EXPECT_THAT(Refusal(Attention(R"(  %t = transpose(%ctx) {perm: [0, 2, 1]}: f32[1, 2, 4]
  %y = softmax(%t): f32[1, 2, 4])")),
              HasSubstr("no mask hides them here"));
  EXPECT_THAT(Refusal(Attention(kRelu, "0, 0, -5, -5")), HasSubstr("no mask hides them here"));
}

TEST(DropPadding, RefusesWhatHasTheNumberOfPatchesInItsForm) {
  EXPECT_THAT(Refusal(Attention(R"(  %y = reshape(%ctx) {shape: [8]}: f32[8])")),
              HasSubstr("its form depends on the number of patches"));
  EXPECT_THAT(
      Refusal(Attention(
          R"(  %y = slice(%ctx) {begin: [0, 1, 0], size: [1, 2, 2], stride: [1, 1, 1]}: f32[1, 2, 2])")),
      HasSubstr("it picks some patches"));
  EXPECT_THAT(Refusal(Attention(R"(  k %i: i64[2] = [3, 0]
  %y = gather(%ctx, %i) {axis: 1}: f32[1, 2, 2])")),
              HasSubstr("it picks some patches"));
  EXPECT_THAT(Refusal(Attention(R"(  %y = concat(%ctx, %ctx) {axis: 1}: f32[1, 8, 2])")),
              HasSubstr("its form depends on the number of patches"));
}

TEST(DropPadding, RefusesHoles) {
  EXPECT_THAT(Refusal(Attention(kRelu, "0, -1e+09, 0, -1e+09")), HasSubstr("not one run"));
}

TEST(DropPadding, LeavesAGraphWithoutPadding) {
  ir::Graph graph = ParseOrDie(R"(graph g {
  in %x: f32[1, 4, 2]
  %y = relu(%x): f32[1, 4, 2]
  out %y
})");
  DropPadding pass(/*shorten_io=*/false);
  Report report;
  EXPECT_FALSE(*pass.Run(graph, report));
  ASSERT_EQ(report.notes().size(), 1u);
  EXPECT_THAT(report.notes()[0], HasSubstr("no patch is padding"));
}

}  // namespace
}  // namespace g4c::passes
