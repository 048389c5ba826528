#include "quantization/propagate.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "tests/support/ir_testing.h"

namespace g4c::quantization {
namespace {

struct Case {
  const char* what;
  const char* before;
  const char* after;
};

const Case kCases[] = {
    {"forwards through a reshape", R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %y = reshape(%x) {shape: [6]}: f32[6]
  out %y
})",
     R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %y = reshape(%x) {shape: [6]}: f32[6] q(u8 0.5:3)
  out %y
})"},
    {"backwards through an only reader", R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %a = exp(%x): f32[2, 3]
  %y = transpose(%a) {perm: [1, 0]}: f32[3, 2] q(u8 0.25:0)
  out %y
})",
     R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %a = exp(%x): f32[2, 3] q(u8 0.25:0)
  %y = transpose(%a) {perm: [1, 0]}: f32[3, 2] q(u8 0.25:0)
  out %y
})"},
    {"not backwards where another operator reads the value too", R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %a = exp(%x): f32[2, 3]
  %y = transpose(%a) {perm: [1, 0]}: f32[3, 2] q(u8 0.25:0)
  %z = abs(%a): f32[2, 3] q(u8 1:0)
  out %y
  out %z
})",
     nullptr},
    {"not backwards where the value is an output", R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %a = exp(%x): f32[2, 3]
  %y = transpose(%a) {perm: [1, 0]}: f32[3, 2] q(u8 0.25:0)
  out %y
  out %a
})",
     nullptr},
    {"never over what is known", R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %y = reshape(%x) {shape: [6]}: f32[6] q(u8 0.25:0)
  out %y
})",
     nullptr},
    {"not through an operator that computes", R"(graph g {
  in  %x: f32[2, 3] q(u8 0.5:3)
  %y = exp(%x): f32[2, 3]
  out %y
})",
     nullptr},
    {"a softmax knows its own range, in its operand's dtype", R"(graph g {
  in  %x: f32[2, 3] q(i8 0.5:3)
  %y = softmax(%x): f32[2, 3]
  %z = reshape(%y) {shape: [6]}: f32[6]
  out %z
})",
     R"(graph g {
  in  %x: f32[2, 3] q(i8 0.5:3)
  %y = softmax(%x): f32[2, 3] q(i8 0.00390625:-128)
  %z = reshape(%y) {shape: [6]}: f32[6] q(i8 0.00390625:-128)
  out %z
})"},
    {"backwards through a concat, then forwards to the operand's other piece", R"(graph g {
  in  %x: f32[2, 4] q(u8 0.5:3)
  %h = exp(%x): f32[2, 4]
  %a, %b = split(%h) {axis: 1, sizes: [2, 2]}: f32[2, 2], f32[2, 2]
  %c = concat(%a, %b) {axis: 0}: f32[4, 2] q(u8 0.125:1)
  out %c
})",
     R"(graph g {
  in  %x: f32[2, 4] q(u8 0.5:3)
  %h = exp(%x): f32[2, 4] q(u8 0.125:1)
  %a, %b = split(%h) {axis: 1, sizes: [2, 2]}: f32[2, 2] q(u8 0.125:1), f32[2, 2] q(u8 0.125:1)
  %c = concat(%a, %b) {axis: 0}: f32[4, 2] q(u8 0.125:1)
  out %c
})"},
};

TEST(PropagateQparams, FillsOnlyWhatFollows) {
  for (const Case& c : kCases) {
    ir::Graph graph = ParseOrDie(c.before);
    const std::string before = ir::PrintGraph(graph);
    const int filled = PropagateQparams(graph, nullptr);
    EXPECT_EQ(filled > 0, c.after != nullptr) << c.what;
    const ir::Graph wanted = ParseOrDie(c.after == nullptr ? c.before : c.after);
    EXPECT_EQ(ir::PrintGraph(graph), ir::PrintGraph(wanted)) << c.what;
    EXPECT_EQ(PropagateQparams(graph, nullptr), 0) << c.what << ", again";
  }
}

TEST(PropagationStop, NamesTheOperatorAtTheBorder) {
  const ir::Graph graph = ParseOrDie(kCases[2].before);
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    const ir::NodeId stop = PropagationStop(graph, id);
    if (graph.value(id).name == "a") {
      ASSERT_NE(stop, ir::kNoNode);
      EXPECT_EQ(ir::OpName(graph.node(stop).op), "transpose");
    } else if (graph.value(id).name == "z") {
      EXPECT_EQ(stop, ir::kNoNode);
    }
  }
}

}  // namespace
}  // namespace g4c::quantization
