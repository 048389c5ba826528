#include "ir/text.h"

#include <gtest/gtest.h>

#include "ir/seeded.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::ir {
namespace {

// Texts that print to themselves.
const char* const kTexts[] = {
    "graph {\n}\n",
    R"(graph encoder {
  in  %x: f32[1, 63, 64]
  k   %gain: f32[64] = splat(1)
  %h = rms_norm(%x, %gain) {epsilon: 1e-05}: f32[1, 63, 64] q(u8 0.0314:128)  @layers.0.input_layernorm
  %a, %b = split(%h) {axis: 2, sizes: [32, 32]}: f32[1, 63, 32], f32[1, 63, 32] q(i16 1e-06:0)
  %s = shape(%h): i64[3] q(none: shape)
  out %a as last_hidden_state
  out %s
  out %a
}
)",
    // Types that are not static, omitted operands, an input that nothing reads.
    R"(graph {
  in  %x: f32[*]
  in  %unused: bool[?, 0]
  %y = dynamic_slice(%x, %x, %x, -, %x): f32[?, 2]
  %z = foreign(-) {code: "RNN \"v2\""}: f32[]
  out %y
}
)",
    // Names: any bytes; a name that looks like a word or number.
    R"(graph "a b" {
  in  %"x:0": f32[]
  in  %/layers.0/Add-1: f32[]
  in  %"say \"hi\"\n\t\\\x01": f32[]
  in  %0: f32[]
  in  %"é": f32[]
  %in = add(%"x:0", %/layers.0/Add-1): f32[]  @"a b"
  %out = add(%in, %in): f32[]  @layers.0
  out %out as "last state"
}
)",
    // Constants of every kind: dtypes, stored dtypes, scalars, empty ones, extremes.
    R"(graph {
  k   %b: bool[2] = [true, false]
  k   %u4: u4[2] = [0, 15]
  k   %i4: i4[2] = [-8, 7]
  k   %u64: u64[1] = [18446744073709551615]
  k   %i64: i64[2] = [-9223372036854775808, 9223372036854775807]
  k   %f32: f32[7] = [0, -0, inf, -inf, nan, 1e-45, 3.4028235e+38]
  k   %f64: f64[2] = [0.1, 1e-300]
  k   %f16: f32[3] = f16 [65504, 5.9604645e-08, 0.099975586]
  k   %bf16: f32[2] = bf16 [1.5, 3.3895314e+38]
  k   %scalar: f32[] = [2.5]
  k   %empty: i64[2, 0] = []
  k   %zeros: f32[1000, 1000] = splat(0)
  k   %w: f32[2, 2] q(i8 per_channel 0 [0.5, 0.25] [0, 0]) = i8 [1, -2, 3, 127]
  k   %big: f32[100] = bf16 sha(0123456789abcdef0123456789abcdef, 200 bytes)
  out %b
  out %u4
  out %i4
  out %u64
  out %i64
  out %f32
  out %f64
  out %f16
  out %bf16
  out %scalar
  out %empty
  out %zeros
  out %w
  out %big
}
)",
    R"(graph {
  in  %x: f32[2] q(none: float)
  in  %i: i64[2] q(none: index)
  in  %m: bool[2] q(none: bool)
}
)",
    // Attributes of every kind.
    R"(graph {
  in  %x: f32[2, 3]
  %a = clamp(%x) {min: -inf, max: 6.5}: f32[2, 3]
  %b = cast(%a) {to: i64}: i64[2, 3]
  %c = gelu(%a) {approximate: true}: f32[2, 3]
  %d = pad(%a) {before: [0, 1], after: [1, 0], mode: reflect, value: -1e-300}: f32[2, 3]
  %e = add(%a, %b) {activation: relu_n1_to_1}: f32[2, 3]
  %f = dynamic_reduce(%a) {kind: prod, keep_dims: false}: f32[]
  %g = scatter_nd(%a, %b, %c) {kind: max}: f32[2, 3]
  %h = einsum(%a) {equation: "ij->ji"}: f32[3, 2]
  %i = shape(%a) {start: -1, end: 1}: i64[0]
  out %b
  out %c
  out %d
  out %e
  out %f
  out %g
  out %h
  out %i
}
)",
    // A cycle, and nodes that no output needs.
    R"(graph {
  %b = neg(%a): f32[2]
  %a = abs(%b): f32[2]
  %c = neg(%d): f32[2]
  %d = neg(%c): f32[2]
  foreign(%d)
  out %a
}
)",
};

TEST(Text, PrintsAsParsed) {
  for (const char* text : kTexts) {
    ASSERT_OK_AND_ASSIGN(const Graph graph, ParseGraph(text));
    EXPECT_TRUE(TextsEqual(text, PrintGraph(graph)));
  }
}

TEST(Text, EveryOperatorPrintsAndParses){
#define G4C_OP(Name, text, min_inputs, max_inputs, results, rule)                  \
  {                                                                                \
    Graph graph;                                                                   \
    const ValueId x = graph.AddInput("x", {});                                     \
    const NodeId node = graph.AddNode(Name{}, {x}, {"y"}, {Type{}}, Provenance()); \
    graph.AddOutput("y", graph.node(node).outputs[0]);                             \
    ASSERT_OK_AND_ASSIGN(const Graph parsed, ParseGraph(PrintGraph(graph)));       \
    EXPECT_EQ(PrintNode(parsed, 0), "%y = " text "(%x): f32[*]");                  \
    EXPECT_EQ(parsed.node(0).op, Op(Name{}));                                      \
  }
#include "ir/op_table.inc"
#undef G4C_OP
}

TEST(Text, AcceptsCommentsBlanksAndSeeds) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, ParseGraph(R"(
    # before
    graph { in %x : f32 [ 2 ]   # an input
      k %w:f32[3,5]=seeded(7) k %i: i8[2,50]=seeded(1)
      %y=add(%x,%x){}:f32[2]q(?)out %y })"));
  EXPECT_TRUE(graph.value(1).constant->SameContent(SeededTensor(DType::kF32, {3, 5}, 7)));
  EXPECT_EQ(PrintNode(graph, 0), "%y = add(%x, %x): f32[2]");
}

TEST(Text, LargeConstantsPrintAsDigestsThatParse) {
  const char* text = R"(graph {
    k %w: f32[100] = seeded(1)
    k %v: f32[100] = seeded(2)
    out %w out %v })";
  const std::string printed = PrintGraph(ParseOrDie(text));
  EXPECT_THAT(printed, ::testing::HasSubstr(", 400 bytes)"));
  const Graph parsed = ParseOrDie(printed);
  EXPECT_TRUE(TextsEqual(printed, PrintGraph(parsed)));
  EXPECT_FALSE(parsed.value(0).constant->SameContent(*parsed.value(1).constant));
}

TEST(Text, CanonicalFormLeavesOutNamesOrderAndProvenance) {
  const Graph a = ParseOrDie(R"(graph one {
    in %x: f32[2]  in %unused: f32[2]
    k %dead: f32[2] = [1, 2]  k %two: f32[] = [2]
    %z = neg(%x): f32[2]
    %y = mul(%x, %two): f32[2]  @layers.0
    %s = sub(%y, %z): f32[2]
    %gone = abs(%dead): f32[2]
    out %s as state })");
  const Graph b = ParseOrDie(R"(graph {
    in %a: f32[2]  in %b: f32[2]
    k %k: f32[] = [2]
    %m = mul(%a, %k): f32[2]
    %n = neg(%a): f32[2]
    %r = sub(%m, %n): f32[2]
    out %r })");
  EXPECT_TRUE(TextsEqual(PrintCanonical(a), PrintCanonical(b)));
  EXPECT_TRUE(TextsEqual(PrintCanonical(a), R"(graph {
  in  %0: f32[2]
  in  %1: f32[2]
  k   %2: f32[] = [2]
  %3 = mul(%0, %2): f32[2]
  %4 = neg(%0): f32[2]
  %5 = sub(%3, %4): f32[2]
  out %5
}
)"));
  EXPECT_THAT(a, EqualsGraph(b));
  // What counts: content, attributes, types, qparams, operand order.
  for (const char* other : {
           "graph { in %a: f32[2] in %b: f32[2] k %k: f32[] = [3] %m = mul(%a, %k): f32[2] %n = "
           "neg(%a): f32[2] %r = sub(%m, %n): f32[2] out %r }",
           "graph { in %a: f32[2] in %b: f32[2] k %k: f32[] = [2] %m = mul(%k, %a): f32[2] %n = "
           "neg(%a): f32[2] %r = sub(%m, %n): f32[2] out %r }",
           "graph { in %a: f32[2] in %b: f32[2] k %k: f32[] = [2] %m = mul(%b, %k): f32[2] %n = "
           "neg(%a): f32[2] %r = sub(%m, %n): f32[2] out %r }",
           "graph { in %a: f32[2] in %b: f32[2] k %k: f32[] = [2] %m = mul(%a, %k): f32[2] q(u8 "
           "1:0) %n = neg(%a): f32[2] %r = sub(%m, %n): f32[2] out %r }",
       }) {
    EXPECT_NE(PrintCanonical(a), PrintCanonical(ParseOrDie(other))) << other;
  }
}

struct ErrorCase {
  const char* text;
  const char* message;
};

TEST(Text, ErrorsSayWhere) {
  const ErrorCase kCases[] = {
      {"", "1:1: expected 'graph', got the end"},
      {"graph g", "1:8: expected '{', got the end"},
      {"graph {", "1:8: expected 'in', 'k', 'out', a value or '}', got the end"},
      {"graph {}\nx", "2:1: expected the end after the graph, got 'x'"},
      {"graph { $ }", "1:9: unexpected character '$'"},
      {"graph {\n  in %x: f33[2]\n}", "2:10: expected a dtype, got 'f33'"},
      {"graph {\n  in %x: f32[2\n}", "3:1: expected ',', got '}'"},
      {"graph { in %x: f32[-2] }", "1:20: negative dimension -2"},
      {"graph { in %x: f32[x] }", "1:20: expected an integer, got 'x'"},
      {"graph { in %x: f32[9223372036854775808] }",
       "1:20: expected an integer, got '9223372036854775808'"},
      {"graph { in %x: f32[4294967296, 4294967296] }",
       "1:20: the size of shape [4294967296, 4294967296] overflows"},
      {"graph { in %x: f32[2]\nin %x: f32[2] }", "2:4: '%x' is defined twice"},
      {"graph { in %: f32[2] }", "1:12: a name must follow '%'"},
      {"graph { in %\"x: f32[2] }", "1:12: the string does not end on its line"},
      {"graph { in %\"\\q\": f32[2] }", "1:12: a bad escape in the string"},
      {"graph { in %x: f32[2] q(u8 0.5) }", "1:31: expected ':', got ')'"},
      {"graph { in %x: f32[2] q(none: no) }",
       "1:31: expected 'index', 'shape', 'bool' or 'float', got 'no'"},
      {"graph { in %x: f32[2] q(i8 per_channel 0 [1 2] [0]) }", "1:45: expected ',', got '2'"},
      {"graph { out %x }", "1:13: '%x' is not defined"},
      {"graph { in %x: f32[2] out %x as }", "1:33: expected a name, got '}'"},
      {"graph { in %x: f32[2]\n%y = foo(%x): f32[2] }", "2:6: unknown operator 'foo'"},
      {"graph { in %x: f32[2]\n%y = neg(%z): f32[2] }", "2:10: '%z' is not defined"},
      {"graph { in %x: f32[2]\n%y = neg(%x, %x }", "2:17: expected ',', got '}'"},
      {"graph { in %x: f32[2]\n%y = neg(3): f32[2] }", "2:10: expected a value or '-', got '3'"},
      {"graph { in %x: f32[2]\n%y = gelu(%x) {fast: true}: f32[2] }",
       "2:16: no attribute 'fast' of this operator"},
      {"graph { in %x: f32[2]\n%y = gelu(%x) {approximate: 1}: f32[2] }",
       "2:29: expected 'true' or 'false', got '1'"},
      {"graph { in %x: f32[2]\n%y = gelu(%x) {approximate: true, approximate: true}: f32[2] }",
       "2:35: the attribute 'approximate' is given twice"},
      {"graph { in %x: f32[2]\n%y = pad(%x) {mode: mirror}: f32[2] }",
       "2:21: expected one of constant, reflect, edge, wrap, got 'mirror'"},
      {"graph { in %x: f32[2]\n%y = einsum(%x) {equation: i}: f32[2] }",
       "2:28: expected a quoted string, got 'i'"},
      {"graph { in %x: f32[2]\n%y, %z = neg(%x): f32[2] }", "2:26: expected ',', got '}'"},
      {"graph { in %x: f32[2]\n%y, = neg(%x): f32[2] }", "2:5: expected a value, got '='"},
      {"graph { k %x: f32[?] = [1] }", "1:11: the constant '%x' needs a static shape"},
      {"graph { k %x: f32[2] = [1] }", "1:24: 1 elements for the shape [2]"},
      {"graph { k %x: f32[2] = [1, a] }", "1:28: expected a number, got 'a'"},
      {"graph { k %x: i8[1] = [128] }", "1:24: 128 is no i8"},
      {"graph { k %x: bool[1] = [1] }", "1:26: expected 'true' or 'false', got '1'"},
      {"graph { k %x: f32[2] = ones() }",
       "1:24: expected 'splat', 'seeded', 'sha' or '[', got 'ones'"},
      {"graph { k %x: f32[2] = sha(ab, 7 bytes) }", "1:32: 7 bytes for f32[2]"},
      {"graph { k %x: f32[1000000, 1000000] = seeded(1) }",
       "1:39: a seeded constant of more than 268435456 elements"},
  };
  for (const ErrorCase& c : kCases) {
    EXPECT_THAT(ParseGraph(c.text), IsInvalidInput(c.message)) << c.text;
  }
}

TEST(Text, EveryPrefixOfATextIsAnErrorAndNoCrash) {
  for (const char* text : kTexts) {
    const absl::string_view whole = text;
    const size_t brace = whole.rfind('}');
    for (size_t size = 0; size <= brace; ++size) {
      EXPECT_THAT(ParseGraph(whole.substr(0, size)), IsInvalidInput(::testing::_));
    }
  }
}

TEST(Text, ParsesDeepChainsAndLongLists) {
  std::string text = "graph {\nin %0: f32[1]\n";
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&text, "%", i + 1, " = neg(%", i, "): f32[1]\n");
  absl::StrAppend(&text, "out %20000\n}\n");
  ASSERT_OK_AND_ASSIGN(const Graph graph, ParseGraph(text));
  ASSERT_OK_AND_ASSIGN(const Graph again, ParseGraph(PrintGraph(graph)));
  EXPECT_EQ(PrintGraph(graph), PrintGraph(again));
}

}  // namespace
}  // namespace g4c::ir
