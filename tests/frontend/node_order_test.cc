#include "frontend/node_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

Nodes List(const std::vector<onnx::NodeProto>& nodes) {
  Nodes list;
  for (const onnx::NodeProto& node : nodes) *list.Add() = node;
  return list;
}

// "x" is given by the graph, "outer" only visible.
NodeOrder Order(const std::vector<onnx::NodeProto>& nodes) {
  return OrderNodes(
      List(nodes), [](const std::string& name) { return name == "x"; },
      [](const std::string& name) { return name == "x" || name == "outer"; });
}

TEST(OrderNodesTest, KeepsASortedListAsItIs) {
  const NodeOrder order = Order({Node("A", {"x"}, {"a"}), Node("B", {"x"}, {"b"}),
                                 Node("C", {"a", "b", "outer"}, {"c"}), Node("D", {"x"}, {"d"})});
  EXPECT_THAT(order.order, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(order.cycle, IsEmpty());
  EXPECT_THAT(order.dangling, IsEmpty());
  EXPECT_THAT(order.duplicates, IsEmpty());
}

TEST(OrderNodesTest, SortsWithProducersFirstElseAsInTheFile) {
  EXPECT_THAT(Order({Node("C", {"b"}, {"c"}), Node("B", {"a"}, {"b"}), Node("A", {"x"}, {"a"}),
                     Node("Z", {"x"}, {"z"})})
                  .order,
              ElementsAre(2, 1, 0, 3));
  EXPECT_THAT(Order({}).order, IsEmpty());
}

TEST(OrderNodesTest, TheSameNameReadTwiceIsOneNeed) {
  EXPECT_THAT(Order({Node("B", {"a", "a"}, {"b"}), Node("A", {"x", ""}, {"a", ""})}).order,
              ElementsAre(1, 0));
}

TEST(OrderNodesTest, BranchesNeedWhatTheyReadFromAround) {
  const onnx::GraphProto branch = Graph({Node("Add", {"a", "x"}, {"inner"})}, {"inner"});
  const onnx::GraphProto inner_if = Graph({If("x", {"i"}, branch, Graph({}, {"d"}))}, {"i"});
  EXPECT_THAT(
      Order({If("x", {"y"}, inner_if, branch), Node("A", {"x"}, {"a"}), Node("D", {"x"}, {"d"})})
          .order,
      ElementsAre(1, 2, 0));
}

TEST(OrderNodesTest, ABranchMayCallItsResultAsTheIfDoes) {
  const onnx::GraphProto branch = Graph({Node("Neg", {"x"}, {"y"})}, {"y"});
  const NodeOrder order = Order({If("x", {"y"}, branch, branch)});
  EXPECT_THAT(order.order, ElementsAre(0));
  EXPECT_THAT(order.cycle, IsEmpty());
}

TEST(OrderNodesTest, DanglingNamesAreToldOnceWithTheirFirstReader) {
  const NodeOrder order = Order({Node("A", {"gone", "x"}, {"a"}),
                                 Node("B", {"gone", "lost"}, {"b"}), Node("C", {""}, {"c"})});
  ASSERT_THAT(order.dangling, SizeIs(2));
  EXPECT_EQ(order.dangling[0].name, "gone");
  EXPECT_EQ(order.dangling[0].reader, 0);
  EXPECT_EQ(order.dangling[1].name, "lost");
  EXPECT_EQ(order.dangling[1].reader, 1);
  EXPECT_THAT(order.order, SizeIs(3));
}

TEST(OrderNodesTest, Duplicates) {
  const NodeOrder order = Order({Node("A", {}, {"a"}), Node("B", {}, {"x"}),
                                 Node("C", {}, {"b", "a", "", ""}), Node("D", {}, {"d", "d"})});
  ASSERT_THAT(order.duplicates, SizeIs(3));
  EXPECT_EQ(order.duplicates[0].name, "x");
  EXPECT_EQ(order.duplicates[0].first, -1);
  EXPECT_EQ(order.duplicates[0].second, 1);
  EXPECT_EQ(order.duplicates[1].name, "a");
  EXPECT_EQ(order.duplicates[1].first, 0);
  EXPECT_EQ(order.duplicates[1].second, 2);
  EXPECT_EQ(order.duplicates[2].name, "d");
  EXPECT_EQ(order.duplicates[2].first, 3);
  EXPECT_EQ(order.duplicates[2].second, 3);
  EXPECT_THAT(order.order, SizeIs(4));
  EXPECT_THAT(order.cycle, IsEmpty());
  // A shadowed name of the graph around is no duplicate.
  EXPECT_THAT(Order({Node("A", {"x"}, {"outer"})}).duplicates, IsEmpty());
}

TEST(OrderNodesTest, Cycles) {
  EXPECT_THAT(Order({Node("A", {"a"}, {"a"})}).cycle, ElementsAre(0));
  // In the order of the data, beginning with the first in the file; what lies behind is left out.
  const NodeOrder order =
      Order({Node("End", {"c"}, {"end"}), Node("C", {"b"}, {"c"}), Node("A", {"c", "x"}, {"a"}),
             Node("B", {"a"}, {"b"}), Node("Free", {"x"}, {"free"})});
  EXPECT_THAT(order.cycle, ElementsAre(1, 2, 3));
  EXPECT_THAT(order.order, ElementsAre(4));
  // Through a branch.
  const onnx::GraphProto branch = Graph({Node("Neg", {"b"}, {"n"})}, {"n"});
  EXPECT_THAT(Order({If("x", {"y"}, branch, branch), Node("B", {"y"}, {"b"})}).cycle,
              ElementsAre(0, 1));
}

TEST(OrderNodesTest, LongChainsInReverse) {
  std::vector<onnx::NodeProto> nodes;
  constexpr int kCount = 20'000;
  for (int i = kCount; i > 0; --i) {
    nodes.push_back(Node("Neg", {i == 1 ? "x" : absl::StrCat("v", i - 1)}, {absl::StrCat("v", i)}));
  }
  const NodeOrder order = Order(nodes);
  ASSERT_THAT(order.order, SizeIs(kCount));
  EXPECT_EQ(order.order[0], kCount - 1);
}

// ---- NamesRead ----

TEST(NamesReadTest, InputsAndFreeNamesOfBranches) {
  EXPECT_THAT(NamesRead(Node("Clip", {"a", "", "b"}, {"c"})), ElementsAre("a", "b"));
  // Initializers, inputs and results of a branch are its own; results of nodes in any order.
  onnx::GraphProto branch =
      Graph({Node("Add", {"later", "free"}, {"r"}), Node("Mul", {"k", "free"}, {"later"}),
             Node("Add", {"in", "sparse"}, {"s"})},
            {"r", "outer_result"});
  *branch.add_initializer() = Floats("k", {}, {1});
  branch.add_sparse_initializer()->mutable_values()->set_name("sparse");
  branch.add_input()->set_name("in");
  EXPECT_THAT(NamesRead(If("c", {"y"}, branch, branch)),
              UnorderedElementsAre("c", "free", "outer_result", "free", "outer_result"));
  // Through two levels.
  const onnx::GraphProto outer =
      Graph({Node("Neg", {"x"}, {"free"}), If("c2", {"r"}, branch, branch)}, {"r"});
  EXPECT_THAT(NamesRead(If("c", {"y"}, outer, Graph({}, {"z"}))),
              UnorderedElementsAre("c", "x", "c2", "outer_result", "z"));
}

TEST(NamesReadTest, ListsOfGraphs) {
  onnx::NodeProto node = Node("Custom", {}, {"y"});
  *node.add_attribute()->add_graphs() = Graph({Node("Neg", {"a"}, {"b"})}, {"b"});
  EXPECT_THAT(NamesRead(node), ElementsAre("a"));
}

}  // namespace
}  // namespace g4c::frontend
