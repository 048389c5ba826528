#include "evaluator/integer_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/parallel.h"
#include "integer_op.h"
#include "ir/text.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// The stored outputs of the graph in `text`.
absl::StatusOr<std::vector<ir::Tensor>> RunText(absl::string_view text,
                                                std::vector<ir::Tensor> inputs,
                                                const RunOptions& options = {}) {
  ASSIGN_OR_RETURN(const ir::Graph graph, ir::ParseGraph(text));
  ASSIGN_OR_RETURN(const IntegerExecutor executor, IntegerExecutor::Create(graph));
  return executor.Run(inputs, options);
}

TEST(IntegerExecutor, RunsFloatIslandsBetweenDequantizeAndQuantize) {
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> out,
                       RunText(R"(
graph g {
  in %x: f32[2] q(u8 0.5:10)
  k  %c: f32[1] = [0.25]
  %f = dequantize(%x): f32[2]
  %y = mul(%f, %c): f32[2]
  %q = quantize(%y): f32[2] q(i8 0.125:0)
  out %q
  out %y
}
)",
                               {IntTensor(DType::kU8, {2}, {12, 9})}));
  EXPECT_THAT(out[0].Ints(), ElementsAre(2, -1));
  EXPECT_THAT(out[1].Floats(), ElementsAre(0.25f, -0.125f));
}

TEST(IntegerExecutor, ComputesPlainIntegersAndTheirReaders) {
  ASSERT_OK_AND_ASSIGN(
      const std::vector<ir::Tensor> out,
      RunText(R"(
graph g {
  in %x: f32[3] q(u8 1:0)
  in %i: i32[2]
  k  %one: i32[1] = [1]
  %j = add(%i, %one): i32[2]
  %y = gather(%x, %j): f32[2] q(u8 1:0)
  out %y
}
)",
              {IntTensor(DType::kU8, {3}, {5, 6, 7}), IntTensor(DType::kI32, {2}, {1, 0})}));
  EXPECT_THAT(out[0].Ints(), ElementsAre(7, 6));
}

TEST(IntegerExecutor, QuantisesRealConstantsAsTheFileWould) {
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> out,
                       RunText(R"(
graph g {
  in %x: f32[2] q(u8 1:0)
  k  %c: f32[2] q(i8 0.5:0) = [1.25, -100]
  %y = add(%x, %c): f32[2] q(i16 0.5:0)
  out %y
}
)",
                               {IntTensor(DType::kU8, {2}, {1, 1})}));
  EXPECT_THAT(out[0].Ints(), ElementsAre(4, -126));  // 1 + 1.0; 1 - 64
}

TEST(IntegerExecutor, FloatActivationsTakeDequantisedConstants) {
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> out,
                       RunText(R"(
graph g {
  in %x: f32[1, 2]
  k  %w: f32[1, 2] q(i8 per_channel 0 [0.5] [0]) = [1.2, 3]
  %y = fully_connected(%x, %w, -): f32[1, 1]
  out %y
}
)",
                               {ir::Tensor::Of<float>(DType::kF32, {1, 2}, {1, 1})}));
  EXPECT_THAT(out[0].Floats(), ElementsAre(4.0f));
}

TEST(IntegerExecutor, ReportsEveryNodeWithoutARule) {
  const auto result = RunText(R"(
graph g {
  in %x: f32[2] q(u8 1:0)
  k  %c: f32[2] = [1, 2]
  %y = add(%x, %c): f32[2] q(u8 1:0)  @layers.0.mlp
  %z = reduce_prod(%y) {axes: [0]}: f32[1] q(u8 1:0)
  out %z
}
)",
                              {});
  EXPECT_THAT(result,
              IsUnsupported(AllOf(
                  HasSubstr("layers.0.mlp: no integer rule for add(u8, f32) -> u8: some of its "
                            "f32 values have qparams and some have none; a dequantize"),
                  HasSubstr("\n"), HasSubstr("reduce_prod(u8) -> u8"))));
}

constexpr char kTwoNodes[] = R"(
graph g {
  in %x: f32[2] q(u8 1:0)
  %y = add(%x, %x): f32[2] q(u8 1:0)
  %z = relu(%y): f32[2] q(u8 2:0)
  out %z
  out %y as doubled
}
)";

TEST(IntegerExecutor, RefusesInputsOfAnotherTypeByName) {
  EXPECT_THAT(RunText(kTwoNodes, {}), IsInvalidInput("the graph has 1 inputs, 0 were given"));
  EXPECT_THAT(RunText(kTwoNodes, {IntTensor(DType::kI8, {2}, {1, 2})}),
              IsInvalidInput("input 'x' is stored as u8[2], given was i8[2]"));
  EXPECT_THAT(RunText(kTwoNodes, {IntTensor(DType::kU8, {1, 2}, {1, 2})}),
              IsInvalidInput(HasSubstr("given was u8[1, 2]")));
}

TEST(IntegerExecutor, ObserversSeeStoredValuesInOrderAndCanStop) {
  std::vector<std::vector<int64_t>> seen;
  RunOptions options;
  options.observe = [&](ir::ValueId, const ir::Tensor& tensor) {
    seen.push_back(tensor.Ints());
    return seen.size() == 4 ? InvalidInput("enough") : absl::OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> out,
                       RunText(kTwoNodes, {IntTensor(DType::kU8, {2}, {3, 200})}, options));
  EXPECT_THAT(seen, ElementsAre(ElementsAre(3, 200), ElementsAre(6, 255), ElementsAre(3, 128)));
  EXPECT_THAT(out[0].Ints(), ElementsAre(3, 128));
  EXPECT_THAT(out[1].Ints(), ElementsAre(6, 255));
  EXPECT_THAT(RunText(kTwoNodes, {IntTensor(DType::kU8, {2}, {3, 200})}, options),
              IsInvalidInput("enough"));
}

// One block of an encoder in u8 with i16 attention logits: the same bytes for any number of
// threads.
constexpr char kBlock[] = R"(
graph block {
  in %x: f32[1, 70, 48] q(u8 0.03:120)
  k  %gain: f32[48] q(u8 0.01:0) = seeded(1)
  k  %w: f32[48, 48] q(i16 0.0002:0) = seeded(2)
  k  %u: f32[48, 48] q(i16 0.0002:0) = seeded(3)
  %h = rms_norm(%x, %gain): f32[1, 70, 48] q(u8 0.02:128)
  %q = fully_connected(%h, %w, -): f32[1, 70, 48] q(i16 0.002:0)
  %g = gelu(%q) {approximate: true}: f32[1, 70, 48] q(u8 0.1:3)
  %v = fully_connected(%g, %u, -): f32[1, 70, 48] q(u8 0.3:128)
  %s = batch_matmul(%q, %q) {adj_y: true}: f32[1, 70, 70] q(i16 0.05:0)
  %p = softmax(%s): f32[1, 70, 70] q(u8 0.00390625:0)
  %a = batch_matmul(%p, %v): f32[1, 70, 48] q(u8 0.3:128)
  %y = add(%x, %a): f32[1, 70, 48] q(u8 0.3:128)
  %m = reduce_mean(%y) {axes: [1]}: f32[1, 1, 48] q(i16 0.001:0)
  out %y
  out %m
}
)";

TEST(IntegerExecutor, LaterNodesSeeWhatAnObserverPutsInAPlace) {
  RunOptions options;
  options.adjust = [](ir::ValueId, ir::Tensor& tensor) {
    for (const int64_t q : tensor.Ints()) {
      if (q == 4) tensor = IntTensor(DType::kI8, tensor.dims(), {100});
    }
    return absl::OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> out,
                       RunText(R"(
graph g {
  in %x: f32[1] q(i8 1:0)
  %a = add(%x, %x): f32[1] q(i8 1:0)
  %y = neg(%a): f32[1] q(i8 1:0)
  out %y
}
)",
                               {IntTensor(DType::kI8, {1}, {2})}, options));
  EXPECT_THAT(out[0].Ints(), ElementsAre(-100));
}

TEST(IntegerExecutor, IsTheSameForAnyNumberOfThreads) {
  std::mt19937 random(9);
  const std::vector<ir::Tensor> inputs = {
      IntTensor(DType::kU8, {1, 70, 48}, RandomInts(random, DType::kU8, 70 * 48))};
  const int before = NumThreads();
  SetNumThreads(1);
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> one, RunText(kBlock, inputs));
  SetNumThreads(4);
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> four, RunText(kBlock, inputs));
  SetNumThreads(before);
  ASSERT_EQ(one.size(), 2u);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].SameContent(four[i]));
  EXPECT_THAT(one[0].Ints(), Not(::testing::Each(one[0].Ints()[0])));
}

}  // namespace
}  // namespace g4c::evaluator
