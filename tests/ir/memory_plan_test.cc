#include "ir/memory_plan.h"

#include <gtest/gtest.h>

#include "ir/node_cost.h"
#include "tests/support/ir_testing.h"

namespace g4c::ir {
namespace {

int64_t PeakOf(const std::string& body) {
  return PlanMemory(ParseOrDie("graph {" + body + "}")).peak;
}

TEST(PlanMemory, GivesBytesBackAfterTheLastReader) {
  // x and a live together, then a and b in x's place, and so on: two buffers of 64 bytes. x is an
  // input, whose bytes are free once nobody reads it.
  EXPECT_EQ(PeakOf("in %x: f32[16]  %a = exp(%x): f32[16]  %b = exp(%a): f32[16]  "
                   "%y = exp(%b): f32[16]  out %y"),
            128);
  // x is read again at the end.
  EXPECT_EQ(PeakOf("in %x: f32[16]  %a = exp(%x): f32[16]  %b = exp(%a): f32[16]  "
                   "%y = add(%b, %x): f32[16]  out %y"),
            192);
}

TEST(PlanMemory, KeepsOutputsAndForgetsConstants) {
  EXPECT_EQ(PeakOf("in %x: f32[16]  k %k: f32[16] = seeded(1)  %a = add(%x, %k): f32[16]  "
                   "%b = exp(%a): f32[16]  %c = exp(%b): f32[16]  out %a  out %c"),
            192);
}

TEST(PlanMemory, CountsStoredBytesAndJoinsFreeStretches) {
  // Two neighbours of 64 bytes are given back and serve one result of 128; x stays.
  const std::string graph =
      "in %x: f32[16]  in %z: f32[16]  %y = concat(%x, %z) {axis: 0}: f32[32]  "
      "%e = exp(%y): f32[32]  out %e";
  EXPECT_EQ(PeakOf(graph), 256);
  EXPECT_EQ(PeakOf("in %x: f32[16] q(u8 1:0)  %y = neg(%x): f32[16] q(i16 1:0)  out %y"), 48);
}

TEST(PlanMemory, NothingOverlapsWhileItLives) {
  const Graph graph = ParseOrDie(R"(graph {
    in %x: f32[40]
    %p, %q, %r = split(%x) {axis: 0, sizes: [8, 12, 20]}: f32[8], f32[12], f32[20]
    %a = exp(%p): f32[8]
    %b = exp(%q): f32[12]
    %c = exp(%r): f32[20]
    %d = concat(%c, %a) {axis: 0}: f32[28]
    %y = concat(%d, %b) {axis: 0}: f32[40]
    out %y
  })");
  const MemoryPlan plan = PlanMemory(graph);
  const auto overlap = [&](ValueId a, ValueId b) {
    const auto end = [&](ValueId id) { return plan.offsets[id] + StoredSize(graph.value(id)); };
    return plan.offsets[a] < end(b) && plan.offsets[b] < end(a);
  };
  for (NodeId id : graph.TopologicalOrder()) {
    const Node& node = graph.node(id);
    std::vector<ValueId> together = node.inputs;
    together.insert(together.end(), node.outputs.begin(), node.outputs.end());
    for (size_t i = 0; i < together.size(); ++i) {
      for (size_t j = 0; j < i; ++j) EXPECT_FALSE(overlap(together[i], together[j]));
    }
  }
}

TEST(NodeCost, CountsProductsAndBytes) {
  const Graph graph = ParseOrDie(R"(graph {
    in %x: f32[2, 3, 8] q(u8 1:0)
    k %w: f32[5, 8] q(i4 per_channel 0 [1, 1, 1, 1, 1] [0, 0, 0, 0, 0]) = seeded(1)
    %f = fully_connected(%x, %w, -): f32[2, 3, 5] q(i16 1:0)
    %y = batch_matmul(%f, %f) {adj_x: true}: f32[2, 5, 5] q(i16 1:0)
    out %y
  })");
  const std::vector<NodeId> order = graph.TopologicalOrder();
  EXPECT_EQ(Macs(graph, graph.node(order[0])), 2 * 3 * 5 * 8);
  EXPECT_EQ(Macs(graph, graph.node(order[1])), 2 * 5 * 5 * 3);
  EXPECT_EQ(ActivationTraffic(graph, graph.node(order[0])), 2 * 3 * 8 + 2 * 3 * 5 * 2);
  EXPECT_EQ(StoredSize(graph.value(ValueNamed(graph, "w"))), 20);
}

}  // namespace
}  // namespace g4c::ir
