#include "quantization/valid_rows.h"

#include <gmock/gmock.h>

#include "attention_graph.h"
#include "quantization/axis_classes.h"
#include "quantization/calibrate.h"
#include "quantization/mask_fill.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

TEST(AxisClasses, FollowsThePatchesThroughAttention) {
  const ir::Graph graph = ParseOrDie(kAttention);
  const AxisClasses classes(graph);
  const int patches = classes.ClassOf(ValueNamed(graph, "x"), 1);
  const std::vector<std::pair<const char*, int>> kPatchAxes = {
      {"fc", 1},  {"r", 1}, {"q", 2}, {"logits", 2}, {"logits", 3},
      {"sum", 3}, {"p", 2}, {"p", 3}, {"v", 2},
  };
  for (const auto& [name, axis] : kPatchAxes) {
    EXPECT_EQ(classes.ClassOf(ValueNamed(graph, name), axis), patches) << name << " axis " << axis;
  }
  EXPECT_NE(classes.ClassOf(ValueNamed(graph, "x"), 2), patches);
  EXPECT_NE(classes.ClassOf(ValueNamed(graph, "q"), 1), patches);
}

TEST(ValidRows, VisitsNoPadding) {
  const ir::Graph graph = ParseOrDie(kAttention);
  ASSERT_OK_AND_ASSIGN(const ValidRows valid, ValidRows::Find(graph));
  EXPECT_TRUE(valid.has_padding());
  EXPECT_EQ(valid.num_valid(), 2);
  const auto visited = [&](const char* name, ir::Dims dims) {
    std::vector<float> elements(ir::NumElements(dims));
    for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<float>(i);
    std::vector<float> seen;
    valid.Visit(
        ValueNamed(graph, name), ir::Tensor::Of<float>(ir::DType::kF32, dims, elements),
        [&](absl::Span<const float> run) { seen.insert(seen.end(), run.begin(), run.end()); });
    return seen;
  };
  EXPECT_THAT(visited("x", {1, 4, 2}), ::testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(visited("logits", {1, 1, 4, 4}), ::testing::ElementsAre(0, 1, 4, 5));
  EXPECT_THAT(visited("v", {1, 1, 4, 2}), ::testing::ElementsAre(0, 1, 2, 3));
}

TEST(ValidRows, FindsNoPaddingWithoutAMask) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 4]
  k   %bias: f32[4] = [0, 1, -2, -3]
  %sum = add(%x, %bias): f32[1, 4]
  %p = softmax(%sum): f32[1, 4]
  out %p
})");
  ASSERT_OK_AND_ASSIGN(const ValidRows valid, ValidRows::Find(graph));
  EXPECT_FALSE(valid.has_padding());
  EXPECT_TRUE(FindMaskedLogits(graph).empty());
}

TEST(ValidRows, VisitsTheRowsThatWereAskedFor) {
  const ir::Graph graph = ParseOrDie(kAttention);
  ASSERT_OK_AND_ASSIGN(const ValidRows valid, ValidRows::Find(graph));
  std::vector<float> elements(16);
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<float>(i);
  const ir::Tensor logits = ir::Tensor::Of<float>(ir::DType::kF32, {1, 1, 4, 4}, elements);
  EXPECT_EQ(ValidRows::NumRows(logits), 4);
  EXPECT_EQ(ValidRows::NumRows(ir::Tensor::ScalarF32(1)), 1);
  std::vector<float> seen;
  valid.VisitRows(ValueNamed(graph, "logits"), logits, 1, 4, [&](absl::Span<const float> run) {
    seen.insert(seen.end(), run.begin(), run.end());
  });
  EXPECT_THAT(seen, ::testing::ElementsAre(4, 5));
}

TEST(ChooseMaskFills, LeavesResolutionAndMasks) {
  ir::Graph graph = ParseOrDie(kAttention);
  Observations seen(graph.num_values());
  const ir::ValueId logits = ValueNamed(graph, "logits");
  seen[logits].range = {-30, 4};
  seen[logits].lowest_row_max = 1;
  ASSERT_OK(ChooseMaskFills(graph, seen, ir::DType::kU8, ir::QuantOrigin::kCalibrated));
  // d = ln(2 * 2 masked keys * 256) = 6.93: the sum spans [1 - d, 4], the fill reaches its bottom
  // from 4.
  const auto& sum =
      std::get<ir::QuantPerTensor>(graph.value(ValueNamed(graph, "sum")).quantization);
  const float scale = static_cast<float>((4.0 - (1.0 - std::log(1024.0))) / 255);
  // One rounding of the bottom to f32 lies between this and the code: a relative tolerance of a few
  // f32 epsilons.
  EXPECT_NEAR(sum.scale, scale, 1e-6 * scale);
  const std::vector<MaskedLogits> masks = FindMaskedLogits(graph);
  ASSERT_EQ(masks.size(), 1u);
  const std::vector<float> mask = graph.value(masks[0].mask).constant->Floats();
  EXPECT_EQ(mask[0], 0);
  EXPECT_EQ(mask[2], RepresentableRange(sum).lo - 4);
  const auto& q = std::get<ir::QuantPerTensor>(graph.value(masks[0].mask).quantization);
  EXPECT_EQ(q.zero_point, 255);
}

}  // namespace
}  // namespace g4c::quantization
