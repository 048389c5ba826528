#include "quantization/blocks.h"

#include <gmock/gmock.h>

#include "evaluator/executor.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;

// Two residual connections, and an element-wise tail that is no block of its own.
constexpr char kResidual[] = R"(graph g {
  in  %x: f32[2, 2]
  k   %w: f32[2, 2] = [1, 2, 3, 4]
  %a = fully_connected(%x, %w, -): f32[2, 2]
  %b = add(%x, %a): f32[2, 2]
  %c = fully_connected(%b, %w, -): f32[2, 2]
  %d = mul(%c, %c): f32[2, 2]
  %e = add(%b, %d): f32[2, 2]
  %f = neg(%e): f32[2, 2]
  %g = exp(%f): f32[2, 2]
  out %g
})";

std::vector<std::string> Names(const ir::Graph& graph, const std::vector<ir::ValueId>& values) {
  std::vector<std::string> names;
  for (ir::ValueId id : values) names.push_back(graph.value(id).name);
  return names;
}

std::vector<std::string> ResultNames(const ir::Graph& graph, const Block& block) {
  std::vector<ir::ValueId> results;
  for (ir::NodeId id : block.nodes) results.push_back(graph.node(id).outputs[0]);
  return Names(graph, results);
}

TEST(FindBlocks, CutsAtResidualSums) {
  const ir::Graph graph = ParseOrDie(kResidual);
  const std::vector<Block> blocks = FindBlocks(graph);
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_THAT(ResultNames(graph, blocks[0]), ElementsAre("a", "b"));
  EXPECT_THAT(Names(graph, blocks[0].inputs), ElementsAre("x"));
  EXPECT_THAT(Names(graph, blocks[0].outputs), ElementsAre("b"));
  EXPECT_THAT(ResultNames(graph, blocks[1]), ElementsAre("c", "d", "e", "f", "g"));
  EXPECT_THAT(Names(graph, blocks[1].inputs), ElementsAre("b"));
  EXPECT_THAT(Names(graph, blocks[1].outputs), ElementsAre("g"));
}

TEST(FindBlocks, AnInputThatStaysInUseLeavesOneBlock) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[2]
    in  %late: f32[2]
    %a = exp(%x): f32[2]
    %b = add(%x, %a): f32[2]
    %c = mul(%b, %b): f32[2]
    %d = add(%b, %c): f32[2]
    %e = add(%d, %late): f32[2]
    out %e
  })");
  const std::vector<Block> blocks = FindBlocks(graph);
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_THAT(Names(graph, blocks[0].inputs), ElementsAre("x", "late"));
}

TEST(FindBlocks, AGraphOutputInTheMiddleStaysLive) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[2]
    %a = exp(%x): f32[2]
    %b = add(%x, %a): f32[2]
    %c = mul(%b, %b): f32[2]
    out %b
    out %c
  })");
  const std::vector<Block> blocks = FindBlocks(graph);
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_THAT(Names(graph, blocks[0].outputs), ElementsAre("b"));
  EXPECT_THAT(Names(graph, blocks[1].outputs), ElementsAre("c"));
}

TEST(ExtractBlock, EvaluatesToTheSourcesValues) {
  const ir::Graph graph = ParseOrDie(kResidual);
  const ir::Tensor x = ir::Tensor::Of<float>(ir::DType::kF32, {2, 2}, {0.5f, -1, 0.25f, 2});
  std::vector<ir::Tensor> values(graph.num_values());
  ASSERT_OK_AND_ASSIGN(const auto whole, evaluator::FloatExecutor::Create(graph));
  evaluator::RunOptions options;
  options.observe = [&](ir::ValueId id, const ir::Tensor& data) {
    values[id] = data.Contiguous();
    return absl::OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> expected, whole.Run({x}, options));
  for (const Block& block : FindBlocks(graph)) {
    const ExtractedBlock extracted = ExtractBlock(graph, block);
    std::vector<ir::Tensor> inputs;
    for (ir::ValueId id : block.inputs) inputs.push_back(values[id]);
    ASSERT_OK_AND_ASSIGN(const auto executor, evaluator::FloatExecutor::Create(extracted.graph));
    ASSERT_OK_AND_ASSIGN(const std::vector<ir::Tensor> outputs, executor.Run(inputs));
    ASSERT_EQ(outputs.size(), block.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      // The same kernels on the same operands: the same bits.
      EXPECT_TRUE(outputs[i].SameContent(values[block.outputs[i]]));
      EXPECT_EQ(extracted.source_of[extracted.graph.outputs()[i].value], block.outputs[i]);
    }
  }
}

}  // namespace
}  // namespace g4c::quantization
