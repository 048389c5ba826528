#include "ir/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Ids: x 0, k 1, a 2 (node 0), b 3 (node 1), c 4 (node 2).
Graph Diamond() {
  return ParseOrDie(R"(graph {
    in %x: f32[2]  k %k: f32[2] = [1, 2]
    %a = add(%x, %k): f32[2]
    %b = mul(%a, %a): f32[2]
    %c = sub(%b, %a): f32[2]
    out %c
  })");
}

TEST(Graph, MakesNamesUnique) {
  Graph graph;
  const auto name = [&](absl::string_view wanted) {
    return graph.value(graph.AddInput(wanted, {})).name;
  };
  EXPECT_EQ(name("x"), "x");
  EXPECT_EQ(name("x"), "x_1");
  EXPECT_EQ(name("x"), "x_2");
  EXPECT_EQ(name("x_1"), "x_1_1");
  EXPECT_EQ(name(""), "v");
  EXPECT_EQ(name(""), "v_1");
  graph.Rename(0, "x_2");
  EXPECT_EQ(graph.value(0).name, "x_2_1");
  graph.Rename(0, "x_2_1");
  EXPECT_EQ(graph.value(0).name, "x_2_1");
}

TEST(Graph, SwapsNames) {
  Graph graph = Diamond();
  graph.SwapNames(2, 4);
  EXPECT_EQ(graph.value(2).name, "c");
  EXPECT_EQ(graph.value(4).name, "a");
  EXPECT_OK(VerifyGraph(graph));
}

TEST(Graph, KnowsUsesAndProducers) {
  Graph graph = Diamond();
  EXPECT_THAT(graph.Uses(2), UnorderedElementsAre(Use{1, 0}, Use{1, 1}, Use{2, 1}));
  EXPECT_THAT(graph.Uses(4), IsEmpty());
  EXPECT_TRUE(graph.HasOneUse(0));
  EXPECT_FALSE(graph.HasOneUse(2));
  EXPECT_TRUE(graph.HasOneUse(3));
  graph.AddOutput("b", 3);
  EXPECT_FALSE(graph.HasOneUse(3));
  EXPECT_TRUE(graph.IsOutput(4));
  EXPECT_TRUE(graph.IsInput(0));
  EXPECT_TRUE(graph.IsConstant(1));
  EXPECT_FALSE(graph.IsConstant(kNoValue));
  EXPECT_EQ(graph.Producer(0), nullptr);
  EXPECT_EQ(graph.Producer(3), &graph.node(1));
  EXPECT_NE(graph.ProducedBy<Mul>(3), nullptr);
  EXPECT_EQ(graph.ProducedBy<Add>(3), nullptr);
  EXPECT_EQ(graph.ProducedBy<Add>(kNoValue), nullptr);
}

TEST(Graph, ChangesOperands) {
  Graph graph = Diamond();
  graph.SetOperand(1, 0, 0);
  EXPECT_THAT(graph.Uses(2), UnorderedElementsAre(Use{1, 1}, Use{2, 1}));
  EXPECT_THAT(graph.Uses(0), UnorderedElementsAre(Use{0, 0}, Use{1, 0}));
  graph.SetOperand(1, 0, 2);  // away and back: listed once
  EXPECT_THAT(graph.Uses(2), UnorderedElementsAre(Use{1, 0}, Use{1, 1}, Use{2, 1}));
  graph.SetOp(2, Concat{});
  graph.SetOperands(2, {2, 2, 2});
  EXPECT_THAT(graph.Uses(2),
              UnorderedElementsAre(Use{1, 0}, Use{1, 1}, Use{2, 0}, Use{2, 1}, Use{2, 2}));
  graph.SetOperands(2, {2});
  EXPECT_THAT(graph.Uses(2), UnorderedElementsAre(Use{1, 0}, Use{1, 1}, Use{2, 0}));
  graph.SetType(4, {DType::kF32, Shape({2})});
  EXPECT_OK(VerifyGraph(graph));
}

TEST(Graph, ReplacesAllUses) {
  Graph graph = Diamond();
  ASSERT_OK(graph.ReplaceAllUses(2, 0));
  ASSERT_OK(graph.ReplaceAllUses(4, 3));
  EXPECT_THAT(graph, IsGraph("graph { in %x: f32[2]  %b = mul(%x, %x): f32[2]  out %b }"));
  EXPECT_THAT(graph.Uses(2), IsEmpty());
  EXPECT_EQ(graph.outputs()[0].name, "c");  // an output keeps its own name
  EXPECT_EQ(graph.EraseDead(), 2);
  EXPECT_OK(VerifyGraph(graph));
  ASSERT_OK(graph.ReplaceAllUses(3, 3));
  EXPECT_OK(VerifyGraph(graph));
}

TEST(Graph, RefusesToReplaceAcrossTypes) {
  Graph graph = ParseOrDie(
      "graph { in %x: f32[2]  in %i: i64[2]  in %y: f32[3]  %a = neg(%x): f32[2]  out %a }");
  EXPECT_THAT(graph.ReplaceAllUses(0, 1),
              IsInvalidInput("cannot replace 'x' (f32[2]) by 'i' (i64[2])"));
  EXPECT_THAT(graph.ReplaceAllUses(0, 2),
              IsInvalidInput("cannot replace 'x' (f32[2]) by 'y' (f32[3])"));
  graph.ReplaceAllUsesAcrossTypes(0, 2);
  EXPECT_EQ(graph.node(0).inputs[0], 2);
}

TEST(Graph, MakesResultsAndInputsConstant) {
  Graph graph = Diamond();
  const Tensor data = Tensor::Of<float>(DType::kF32, {2}, {5, 6});
  graph.MakeConstant(2, {DType::kF32, Shape({2})}, data);
  EXPECT_EQ(graph.value(2).name, "a");
  EXPECT_OK(VerifyGraph(graph));
  EXPECT_EQ(graph.EraseDead(), 1);
  graph.MakeConstant(0, {DType::kF32, Shape({2})}, data);
  EXPECT_THAT(graph.inputs(), IsEmpty());
  EXPECT_OK(VerifyGraph(graph));
  EXPECT_THAT(graph, IsGraph(R"(graph {
    k %a: f32[2] = [5, 6]  %b = mul(%a, %a): f32[2]  %c = sub(%b, %a): f32[2]  out %c })"));
  // One of several results.
  Graph split = ParseOrDie(R"(graph {
    in %x: f32[2]  %a, %b = split(%x) {sizes: [1, 1]}: f32[1], f32[1]  %c = add(%a, %b): f32[1]  out %c })");
  split.MakeConstant(2, {DType::kF32, Shape({1})}, Tensor::Of<float>(DType::kF32, {1}, {7}));
  EXPECT_OK(VerifyGraph(split));
  EXPECT_EQ(split.node(0).outputs.size(), 2u);
}

TEST(Graph, ErasesDeadNodesOnly) {
  Graph graph = ParseOrDie(R"(graph {
    in %x: f32[2]  in %unused: f32[2]
    %a = neg(%x): f32[2]  %dead = abs(%a): f32[2]  %deader = neg(%dead): f32[2]
    out %a })");
  EXPECT_EQ(graph.EraseDead(), 2);
  EXPECT_EQ(graph.EraseDead(), 0);
  EXPECT_EQ(graph.inputs().size(), 2u);
  EXPECT_TRUE(graph.HasOneUse(0));
  EXPECT_THAT(graph.Uses(2), IsEmpty());
  EXPECT_OK(VerifyGraph(graph));
}

TEST(Graph, InfersTheTypeOfAnAddedNode) {
  Graph graph = ParseOrDie("graph { in %x: f32[2, 3]  k %k: f32[3] = splat(1) }");
  ASSERT_OK_AND_ASSIGN(const ValueId sum, graph.AddInferred(Add{}, {0, 1}, "sum", Provenance()));
  EXPECT_EQ(graph.value(sum).type.shape, Shape({2, 3}));
  EXPECT_THAT(graph.AddInferred(Transpose{{0}}, {sum}, "t", Provenance()),
              IsInvalidInput(::testing::_));
}

TEST(Graph, TopologicalOrderDependsOnOutputsAndEdgesOnly) {
  const Graph graph = ParseOrDie(R"(graph {
    in %x: f32[2]
    %d = add(%c, %b): f32[2]
    %dead = neg(%d): f32[2]
    %b = neg(%a): f32[2]
    %c = abs(%a): f32[2]
    %a = neg(%x): f32[2]
    out %d  out %b })");
  EXPECT_THAT(graph.TopologicalOrder(), ElementsAre(4, 3, 2, 0));
  EXPECT_THAT(graph.FindCycle(), IsEmpty());
  // The same nodes, written in another order.
  const Graph other = ParseOrDie(R"(graph {
    in %x: f32[2]
    %a = neg(%x): f32[2]
    %b = neg(%a): f32[2]
    %c = abs(%a): f32[2]
    %d = add(%c, %b): f32[2]
    out %d  out %b })");
  EXPECT_THAT(graph, EqualsGraph(other));
}

TEST(Graph, FindsACycle) {
  const Graph graph = ParseOrDie(R"(graph {
    in %x: f32[2]
    %a = neg(%x): f32[2]  %b = add(%a, %d): f32[2]  %c = neg(%b): f32[2]  %d = abs(%c): f32[2]
    out %d })");
  EXPECT_THAT(graph.FindCycle(), UnorderedElementsAre(1, 2, 3));
  const Graph self = ParseOrDie("graph { %a = neg(%a): f32[2]  out %a }");
  EXPECT_THAT(self.FindCycle(), ElementsAre(0));
}

TEST(Graph, AMergedProvenanceKeepsItsLeadAndEndsSomewhere) {
  Provenance all(Origin{"n0", "Relu", "", {}});
  for (int i = 1; i < 200; ++i) all.Merge(Provenance(Origin{absl::StrCat("n", i), "Relu", "", {}}));
  EXPECT_EQ(all.lead().node, "n0");
  EXPECT_EQ(all.origins().size(), 64u);
  EXPECT_EQ(all.origins().back()->node, "n63");
}

TEST(Graph, DescribesANodeByItsProvenance) {
  Graph graph = Diamond();
  EXPECT_EQ(Describe(graph, 0), "add 'a'");
  graph.MergeProvenance(
      0, Provenance(
             Origin{"node_Add_1", "Add", "layers.0", {"outer.py:1", "model.py:118, in forward"}}));
  graph.MergeProvenance(0, Provenance(Origin{"other", "Mul", "", {}}));
  EXPECT_EQ(Describe(graph, 0), "Add 'node_Add_1' in layers.0 (model.py:118)");
  EXPECT_EQ(graph.node(0).provenance.origins().size(), 2u);
  graph.MergeProvenance(0, graph.node(0).provenance);
  EXPECT_EQ(graph.node(0).provenance.origins().size(), 2u);
}

}  // namespace
}  // namespace g4c::ir
