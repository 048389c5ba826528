#include "quantization/keep_rows.h"

#include <gmock/gmock.h>

#include "evaluator/executor.h"
#include "quantization/row_sample.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;

// A residual block with one head of attention: rows of the output depend on all rows of x through
// k.
constexpr char kBlock[] = R"(graph g {
  in  %x: f32[1, 6, 4]
  k   %w: f32[4, 4] = [1, 2, 3, 4, -1, 0, 1, 2, 0.5, 0.25, -0.5, 1, 2, 1, 0, -1]
  k   %gain: f32[4] = [1, 2, 1, 0.5]
  k   %cos: f32[1, 6, 1, 4] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5]
  k   %mask: f32[1, 1, 6, 6] = [0, 0, 0, 0, 0, -9, 0, 0, 0, 0, 0, -9, 0, 0, 0, 0, 0, -9,
                                0, 0, 0, 0, 0, -9, 0, 0, 0, 0, 0, -9, 0, 0, 0, 0, 0, -9]
  %norm = rms_norm(%x, %gain): f32[1, 6, 4]
  %fq = fully_connected(%norm, %w, -): f32[1, 6, 4]
  %rq = reshape(%fq) {shape: [1, 6, 1, 4]}: f32[1, 6, 1, 4]
  %turned = mul(%rq, %cos): f32[1, 6, 1, 4]
  %q = transpose(%turned) {perm: [0, 2, 1, 3]}: f32[1, 1, 6, 4]
  %fk = fully_connected(%norm, %w, -): f32[1, 6, 4]
  %rk = reshape(%fk) {shape: [1, 6, 1, 4]}: f32[1, 6, 1, 4]
  %k = transpose(%rk) {perm: [0, 2, 1, 3]}: f32[1, 1, 6, 4]
  %logits = batch_matmul(%q, %k) {adj_y: true}: f32[1, 1, 6, 6]
  %sum = add(%logits, %mask): f32[1, 1, 6, 6]
  %p = softmax(%sum): f32[1, 1, 6, 6]
  %a = batch_matmul(%p, %k): f32[1, 1, 6, 4]
  %back = transpose(%a) {perm: [0, 2, 1, 3]}: f32[1, 6, 1, 4]
  %flat = reshape(%back) {shape: [1, 6, 4]}: f32[1, 6, 4]
  %y = add(%x, %flat): f32[1, 6, 4]
  out %y
})";

// The graph as one block, of which `wanted` rows are kept.
RowBlock Kept(const ir::Graph& graph, const WantedRows& wanted, int64_t count) {
  absl::StatusOr<RowBlock> kept =
      KeepRows(ExtractBlock(graph, FindBlocks(graph)[0]), wanted, count);
  EXPECT_OK(kept.status());
  return *std::move(kept);
}

ir::Dims DimsOf(const RowBlock& kept, absl::string_view name) {
  return kept.extracted.graph.value(ValueNamed(kept.extracted.graph, name)).type.shape.dims();
}

TEST(KeepRows, ComputesTheRowsOfTheWholeBlock) {
  const ir::Graph graph = ParseOrDie(kBlock);
  std::vector<float> elements;
  for (int i = 0; i < 24; ++i) elements.push_back(static_cast<float>((i * 37) % 23) / 8 - 1);
  const ir::Tensor x = ir::Tensor::Of<float>(ir::DType::kF32, {1, 6, 4}, elements);
  ASSERT_OK_AND_ASSIGN(const auto whole, evaluator::FloatExecutor::Create(graph));
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> all, whole.Run({x}));

  const RowBlock kept = Kept(graph, {{graph.outputs()[0].value, 1}}, 2);
  EXPECT_THAT(kept.input_axes, ElementsAre(kAllRows));
  ASSERT_OK_AND_ASSIGN(const auto sampled, evaluator::FloatExecutor::Create(kept.extracted.graph));
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> rows,
                       sampled.Run({x, ir::Tensor::I64({1, 4})}));
  const ir::Tensor expected = TakeRows(all[0], 1, {1, 4});
  ASSERT_EQ(rows[0].dims(), expected.dims());
  // Sums over four channels and six keys may be taken in another order.
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(rows[0].Floats()[i], expected.Floats()[i], 1e-5 * 40);
  }
}

TEST(KeepRows, ComputesWholeWhatAttentionMixesAndNothingElse) {
  const ir::Graph graph = ParseOrDie(kBlock);
  const RowBlock kept = Kept(graph, {{graph.outputs()[0].value, 1}}, 2);
  EXPECT_THAT(DimsOf(kept, "norm"), ElementsAre(1, 6, 4));
  EXPECT_THAT(DimsOf(kept, "k"), ElementsAre(1, 1, 6, 4));
  EXPECT_THAT(DimsOf(kept, "fq"), ElementsAre(1, 2, 4));
  EXPECT_THAT(DimsOf(kept, "turned"), ElementsAre(1, 2, 1, 4));
  EXPECT_THAT(DimsOf(kept, "p"), ElementsAre(1, 1, 2, 6));
  EXPECT_THAT(DimsOf(kept, "y"), ElementsAre(1, 2, 4));
}

TEST(KeepRows, ComputesWholeWhatIsWantedWhole) {
  const ir::Graph graph = ParseOrDie(kBlock);
  const RowBlock kept =
      Kept(graph, {{graph.outputs()[0].value, 1}, {ValueNamed(graph, "turned"), kAllRows}}, 2);
  EXPECT_THAT(DimsOf(kept, "turned"), ElementsAre(1, 6, 1, 4));
  EXPECT_THAT(DimsOf(kept, "logits"), ElementsAre(1, 1, 2, 6));
}

TEST(KeepRows, TakesOnlyRowsOfAnInputThatNothingMixes) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
    in %x: f32[6, 2]
    %a = exp(%x): f32[6, 2]
    %b = softmax(%a): f32[6, 2]
    out %b
  })");
  const RowBlock kept = Kept(graph, {{graph.outputs()[0].value, 0}}, 3);
  EXPECT_THAT(kept.input_axes, ElementsAre(0));
  EXPECT_THAT(DimsOf(kept, "x"), ElementsAre(3, 2));
}

TEST(KeepRows, ComputesWholeWhereRowsAreMixedOrFlattened) {
  struct Case {
    const char* node;
    const char* shape;
  };
  for (const Case& c : {Case{"reshape(%a) {shape: [12]}", "12"},
                        Case{"reduce_sum(%a) {axes: [0], keep_dims: false}", "2"},
                        Case{"slice(%a) {begin: [1, 0], size: [5, 2], stride: [1, 1]}", "5, 2"},
                        Case{"cumsum(%a, %axis)", "6, 2"}, Case{"softmax(%t)", "2, 6"}}) {
    const ir::Graph graph = ParseOrDie(absl::StrCat(R"(graph g {
      in %x: f32[6, 2]
      k  %axis: i64[] = [0]
      %a = exp(%x): f32[6, 2]
      %t = transpose(%a) {perm: [1, 0]}: f32[2, 6]
      %y = )",
                                                    c.node, ": f32[", c.shape, "]\n  out %y\n}"));
    const int axis = std::string(c.shape) == "2, 6" ? 1 : 0;
    const RowBlock kept = Kept(graph, {{graph.outputs()[0].value, axis}}, 2);
    EXPECT_THAT(DimsOf(kept, "x"), ElementsAre(6, 2)) << c.node;
    EXPECT_THAT(DimsOf(kept, "a"), ElementsAre(6, 2)) << c.node;
    const ir::ValueId output = kept.extracted.graph.outputs()[0].value;
    EXPECT_EQ(kept.extracted.graph.value(output).type.shape.dim(axis), 2) << c.node;
  }
}

}  // namespace
}  // namespace g4c::quantization
