#include "ir/verifier.h"

#include <gtest/gtest.h>

#include <functional>

#include "ir/shape_inference.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::ir {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(VerifyGraph, AcceptsWhatHolds) {
  EXPECT_OK(VerifyGraph(ParseOrDie(R"(graph {
    in  %x: f32[2, ?]
    k   %w: f32[3, 4] q(i4 per_channel 0 [1, 2, 3] [0, 0, 0]) = seeded(1)
    k   %wi: f32[3, 4] q(i8 0.5:0) = i8 seeded(1)
    k   %half: f32[4] = f16 seeded(2)
    %y = fully_connected(%x, %w): f32[2, 3] q(u8 0.5:128)
    %z = fully_connected(%x, %wi, -): f32[2, ?]
    %s = shape(%y): i64[?] q(none: shape)
    %f = foreign(%s) {code: "FOO"}: bool[7]
    %n = rms_norm(%x, %half): f32[*]
    out %y out %z out %f out %n out %x as again
  })")));
}

struct TextCase {
  const char* text;
  const char* message;  // after "1 violation of the graph's invariants\n  "
};

TEST(VerifyGraph, NamesWhatATextBreaks) {
  const TextCase kCases[] = {
      {"in %x: f32[2]  %y = neg(%x): f32[3]  @layers.0  out %y",
       "in layers.0: 'y' is f32[3], neg gives f32[2]"},
      {"in %x: f32[2]  %y = neg(%x): i32[2]  out %y", "neg 'y': 'y' is i32[2], neg gives f32[2]"},
      {"in %x: f32[2]  %y = add(%x): f32[2]  out %y", "add 'y': add takes 2 operands, has 1"},
      {"in %x: f32[2]  %y = concat(%x, -): f32[2]  out %y",
       "concat 'y': operand 1 of concat is missing"},
      {"in %x: f32[2]  %y, %z = neg(%x): f32[2], f32[2]  out %y",
       "neg 'y': neg gives 1 results, has 2"},
      {"in %x: f32[2]  in %i: i64[2]  %y = add(%x, %i): f32[2]  out %y",
       "add 'y': operands 0 and 1 differ in dtype: f32 and i64"},
      {"%a = neg(%b): f32[2]  %b = abs(%a): f32[2]  out %a",
       "a cycle: abs 'b' -> neg 'a' -> abs 'b'"},
      {"in %x: f32[2]  out %x as a out %x as a", "two graph outputs are named 'a'"},
      {"k %w: f32[2] = i8 [1, 2]  out %w", "the constant 'w' is f32[2], its data are i8"},
      {"k %w: i64[2] = i32 [1, 2]  out %w", "the constant 'w' is i64[2], its data are i32"},
      {"k %w: f32[2] q(u8 1:0) = i8 [1, 2]  out %w", "the constant 'w' is f32[2], its data are i8"},
      {"k %w: bf16[2] = f32 [1, 2]  out %w", "the constant 'w' is bf16[2], its data are f32"},
      {"in %x: i32[2] q(u8 1:0)  out %x", "'x' has qparams, but its type is i32[2]"},
      {"in %x: f32[2] q(f16 1:0)  out %x", "'x' has qparams of f16"},
      {"in %x: f32[2] q(u8 0:0)  out %x", "'x' has the scale 0"},
      {"in %x: f32[2] q(u8 -1:0)  out %x", "'x' has the scale -1"},
      {"in %x: f32[2] q(u8 inf:0)  out %x", "'x' has the scale inf"},
      {"in %x: f32[2] q(u8 nan:0)  out %x", "'x' has the scale nan"},
      {"in %x: f32[2] q(u8 1:256)  out %x", "'x' has the zero point 256, which is no u8"},
      {"in %x: f32[2] q(i4 1:-9)  out %x", "'x' has the zero point -9, which is no i4"},
      {"in %x: f32[2] q(u8 per_channel 1 [1, 1] [0, 0])  out %x",
       "'x' of [2] has channels along axis 1"},
      {"in %x: f32[2] q(u8 per_channel -1 [1, 1] [0, 0])  out %x",
       "'x' of [2] has channels along axis -1"},
      {"in %x: f32[2] q(u8 per_channel 0 [1] [0])  out %x", "'x' of [2] has 1 scales along axis 0"},
      {"in %x: f32[2] q(u8 per_channel 0 [1, 1] [0])  out %x",
       "'x' has 2 scales and 1 zero points"},
      {"in %x: f32[2] q(u8 per_channel 0 [1, 0] [0, 0])  out %x", "'x' has the scale 0"},
  };
  for (const TextCase& c : kCases) {
    const Graph graph = ParseOrDie(absl::StrCat("graph {", c.text, "}"));
    EXPECT_THAT(VerifyGraph(graph), IsInvalidInput(absl::StrCat(
                                        "1 violation of the graph's invariants\n  ", c.message)))
        << c.text;
  }
}

// What no text can say: changes of a graph "in %x  %y = neg(%x)  %z = abs(%y)  out %z".
TEST(VerifyGraph, NamesWhatAChangeBreaks) {
  struct Case {
    const char* message;
    std::function<void(Graph&)> change;
  };
  constexpr ValueId kX = 0, kY = 1, kZ = 2;
  const Case kCases[] = {
      {"abs 'z' reads value 9, which does not exist",
       [](Graph& g) {
         g.SetOperands(1, {kNoValue});
         const_cast<Node&>(g.node(1)).inputs[0] = 9;
       }},
      {"graph output 'z' reads 'x', which nothing produces",
       [](Graph& g) {
         g.SetOutput(0, kX);
         g.EraseDead();
         g.RemoveInput(kX);
       }},
      {"neg 'y' reads 'x', which nothing produces", [](Graph& g) { g.RemoveInput(kX); }},
      {"abs 'z' reads 'y', whose node was erased",
       [](Graph& g) { const_cast<Node&>(g.node(0)).erased = true; }},
      {"graph input 'x' is listed twice",
       [](Graph& g) {
         g.SetInputs({kX, kX});
       }},
      {"graph input 'y' is the result of a node",
       [](Graph& g) {
         g.SetInputs({kX, kY});
       }},
      {"graph input 'x' is a constant",
       [](Graph& g) {
         const_cast<Value&>(g.value(kX)).constant = Tensor::Allocate(DType::kF32, {2});
       }},
      {"the result 'y' is a constant",
       [](Graph& g) {
         const_cast<Value&>(g.value(kY)).constant = Tensor::Allocate(DType::kF32, {2});
       }},
      {"neg 'y': result 0 is 'y', which is of another node or place",
       [](Graph& g) { const_cast<Value&>(g.value(kY)).producer = 1; }},
      {"'x' is read 2 times, its uses are 1",
       [](Graph& g) { const_cast<Node&>(g.node(1)).inputs[0] = kX; }},
      {"the uses of 'y' list an operand that does not read it",
       [](Graph& g) {
         g.Uses(kY);
         const_cast<Node&>(g.node(1)).inputs[0] = kX;
       }},
      {"two values are named 'x'", [](Graph& g) { const_cast<Value&>(g.value(kZ)).name = "x"; }},
      {"value 1 has no name", [](Graph& g) { const_cast<Value&>(g.value(kY)).name = ""; }},
      {"the constant 'k' is f32[2], its data have shape [3]",
       [](Graph& g) {
         g.SetOperand(
             1, 0,
             g.AddConstant("k", {DType::kF32, Shape({2})}, Tensor::Allocate(DType::kF32, {3})));
       }},
  };
  for (const Case& c : kCases) {
    Graph graph =
        ParseOrDie("graph { in %x: f32[2]  %y = neg(%x): f32[2]  %z = abs(%y): f32[2]  out %z }");
    ASSERT_OK(VerifyGraph(graph));
    c.change(graph);
    EXPECT_THAT(VerifyGraph(graph), IsInvalidInput(HasSubstr(c.message)));
  }
}

TEST(VerifyGraph, ReportsAllViolationsAtOnce) {
  const Graph graph = ParseOrDie(R"(graph {
    in %x: f32[2] q(u8 0:300)
    %y = neg(%x): f32[3]  @layers.0
    %z = sqrt(%x): f32[3]  @layers.1
    out %y out %z
  })");
  EXPECT_THAT(VerifyGraph(graph),
              IsInvalidInput("4 violations of the graph's invariants\n"
                             "  'x' has the scale 0\n"
                             "  'x' has the zero point 300, which is no u8\n"
                             "  in layers.0: 'y' is f32[3], neg gives f32[2]\n"
                             "  in layers.1: 'z' is f32[3], sqrt gives f32[2]"));
}

TEST(VerifyGraph, IsLinearInALongChain) {
  std::string text = "graph {\nin %0: f32[1]\n";
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&text, "%", i + 1, " = neg(%", i, "): f32[1]\n");
  EXPECT_OK(VerifyGraph(ParseOrDie(text + "out %20000\n}\n")));
}

TEST(VerifyStatic, AcceptsStaticGraphsWithoutOperatorsOfTheFoldPhase) {
  EXPECT_OK(VerifyStatic(ParseOrDie(R"(graph {
    in %x: f32[2, 3]  k %i: i64[1] = [1]
    %y = gather(%x, %i): f32[1, 3]
    %z = rms_norm(%y, -): f32[1, 3]
    out %z
  })")));
}

TEST(VerifyStatic, SaysWhichInputAndHowToBindIt) {
  const TextCase kCases[] = {
      {R"(in %x: f32[2, 3]  in %ids: i64[2, 3]  k %zero: i64[] = [0]
          %valid = less(%zero, %ids): bool[2, 3]
          %where = non_zero(%valid): i64[2, ?]  @pooler
          %at = transpose(%where) {perm: [1, 0]}: i64[?, 2]
          %rows = gather_nd(%x, %at): f32[?]
          out %rows)",
       "1 part of the graph cannot be made static\n"
       "  in pooler (non_zero): it depends on graph input 'ids'; bind it: --bind ids=FILE.npy, or "
       "for patch positions and "
       "their mask --grid HxW or --profile NAME"},
      {R"(in %x: f32[2, 3]  in %scale: f32[1]
          %n = cast(%scale) {to: i64}: i64[1]
          %y = dynamic_reshape(%x, %n): f32[?]
          out %y)",
       "dynamic_reshape 'y' (dynamic_reshape): it depends on graph input 'scale'; bind it: --bind "
       "scale=FILE.npy"},
      // The data operand is not to blame.
      {R"(in %x: f32[2, 3]  k %shape: i64[1] = [6]
          %y = dynamic_reshape(%x, %shape): f32[6]
          out %y)",
       "dynamic_reshape 'y' (dynamic_reshape): it could not be replaced, although nothing that it "
       "needs is unknown"},
      // Ids are what can be bound, even where an activation is met first.
      {R"(in %x: f32[2]  in %ids: i64[2]
          %f = cast(%ids) {to: f32}: f32[2]
          %m = mul(%x, %f): f32[2]
          %n = non_zero(%m): i64[1, ?]
          out %n)",
       "non_zero 'n' (non_zero): it depends on graph input 'ids'"},
      {R"(in %x: f32[?, 3]
          %s = shape(%x): i64[2]
          %y = dynamic_reshape(%x, %s): f32[?, ?]
          %z = neg(%y): f32[?, ?]
          out %z)",
       "3 parts of the graph cannot be made static\n"
       "  the shape [?, 3] of graph input 'x' is not known; set it: --shape x=D0,D1,...\n"
       "  shape 's' (shape): the shape [?, 3] of graph input 'x' is not known; set it: --shape "
       "x=D0,D1,...\n"
       "  dynamic_reshape 'y' (dynamic_reshape): the shape [?, 3] of graph input 'x' is not known; "
       "set it: --shape "
       "x=D0,D1,..."},
      {R"(in %x: f32[2]  in %c: bool[]
          %y = choose(%c, %x, %x): f32[2]
          out %y)",
       "choose 'y' (choose): it depends on graph input 'c'"},
      {R"(in %x: f32[2, 3]  %y = softmax_axis(%x) {axis: 0}: f32[2, 3]  out %y)",
       "softmax_axis 'y' (softmax_axis): it could not be replaced"},
      {R"(in %x: f32[2, 3]  in %s: f32[]  %q = quantize_linear(%x, %s): u8[2, 3]  out %q)",
       "quantize_linear 'q' (quantize_linear): it depends on graph input 's'"},
      {R"(in %x: f32[2, 3]  %y = foreign(%x) {code: "FOO"}: f32[?]  out %y)",
       "foreign 'y' (FOO): the shape of its result is not known"},
  };
  for (const TextCase& c : kCases) {
    const Graph graph = ParseOrDie(absl::StrCat("graph {", c.text, "}"));
    ASSERT_OK(VerifyGraph(graph));
    EXPECT_THAT(VerifyStatic(graph), IsUnsupported(HasSubstr(c.message))) << c.text;
  }
}

TEST(VerifyStatic, ReportsBrokenGraphsAsSuch) {
  EXPECT_THAT(VerifyStatic(ParseOrDie("graph { in %x: f32[2]  %y = neg(%x): f32[3]  out %y }")),
              IsInvalidInput(HasSubstr("neg gives f32[2]")));
}

TEST(IsFoldOnly, TellsTheTwoKindsApart) {
  for (const Op& op :
       {Op(DynamicSlice{}), Op(Attention{}), Op(Range{}), Op(ShapeOf{}), Op(Choose{})}) {
    EXPECT_TRUE(IsFoldOnly(op)) << OpName(op);
  }
  for (const Op& op :
       {Op(Slice{}), Op(BatchMatMul{}), Op(Gather{}), Op(Softmax{}), Op(Foreign{})}) {
    EXPECT_FALSE(IsFoldOnly(op)) << OpName(op);
  }
}

}  // namespace
}  // namespace g4c::ir
