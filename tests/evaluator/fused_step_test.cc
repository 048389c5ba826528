#include "evaluator/fused_step.h"

#include <cmath>
#include <map>
#include <mutex>

#include "evaluator/executor.h"
#include "literal.h"
#include "tests/support/ir_testing.h"

namespace g4c::evaluator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "last(input, input)" of each step.
std::vector<std::string> Steps(const ir::Graph& graph) {
  std::vector<std::string> texts;
  for (const FusedStep& step : FindFusedSteps(graph)) {
    const auto name = [&](ir::ValueId id) {
      return id == ir::kNoValue ? std::string("-") : graph.value(id).name;
    };
    std::vector<std::string> inputs;
    for (const ir::ValueId input : step.inputs) inputs.push_back(name(input));
    texts.push_back(absl::StrCat(name(graph.node(step.last).outputs[0]), "(",
                                 absl::StrJoin(inputs, ", "), ")"));
  }
  return texts;
}

// Runs with hooks for rows and whole values: what each value is on its way, pieced together from
// tiles where it is seen in tiles. `hook` may change rows; it gets each of them once.
std::map<std::string, std::vector<float>> SeenValues(const ir::Graph& graph, const RowsHook& hook,
                                                     bool in_tiles) {
  std::map<std::string, std::vector<float>> seen;
  std::mutex mutex;
  RunOptions options;
  options.adjust = [&](ir::ValueId id, ir::Tensor& data) {
    std::vector<float> elements = data.Floats();
    hook(id, 0, absl::MakeSpan(elements));
    data = ir::Tensor::Of<float>(ir::DType::kF32, data.dims(), elements);
    seen[graph.value(id).name] = elements;
    return absl::OkStatus();
  };
  if (in_tiles) {
    options.rows = [&](ir::ValueId id, int64_t row, absl::Span<float> rows) {
      hook(id, row, rows);
      const std::lock_guard<std::mutex> lock(mutex);
      const ir::Dims& dims = graph.value(id).type.shape.dims();
      std::vector<float>& whole = seen[graph.value(id).name];
      whole.resize(ir::NumElements(dims), -1e9f);
      for (size_t i = 0; i < rows.size(); ++i) {
        float& element = whole[row * dims.back() + static_cast<int64_t>(i)];
        EXPECT_EQ(element, -1e9f) << "seen twice";
        element = rows[i];
      }
    };
  }
  EXPECT_TRUE(FloatExecutor::Create(graph)->Run(SeededInputs(graph, 3), options).ok());
  return seen;
}

// What a hook sees in tiles, and what becomes of its changes, is what it sees operator by operator.
void ExpectSameInTiles(const ir::Graph& graph, const RowsHook& hook) {
  const auto whole = SeenValues(graph, hook, false), tiles = SeenValues(graph, hook, true);
  ASSERT_EQ(whole.size(), tiles.size());
  for (const auto& [name, want] : whole) {
    const std::vector<float>& got = tiles.at(name);
    ASSERT_EQ(got.size(), want.size()) << name;
    float largest = 0;
    for (const float value : want) largest = std::max(largest, std::abs(value));
    for (size_t k = 0; k < want.size(); ++k) EXPECT_NEAR(got[k], want[k], 1e-6 * largest) << name;
  }
}

// The steps of a graph, which must give what the nodes give one by one: the same up to the order of
// the sums of attention, 1e-6 of the largest magnitude at these sizes.
std::vector<std::string> StepsOf(absl::string_view body) {
  const ir::Graph graph = ParseOrDie(absl::StrCat("graph g {\n", body, "\n}"));
  const std::vector<ir::Tensor> inputs = SeededInputs(graph, 3);
  const FloatExecutor executor = FloatExecutor::Create(graph).value();
  RunOptions observed;
  observed.observe = [](ir::ValueId, const ir::Tensor&) { return absl::OkStatus(); };
  const std::vector<ir::Tensor> fused = executor.Run(inputs).value();
  const std::vector<ir::Tensor> single = executor.Run(inputs, observed).value();
  for (size_t i = 0; i < fused.size(); ++i) {
    EXPECT_EQ(fused[i].dims(), single[i].dims());
    const std::vector<float> f = fused[i].Floats(), s = single[i].Floats();
    float largest = 0;
    for (const float value : s) largest = std::max(largest, std::abs(value));
    for (size_t k = 0; k < f.size(); ++k) EXPECT_NEAR(f[k], s[k], 1e-6 * largest);
  }
  ExpectSameInTiles(graph, [](ir::ValueId, int64_t, absl::Span<float>) {});
  ExpectSameInTiles(graph, [](ir::ValueId id, int64_t, absl::Span<float> rows) {
    for (float& x : rows) x *= id % 2 == 0 ? 0.5f : 0.75f;
  });
  return Steps(graph);
}

TEST(FusedStep, Attention) {
  EXPECT_THAT(StepsOf(R"(
  in  %q: f32[2, 3, 8]
  in  %k: f32[2, 5, 8]
  in  %v: f32[2, 5, 4]
  k   %mask: f32[1, 1, 5] = seeded(1)
  %s = batch_matmul(%q, %k) {adj_y: true}: f32[2, 3, 5]
  %b = add(%mask, %s): f32[2, 3, 5]
  %w = softmax(%b) {beta: 0.25}: f32[2, 3, 5]
  %o = batch_matmul(%w, %v): f32[2, 3, 4]
  out %o)"),
              ElementsAre("o(q, k, v, mask)"));
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[2, 6, 6]
  %s = matmul(%x, %x): f32[2, 6, 6]
  %w = softmax_axis(%s) {axis: -1}: f32[2, 6, 6]
  %o = matmul(%w, %x): f32[2, 6, 6]
  out %o)"),
              ElementsAre("o(x, x, x)"));
}

TEST(FusedStep, AttentionIsSeenInTiles) {
  // More rows than one tile has, in several matrices.
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %q: f32[2, 101, 8]
  in  %k: f32[1, 8, 67]
  in  %v: f32[67, 4]
  k   %mask: f32[67] = seeded(1)
  %s = matmul(%q, %k): f32[2, 101, 67]
  %b = add(%s, %mask): f32[2, 101, 67]
  %w = softmax(%b) {beta: 0.5}: f32[2, 101, 67]
  %o = matmul(%w, %v): f32[2, 101, 4]
  out %o
})");
  ExpectSameInTiles(graph, [](ir::ValueId, int64_t, absl::Span<float> rows) {
    for (float& x : rows) x *= 0.75f;
  });
  ASSERT_EQ(FindFusedSteps(graph).size(), 1u);
  EXPECT_TRUE(FindFusedSteps(graph)[0].shows);
  // Where v has more matrices than the logits, their rows would come twice: nothing is shown.
  const ir::Graph wide = ParseOrDie(R"(graph g {
  in  %q: f32[5, 8]
  in  %v: f32[2, 7, 4]
  k   %k: f32[8, 7] = seeded(1)
  %s = matmul(%q, %k): f32[5, 7]
  %w = softmax(%s): f32[5, 7]
  %o = matmul(%w, %v): f32[2, 5, 4]
  out %o
})");
  ExpectSameInTiles(wide, [](ir::ValueId, int64_t, absl::Span<float>) {});
  ASSERT_EQ(FindFusedSteps(wide).size(), 1u);
  EXPECT_FALSE(FindFusedSteps(wide)[0].shows);
}

TEST(FusedStep, OnlyWhatIsWantedIsSeen) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[6, 6]
  %s = matmul(%x, %x): f32[6, 6]
  %w = softmax(%s): f32[6, 6]
  %o = matmul(%w, %x): f32[6, 6]
  %a = neg(%o): f32[6, 6]
  %b = abs(%a): f32[6, 6]
  %c = neg(%b): f32[6, 6]
  out %c
})");
  const FloatExecutor executor = FloatExecutor::Create(graph).value();
  const std::vector<float> fused = executor.Run(SeededInputs(graph, 3)).value()[0].Floats();
  for (const char* wanted : {"x", "s", "w", "o", "a", "b", "c"}) {
    std::vector<std::string> seen;
    RunOptions options;
    options.wants = [&](ir::ValueId id) { return graph.value(id).name == wanted; };
    options.observe = [&](ir::ValueId id, const ir::Tensor&) {
      seen.push_back(graph.value(id).name);
      return absl::OkStatus();
    };
    options.rows = [&](ir::ValueId id, int64_t, absl::Span<float>) {
      if (options.wants(id)) seen.push_back(graph.value(id).name);
    };
    const std::vector<float> result =
        executor.Run(SeededInputs(graph, 3), options).value()[0].Floats();
    EXPECT_THAT(seen, ElementsAre(wanted));
    for (size_t i = 0; i < fused.size(); ++i) EXPECT_NEAR(result[i], fused[i], 1e-6);
  }
}

TEST(FusedStep, NoAttention) {
  // Each once with what stands in the way: the weights are an output; a mask that widens the
  // logits; the weights on the right; a softmax over the keys' other axis.
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[6, 6]
  %s = matmul(%x, %x): f32[6, 6]
  %w = softmax(%s): f32[6, 6]
  %o = matmul(%w, %x): f32[6, 6]
  out %o
  out %w)"),
              IsEmpty());
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[6, 6]
  in  %mask: f32[2, 1, 6]
  %s = matmul(%x, %x): f32[6, 6]
  %b = add(%s, %mask): f32[2, 6, 6]
  %w = softmax(%b): f32[2, 6, 6]
  %o = matmul(%w, %x): f32[2, 6, 6]
  out %o)"),
              IsEmpty());
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[6, 6]
  %s = matmul(%x, %x): f32[6, 6]
  %w = softmax(%s): f32[6, 6]
  %o = matmul(%x, %w): f32[6, 6]
  out %o)"),
              IsEmpty());
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[6, 6]
  %s = matmul(%x, %x): f32[6, 6]
  %w = softmax_axis(%s) {axis: 0}: f32[6, 6]
  %o = matmul(%w, %x): f32[6, 6]
  out %o)"),
              IsEmpty());
}

TEST(FusedStep, Chains) {
  // A product with what is done to it: by itself, by a row, by all of another value, by one number.
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[2, 3, 8]
  in  %y: f32[2, 3, 5]
  k   %w: f32[5, 8] = seeded(1)
  k   %row: f32[5] = seeded(2)
  k   %two: f32[1, 1] = [2]
  %a = fully_connected(%x, %w): f32[2, 3, 5]
  %b = clamp(%a) {min: -1, max: 0.5}: f32[2, 3, 5]
  %c = sub(%row, %b): f32[2, 3, 5]
  %d = rms_norm(%c, %row): f32[2, 3, 5]
  %e = mul(%d, %y): f32[2, 3, 5]
  %f = div(%e, %two): f32[2, 3, 5]
  out %f)"),
              ElementsAre("f(x, w, row, row, y, two)"));
  // Without a product, and both operands of the start the same.
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[2, 3]
  %a = mul(%x, %x): f32[2, 3]
  %b = neg(%a): f32[2, 3]
  out %b)"),
              ElementsAre("b(x, x)"));
  // A scalar.
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[]
  %a = neg(%x): f32[]
  %b = add(%a, %x): f32[]
  out %b)"),
              ElementsAre("b(x, x)"));
}

TEST(FusedStep, ChainsEnd) {
  // Behind a value that is read twice, before an operand that lies in no way beside the chain's
  // value. One operator alone is no chain.
  EXPECT_THAT(StepsOf(R"(
  in  %x: f32[3, 4]
  in  %column: f32[3, 1]
  %a = neg(%x): f32[3, 4]
  %b = abs(%a): f32[3, 4]
  %c = mul(%a, %b): f32[3, 4]
  %d = mul(%c, %column): f32[3, 4]
  %e = square(%d): f32[3, 4]
  out %e)"),
              ElementsAre("c(a, a)"));
}

}  // namespace
}  // namespace g4c::evaluator
