#include "evaluator/executor.h"

#include "base/parallel.h"
#include "literal.h"
#include "tests/support/ir_testing.h"

namespace g4c::evaluator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<std::vector<std::string>> RunText(absl::string_view text, Literals inputs,
                                                 const RunOptions& options = {}) {
  const ir::Graph graph = ParseOrDie(text);
  auto executor = FloatExecutor::Create(graph);
  if (!executor.ok()) return executor.status();
  std::vector<ir::Tensor> tensors;
  for (const char* input : inputs) tensors.push_back(Literal(input));
  auto outputs = executor->Run(tensors, options);
  if (!outputs.ok()) return outputs.status();
  std::vector<std::string> texts;
  for (const ir::Tensor& output : *outputs) texts.push_back(LiteralText(output));
  return texts;
}

constexpr char kChain[] = R"(
graph g {
  in  %x: f32[2]
  in  %y: f32[2]
  k   %two: f32[] = [2]
  %late = mul(%y, %two): f32[2]
  %a    = neg(%x): f32[2]
  %b    = add(%a, %y): f32[2]
  %dead = neg(%y): f32[2]
  %c    = mul(%b, %late): f32[2]
  out %c
  out %a as first
  out %x
  out %two
})";

TEST(Executor, OutputsInTheirOrder) {
  EXPECT_THAT(RunText(kChain, {"f32[2] 1 2", "f32[2] 10 20"}),
              IsOkAndHolds(ElementsAre("f32[2] 180 720", "f32[2] -1 -2", "f32[2] 1 2", "f32[] 2")));
}

TEST(Executor, ObservesInputsThenResultsInTopologicalOrder) {
  const ir::Graph graph = ParseOrDie(kChain);
  ASSERT_OK_AND_ASSIGN(const FloatExecutor executor, FloatExecutor::Create(graph));
  for (const bool reference : {false, true}) {
    std::vector<std::string> seen;
    RunOptions options;
    options.reference = reference;
    options.observe = [&](ir::ValueId id, const ir::Tensor& data) {
      seen.push_back(absl::StrCat(graph.value(id).name, " ", LiteralText(data)));
      return absl::OkStatus();
    };
    ASSERT_OK(executor.Run({Literal("f32[2] 1 2"), Literal("f32[2] 10 20")}, options));
    EXPECT_THAT(seen, ElementsAre("x f32[2] 1 2", "y f32[2] 10 20", "a f32[2] -1 -2",
                                  "b f32[2] 9 18", "late f32[2] 20 40", "c f32[2] 180 720"));
  }
}

TEST(Executor, AnObserversErrorEndsTheRun) {
  RunOptions options;
  options.observe = [](ir::ValueId, const ir::Tensor&) { return InvalidInput("enough"); };
  EXPECT_THAT(RunText(kChain, {"f32[2] 1 2", "f32[2] 10 20"}, options), IsInvalidInput("enough"));
}

// A value's storage is free after its last use, and only then: the next result of the shape may
// take it.
TEST(Executor, ReleasesValuesAfterTheirLastUse) {
  const ir::Graph graph = ParseOrDie(R"(
graph g {
  in  %x: f32[4]
  %a = neg(%x): f32[4]
  %b = neg(%a): f32[4]
  %c = add(%a, %b): f32[4]
  %d = neg(%c): f32[4]
  out %d
})");
  ASSERT_OK_AND_ASSIGN(const FloatExecutor executor, FloatExecutor::Create(graph));
  for (const bool keep : {false, true}) {
    std::vector<const uint8_t*> storage;
    std::vector<ir::Tensor> kept;
    RunOptions options;
    options.observe = [&](ir::ValueId, const ir::Tensor& data) {
      storage.push_back(data.bytes());
      if (keep) kept.push_back(data);
      return absl::OkStatus();
    };
    ASSERT_OK_AND_ASSIGN(const auto outputs, executor.Run({Literal("f32[4] 1 2 3 4")}, options));
    EXPECT_TRUE(IsLiteral(outputs[0], "f32[4] 0 0 0 0", 0));
    EXPECT_NE(storage[1], storage[0]);  // the caller has x
    EXPECT_NE(storage[2], storage[1]);  // a is read again
    EXPECT_EQ(storage[4] == storage[3], !keep);
    if (keep) {
      EXPECT_TRUE(IsLiteral(kept[1], "f32[4] -1 -2 -3 -4", 0));
    }
  }
}

TEST(Executor, EvaluatesOnlyTheChosenBranch) {
  constexpr char kText[] = R"(
graph g {
  in  %c: bool[]
  in  %x: i64[1]
  k   %zero: i64[1] = [0]
  %wrong = div(%x, %zero): i64[1]
  %right = add(%x, %x): i64[1]
  %y = choose(%c, %wrong, %right): i64[1]
  out %y
})";
  EXPECT_THAT(RunText(kText, {"bool[] 0", "i64[1] 3"}), IsOkAndHolds(ElementsAre("i64[1] 6")));
  EXPECT_THAT(RunText(kText, {"bool[] 1", "i64[1] 3"}),
              IsInvalidInput(HasSubstr("integer division by zero")));
}

TEST(Executor, ShapesMayBeUnknown) {
  constexpr char kText[] = R"(
graph g {
  in  %x: f32[?, 2]
  %s = shape(%x): i64[2]
  %n = non_zero(%x): i64[2, ?]
  out %s
  out %n
})";
  EXPECT_THAT(RunText(kText, {"f32[3, 2] 0 1 0 0 0 2"}),
              IsOkAndHolds(ElementsAre("i64[2] 3 2", "i64[2, 2] 0 2 1 1")));
}

TEST(Executor, ConstantsMeanRealNumbers) {
  constexpr char kText[] = R"(
graph g {
  in  %x: f32[2]
  k   %stored: f32[2] q(u8 0.5:3) = u8 [3, 7]
  k   %real: f32[2] q(u8 0.5:3) = [0.3, 0.3]
  k   %half: f32[2] = bf16 [1.5, 2]
  %a = add(%x, %stored): f32[2] q(u8 1:0)
  %b = add(%a, %real): f32[2]
  %moved = reshape(%half) {shape: [2]}: f32[2]
  out %b
  out %half
  out %moved
})";
  EXPECT_THAT(RunText(kText, {"bf16[2] 1 1"}),
              IsOkAndHolds(ElementsAre("f32[2] 1.3 3.3", "f32[2] 1.5 2", "f32[2] 1.5 2")));
}

TEST(Executor, Errors) {
  constexpr char kText[] = R"(
graph g {
  in  %table: f32[2]
  in  %i: i64[1]
  %y = gather(%table, %i): f32[1] @encoder.embed
  out %y
})";
  EXPECT_THAT(
      RunText(kText, {"f32[2] 1 2", "i64[1] 5"}),
      IsInvalidInput("in encoder.embed: index 5 (element 0) is outside of a dimension of 2"));
  EXPECT_THAT(RunText(kText, {"f32[2] 1 2"}), IsInvalidInput("1 tensors for 2 graph inputs"));
  EXPECT_THAT(RunText(kText, {"f32[3] 1 2 3", "i64[1] 0"}),
              IsInvalidInput("input 'table' is f32[3], where the graph needs f32[2]"));
  EXPECT_THAT(RunText(kText, {"f32[2] 1 2", "i32[1] 0"}),
              IsInvalidInput("input 'i' is i32[1], where the graph needs i64[1]"));
}

// One layer of attention and a gated feed-forward with odd sizes, with constants that are views.
constexpr char kLayer[] = R"(
graph layer {
  in  %x: f32[1, 67, 40]
  k   %gain: f32[40] = seeded(1)
  k   %wq: f32[40, 40] = seeded(2)
  k   %wv: f32[40, 40] = seeded(3)
  k   %up: f32[90, 40] = seeded(4)
  k   %bias: f32[90] = seeded(5)
  k   %down: f32[40, 90] = seeded(6)
  k   %mask: f32[1, 1, 1, 67] = seeded(7)
  %h  = rms_norm(%x, %gain): f32[1, 67, 40]
  %q0 = fully_connected(%h, %wq): f32[1, 67, 40]
  %v0 = fully_connected(%h, %wv): f32[1, 67, 40]
  %q1 = reshape(%q0) {shape: [1, 67, 4, 10]}: f32[1, 67, 4, 10]
  %v1 = reshape(%v0) {shape: [1, 67, 4, 10]}: f32[1, 67, 4, 10]
  %q  = transpose(%q1) {perm: [0, 2, 1, 3]}: f32[1, 4, 67, 10]
  %v  = transpose(%v1) {perm: [0, 2, 1, 3]}: f32[1, 4, 67, 10]
  %s0 = batch_matmul(%q, %v) {adj_y: true}: f32[1, 4, 67, 67]
  %s1 = add(%s0, %mask): f32[1, 4, 67, 67]
  %s2 = softmax(%s1) {beta: 0.05}: f32[1, 4, 67, 67]
  %o0 = batch_matmul(%s2, %v): f32[1, 4, 67, 10]
  %o1 = transpose(%o0) {perm: [0, 2, 1, 3]}: f32[1, 67, 4, 10]
  %o  = reshape(%o1) {shape: [1, 67, 40]}: f32[1, 67, 40]
  %r  = add(%o, %x): f32[1, 67, 40]
  %u0 = fully_connected(%r, %up, %bias): f32[1, 67, 90]
  %u1 = gelu(%u0) {approximate: true}: f32[1, 67, 90]
  %d  = fully_connected(%u1, %down): f32[1, 67, 40]
  %y  = add(%d, %r): f32[1, 67, 40]
  out %y
})";

TEST(Executor, FastKernelsAgreeWithTheReference) {
  const ir::Graph graph = ParseOrDie(kLayer);
  ASSERT_OK_AND_ASSIGN(const FloatExecutor executor, FloatExecutor::Create(graph));
  const std::vector<ir::Tensor> inputs = SeededInputs(graph, 11);
  RunOptions reference;
  reference.reference = true;
  ASSERT_OK_AND_ASSIGN(const auto expected, executor.Run(inputs, reference));
  ASSERT_OK_AND_ASSIGN(const auto fast, executor.Run(inputs));
  const std::vector<float> e = expected[0].Floats(), f = fast[0].Floats();
  double square = 0, error = 0;
  for (size_t i = 0; i < e.size(); ++i) {
    square += e[i] * e[i];
    error += (e[i] - f[i]) * (e[i] - f[i]);
  }
  // Five products of depth <= 90 in f32 one after the other: a relative error of some 2^-24
  // sqrt(90) each.
  EXPECT_LT(std::sqrt(error / square), 3e-6);
}

TEST(Executor, SameBytesForAnyNumberOfThreads) {
  const ir::Graph graph = ParseOrDie(kLayer);
  ASSERT_OK_AND_ASSIGN(const FloatExecutor executor, FloatExecutor::Create(graph));
  const std::vector<ir::Tensor> inputs = SeededInputs(graph, 11);
  const int before = NumThreads();
  for (const bool reference : {false, true}) {
    RunOptions options;
    options.reference = reference;
    std::vector<ir::Tensor> results;
    for (const int threads : {1, 2, 5}) {
      SetNumThreads(threads);
      ASSERT_OK_AND_ASSIGN(auto outputs, executor.Run(inputs, options));
      results.push_back(outputs[0]);
    }
    SetNumThreads(before);
    EXPECT_TRUE(results[0].SameContent(results[1]));
    EXPECT_TRUE(results[0].SameContent(results[2]));
  }
}

}  // namespace
}  // namespace g4c::evaluator
