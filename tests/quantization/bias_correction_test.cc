#include "quantization/bias_correction.h"

#include <gmock/gmock.h>

#include "tests/support/ir_testing.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;

TEST(LostMeans, AreWhatBothModelsOutputsDifferBy) {
  // Row 0: (1 * 3 + 2 * 4) - (1.5 * 2 + 2 * 4); row 1: (0 * 3 + 1 * 4) - (0 * 2 + 0.5 * 4).
  EXPECT_THAT(LostMeans({1, 2, 0, 1}, {1.5, 2, 0, 0.5}, {3, 4}, {2, 4}), ElementsAre(0, 2));
}

TEST(AddToBias, ChangesAddsOrCopies) {
  ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[1, 2]
    k   %w: f32[2, 2] = [1, 2, 3, 4]
    k   %own: f32[2] = [10, 20]
    k   %shared: f32[2] = [5, 6]
    %a = fully_connected(%x, %w, -): f32[1, 2]
    %b = fully_connected(%a, %w, %own): f32[1, 2]
    %c = fully_connected(%b, %w, %shared): f32[1, 2]
    %d = fully_connected(%c, %w, %shared): f32[1, 2]
    out %d
  })");
  const std::vector<ir::NodeId> order = graph.TopologicalOrder();
  const auto bias = [&](int i) {
    return graph.value(graph.node(order[i]).inputs[2]).constant->Floats();
  };
  for (int i : {0, 1, 2}) {
    EXPECT_TRUE(HasFreeBias(graph, order[i]));
    AddToBias(graph, order[i], {1, -1});
  }
  EXPECT_THAT(bias(0), ElementsAre(1, -1));
  EXPECT_THAT(bias(1), ElementsAre(11, 19));
  EXPECT_THAT(bias(2), ElementsAre(6, 5));
  EXPECT_THAT(bias(3), ElementsAre(5, 6));
}

TEST(HasFreeBias, NotWhereItIsComputedOrHasQparams) {
  ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[1, 2]
    in  %y: f32[2]
    k   %w: f32[2, 2] = [1, 2, 3, 4]
    k   %bias: f32[2] = [5, 6]
    %a = fully_connected(%x, %w, %y): f32[1, 2]
    %b = fully_connected(%a, %w, %bias): f32[1, 2]
    out %b
  })");
  const std::vector<ir::NodeId> order = graph.TopologicalOrder();
  EXPECT_FALSE(HasFreeBias(graph, order[0]));
  EXPECT_TRUE(HasFreeBias(graph, order[1]));
  graph.SetQuantization(graph.node(order[1]).inputs[2],
                        ir::QuantPerTensor{ir::DType::kI32, 0.5f, 0}, ir::QuantOrigin::kFile);
  EXPECT_FALSE(HasFreeBias(graph, order[1]));
}

}  // namespace
}  // namespace g4c::quantization
