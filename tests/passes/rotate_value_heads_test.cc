#include "passes/rotate_value_heads.h"

#include <cmath>

#include "tests/passes/float_rewrite_testing.h"

namespace g4c::passes {
namespace {

// Weights are rounded once, and sums of d products taken in another order.
constexpr double kTolerance = 1e-5;

// 2 heads of 4 channels; `%k` repeats each for two heads of the other side.
constexpr char kGrouped[] = R"(graph g {
  in %x: f32[1, 5, 6]
  in %w: f32[1, 4, 5, 5]
  k %v: f32[8, 6] = seeded(1)
  k %b: f32[8] = seeded(2)
  k %o: f32[3, 16] = seeded(3)
  %l = fully_connected(%x, %v, %b): f32[1, 5, 8]
  %h = reshape(%l) {shape: [1, 5, 2, 4]}: f32[1, 5, 2, 4]
  %n = rms_norm(%h): f32[1, 5, 2, 4]
  %t = transpose(%n) {perm: [0, 2, 1, 3]}: f32[1, 2, 5, 4]
  %e = reshape(%t) {shape: [1, 2, 1, 5, 4]}: f32[1, 2, 1, 5, 4]
  %r = broadcast_to(%e) {shape: [1, 2, 2, 5, 4]}: f32[1, 2, 2, 5, 4]
  %k = reshape(%r) {shape: [1, 4, 5, 4]}: f32[1, 4, 5, 4]
  %p = batch_matmul(%w, %k): f32[1, 4, 5, 4]
  %s = transpose(%p) {perm: [0, 2, 1, 3]}: f32[1, 5, 4, 4]
  %j = reshape(%s) {shape: [1, 5, 16]}: f32[1, 5, 16]
  %y = fully_connected(%j, %o, -): f32[1, 5, 3]
  out %y
})";

// Heads of 3 channels, one product each.
constexpr char kUnrolled[] = R"(graph g {
  in %x: f32[5, 4]
  in %w: f32[5, 5]
  k %v: f32[6, 4] = seeded(1)
  k %o: f32[3, 6] = seeded(3)
  %l = fully_connected(%x, %v, -): f32[5, 6]
  %h = reshape(%l) {shape: [5, 2, 3]}: f32[5, 2, 3]
  %n = rms_norm(%h): f32[5, 2, 3]
  %f = reshape(%n) {shape: [5, 6]}: f32[5, 6]
  %a, %b = split(%f) {axis: 1, sizes: [3, 3]}: f32[5, 3], f32[5, 3]
  %p = batch_matmul(%w, %a): f32[5, 3]
  %q = batch_matmul(%w, %b): f32[5, 3]
  %c = concat(%p, %q) {axis: -1}: f32[5, 6]
  %y = fully_connected(%c, %o, -): f32[5, 3]
  out %y
})";

TEST(RotateValueHeads, ComputesTheSame) {
  for (const char* text : {kGrouped, kUnrolled}) {
    const auto done = CheckRewrite<RotateValueHeads>(text, kTolerance);
    ASSERT_EQ(done.size(), 1u);
    EXPECT_EQ(done[0], (quantization::AppliedRewrite{"value-heads", "l", {}}));
  }
}

TEST(RotateValueHeads, RotatesRowsBiasAndColumns) {
  const std::string shape = R"(
  %l = fully_connected(%x, %v, %b): f32[1, 2]
  %n = rms_norm(%l): f32[1, 2]
  %y = fully_connected(%n, %o, -): f32[1, 1]
  out %y
})";
  ir::Graph graph = ParseOrDie(R"(graph g {
  in %x: f32[1, 2]
  k %v: f32[2, 2] = [1, 2, 3, 4]
  k %b: f32[2] = [8, 4]
  k %o: f32[1, 2] = [2, 6])" + shape);
  const quantization::Statistics nothing;
  RewriteLog log(&nothing);
  Report report;
  ASSERT_THAT(RotateValueHeads(&log).Run(graph, report), IsOkAndHolds(true));
  const float h = std::sqrt(0.5f);
  const ir::Node& linear = *graph.Producer(ValueNamed(graph, "l"));
  const ir::Node& out = *graph.Producer(ValueNamed(graph, "y"));
  const auto data = [&](ir::ValueId id) { return graph.value(id).constant->Floats(); };
  using ::testing::FloatEq;
  EXPECT_THAT(data(linear.inputs[1]), ::testing::ElementsAre(FloatEq(4 * h), FloatEq(6 * h),
                                                             FloatEq(-2 * h), FloatEq(-2 * h)));
  EXPECT_THAT(data(linear.inputs[2]), ::testing::ElementsAre(FloatEq(12 * h), FloatEq(4 * h)));
  EXPECT_THAT(data(out.inputs[1]), ::testing::ElementsAre(FloatEq(8 * h), FloatEq(-4 * h)));
}

TEST(RotateValueHeads, LeavesNearMissesAlone) {
  const std::string text = kGrouped;
  const auto with = [&](const std::string& line, const std::string& other) {
    std::string changed = text;
    const size_t at = changed.find(line);
    EXPECT_NE(at, std::string::npos) << line;
    return changed.replace(at, line.size(), other);
  };
  // A gain that differs between channels.
  ExpectNoPlace<RotateValueHeads>(
      with("%n = rms_norm(%h)", "%n = rms_norm(%h, %gain)").replace(0, 9, R"(graph g {
  k %gain: f32[4] = [1, 2, 3, 4])"));
  // A clamp behind the linear; a norm over two heads at once.
  ExpectNoPlace<RotateValueHeads>(
      with("%h = reshape(%l)", R"(%d = clamp(%l) {min: -1, max: 1}: f32[1, 5, 8]
  %h = reshape(%d))"));
  // Something else reads a head, or its result is an output.
  ExpectNoPlace<RotateValueHeads>(
      with("  out %y", "  %z = square(%p): f32[1, 4, 5, 4]\n  out %y\n  out %z"));
  ExpectNoPlace<RotateValueHeads>(with("  out %y", "  out %y\n  out %t"));
  // A split within a head; a head joined with something else.
  std::string unrolled = kUnrolled;
  unrolled.replace(unrolled.find("concat(%p, %q)"), 14, "concat(%p, %a)");
  ExpectNoPlace<RotateValueHeads>(
      unrolled.replace(unrolled.find("concat(%p, %a)"), 14, "concat(%p, %g)")
          .replace(0, 9, "graph g {\n  in %g: f32[5, 3]"));
}

}  // namespace
}  // namespace g4c::passes
