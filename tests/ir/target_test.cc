#include "ir/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ir_testing.h"

namespace g4c::ir {
namespace {

using ::testing::ElementsAre;

// A target whose ADD and FULLY_CONNECTED run on i8 under every kind of condition.
Target Device() {
  Target target;
  target.name = "npu";
  ValueClause any8;
  any8.dtypes = {DType::kI8};
  OperatorForm add;
  add.operands = {any8};
  add.results = {any8};
  add.min_rank = 1;
  add.max_rank = 3;
  add.max_last_dim = 16;
  add.equal_qparams = true;
  add.activations = {Activation::kNone};
  add.why = "it compares integers";
  target.operators["ADD"] = {add};
  OperatorForm linear;
  ValueClause weight = any8;
  weight.constant = true;
  weight.zero_point = 0;
  ValueClause bias;
  bias.dtypes = {DType::kI32};
  bias.may_be_omitted = true;
  ValueClause result = any8;
  result.scale = 0.5f;
  ValueClause operand = any8;
  operand.max_span = 255;
  linear.operands = {operand, weight, bias};
  linear.results = {result};
  target.operators["FULLY_CONNECTED"] = {linear};
  target.io_dtypes = {DType::kI8};
  target.io_max_rank = 4;
  return target;
}

struct Case {
  std::string body, clause, text;
};

TEST(FindViolation, NamesTheClauseThatIsBroken) {
  const std::string w = "k %w: f32[2, 4] q(i8 0.1:0) = seeded(1)  ";
  const Case cases[] = {
      {"in %x: f32[2] q(i8 1:0)  %y = add(%x, %x): f32[2] q(i8 1:0)", "", ""},
      {"in %x: f32[2] q(i8 1:0)  %y = neg(%x): f32[2] q(i8 1:0)", "operators", "has no entry NEG"},
      {"in %x: f32[2] q(u8 1:0)  %y = add(%x, %x): f32[2] q(u8 1:0)", "operators.ADD",
       "takes i8 -> i8; this is u8"},
      {"in %x: f32[2] q(i8 1:0)  %y = add(%x, %x): f32[2] q(u8 1:0)", "operators.ADD",
       "takes i8 -> i8; this is i8 x i8 -> u8"},
      {"in %x: f32[] q(i8 1:0)  %y = add(%x, %x): f32[] q(i8 1:0)", "operators.ADD[0].rank",
       "'x' has rank 0"},
      {"in %x: f32[1, 1, 1, 2] q(i8 1:0)  %y = add(%x, %x): f32[1, 1, 1, 2] q(i8 1:0)",
       "operators.ADD[0].rank", "'x' has rank 4"},
      {"in %x: f32[17] q(i8 1:0)  %y = add(%x, %x): f32[17] q(i8 1:0)",
       "operators.ADD[0].max_last_dim", "'x' has the last dim 17"},
      {"in %x: f32[2] q(i8 1:0)  %y = add(%x, %x): f32[2] q(i8 2:0)",
       "operators.ADD[0].equal_qparams", "'x' has other qparams than 'y'"},
      {"in %x: f32[2] q(i8 1:0)  %y = add(%x, %x) {activation: relu}: f32[2] q(i8 1:0)",
       "operators.ADD[0].activations", "'y' comes out of a fused relu"},
      {"in %x: f32[1, 4] q(i8 1:0)  " + w + "%y = fully_connected(%x, %w): f32[1, 2] q(i8 0.5:0)",
       "", ""},
      {"in %x: f32[1, 4] q(i8 2:0)  " + w + "%y = fully_connected(%x, %w): f32[1, 2] q(i8 0.5:0)",
       "operators.FULLY_CONNECTED[0].operands[0].max_span", "'x' spans 510, above 255"},
      {"in %x: f32[1, 4] q(i8 1:0)  in %w: f32[2, 4] q(i8 1:0)  "
       "%y = fully_connected(%x, %w): f32[1, 2] q(i8 0.5:0)",
       "operators.FULLY_CONNECTED[0].operands[1].constant", "'w' is no constant"},
      {"in %x: f32[1, 4] q(i8 1:0)  k %w: f32[2, 4] q(i8 0.1:3) = seeded(1)  "
       "%y = fully_connected(%x, %w): f32[1, 2] q(i8 0.5:0)",
       "operators.FULLY_CONNECTED[0].operands[1].zero_point", "'w' has the zero point 3, not 0"},
      {"in %x: f32[1, 4] q(i8 1:0)  k %w: f32[2, 4] q(i8 per_channel 0 [1, 2] [0, 0]) = seeded(1)  "
       "%y = fully_connected(%x, %w): f32[1, 2] q(i8 0.5:0)",
       "operators.FULLY_CONNECTED[0].operands[1].granularity", "'w' has a scale for each channel"},
      {"in %x: f32[1, 4] q(i8 1:0)  " + w + "%y = fully_connected(%x, %w): f32[1, 2] q(i8 0.4:0)",
       "operators.FULLY_CONNECTED[0].results[0].scale", "'y' has the scale 0.4, not 0.5"},
  };
  const Target target = Device();
  for (const Case& test : cases) {
    const Graph graph = ParseOrDie("graph {" + test.body + "  out %y}");
    const absl::optional<Violation> violation =
        FindViolation(target, graph, *graph.Producer(ValueNamed(graph, "y")));
    EXPECT_EQ(violation ? violation->clause : "", test.clause) << test.body;
    EXPECT_EQ(violation ? violation->text : "", test.text) << test.body;
  }
}

TEST(FindViolation, TakesAnyFormThatHolds) {
  Target target = Device();
  OperatorForm wide = target.operators["ADD"][0];
  wide.max_last_dim.reset();
  target.operators["ADD"].push_back(wide);
  const Graph graph =
      ParseOrDie("graph { in %x: f32[17] q(i8 1:0)  %y = add(%x, %x): f32[17] q(i8 1:0)  out %y }");
  EXPECT_EQ(FindViolation(target, graph, graph.node(0)), absl::nullopt);
}

TEST(FindInterfaceViolations, NamesInputsAndOutputs) {
  const Graph graph = ParseOrDie(
      "graph { in %x: f32[2]  in %z: f32[1, 1, 1, 1, 2] q(i8 1:0)  %y = neg(%x): f32[2]  "
      "%q = neg(%z): f32[1, 1, 1, 1, 2] q(i8 1:0)  out %y  out %q }");
  EXPECT_THAT(FindInterfaceViolations(Device(), graph),
              ElementsAre("io.dtype: input 'x' is f32, not i8",
                          "io.max_rank: input 'z' has rank 5, above 4",
                          "io.dtype: output 'y' is f32, not i8",
                          "io.max_rank: output 'q' has rank 5, above 4"));
}

}  // namespace
}  // namespace g4c::ir
