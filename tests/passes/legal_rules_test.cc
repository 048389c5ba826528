// Each rule of the legaliser by itself: a target that lacks what the rule replaces, and allows it
// alone. Float graphs compute the same before and after; graphs on integers are executed on them.
#include <gmock/gmock.h>

#include <cmath>

#include "absl/strings/str_join.h"
#include "backend/target_file.h"
#include "evaluator/integer_executor.h"
#include "evaluator/quantize.h"
#include "ir/circle_name.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "passes/legalize.h"
#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

using ::testing::HasSubstr;

// What Circle holds, with other forms of one operator ("" for none), and these rules.
ir::Target TargetWith(const std::string& op, const std::string& forms,
                      std::vector<std::string> rules) {
  ir::Target target = *backend::LoadTarget("circle");
  target.operators.erase(op);
  if (!forms.empty()) {
    const std::string json = absl::StrCat(R"({"schema_version": 1, "name": "t", "operators": {")",
                                          op, "\": [", forms, "]}}");
    const absl::StatusOr<ir::Target> parsed = backend::ParseTarget(json);
    EXPECT_OK(parsed) << json;
    target.operators[op] = parsed->operators.at(op);
  }
  target.rules = std::move(rules);
  return target;
}

struct RuleCase {
  std::string name;
  std::string op, forms;
  std::vector<std::string> rules;
  std::string before;
  std::string after;  // the operators, in order; "": exit 4
  // Floats: relative to the largest output. Integers: quanta of the output.
  double tolerance = 2e-6;
};

void PrintTo(const RuleCase& c, std::ostream* out) { *out << c.name; }

std::string OperatorsOf(const ir::Graph& graph) {
  std::vector<std::string> names;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    names.push_back(ir::CircleName(graph, graph.node(id)));
  }
  return absl::StrJoin(names, " ");
}

// The first output as reals, executed on integers where the graph has qparams.
std::vector<float> Execute(const ir::Graph& graph) {
  const std::vector<ir::Tensor> reals = SeededInputs(graph, 3);
  std::vector<ir::Tensor> inputs;
  for (size_t i = 0; i < reals.size(); ++i) {
    const ir::Quantization& q = graph.value(graph.inputs()[i]).quantization;
    inputs.push_back(ir::HasQparams(q) ? evaluator::QuantizeTensor(reals[i], q) : reals[i]);
  }
  const absl::StatusOr<evaluator::IntegerExecutor> executor =
      evaluator::IntegerExecutor::Create(graph);
  EXPECT_OK(executor) << ir::PrintGraph(graph);
  if (!executor.ok()) return {};
  const absl::StatusOr<std::vector<ir::Tensor>> outputs = executor->Run(inputs);
  EXPECT_OK(outputs);
  return outputs.ok() ? (*outputs)[0].Floats() : std::vector<float>();
}

class LegalRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(LegalRuleTest, ReplacesAndComputesTheSame) {
  const RuleCase& c = GetParam();
  const ir::Target target = TargetWith(c.op, c.forms, c.rules);
  LegalizeReport legalized;
  Legalize pass(target, {}, &legalized);
  ir::Graph graph = ParseOrDie(absl::StrCat("graph g {", c.before, "  out %y}"));
  const ir::Graph before = graph;
  Report report;
  const absl::StatusOr<bool> changed = pass.Run(graph, report);
  if (c.after.empty()) {
    EXPECT_THAT(changed.status(), IsUnsupported(HasSubstr(c.op + " breaks operators")));
    EXPECT_TRUE(TextsEqual(ir::PrintGraph(before), ir::PrintGraph(graph)));
    return;
  }
  ASSERT_THAT(changed, IsOkAndHolds(true));
  ASSERT_OK(ir::VerifyGraph(graph));
  EXPECT_EQ(OperatorsOf(graph), c.after);
  for (ir::NodeId id : graph.TopologicalOrder()) {
    EXPECT_EQ(ir::FindViolation(target, graph, graph.node(id)), absl::nullopt);
  }
  const ir::Value& y = graph.value(graph.outputs()[0].value);
  EXPECT_EQ(y.name, "y");
  EXPECT_EQ(y.quantization, before.value(before.outputs()[0].value).quantization);

  const std::vector<float> a = Execute(before);
  const std::vector<float> b = Execute(graph);
  ASSERT_EQ(a.size(), b.size());
  double unit = 1;
  if (!ir::HasQparams(y.quantization)) {
    for (float x : a) unit = std::max(unit, std::abs(static_cast<double>(x)));
  }
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], c.tolerance * unit) << i;
}

INSTANTIATE_TEST_SUITE_P(
    , LegalRuleTest,
    testing::ValuesIn(std::vector<RuleCase>{
        // ---- formulas ----
        {"norm",
         "RMS_NORM",
         "",
         {"norm-as-formula"},
         "in %x: f32[2, 8]  k %g: f32[8] = seeded(1)  %y = rms_norm(%x, %g): f32[2, 8]",
         "MUL MEAN ADD RSQRT MUL MUL"},
        {"norm_without_gain",
         "RMS_NORM",
         "",
         {"norm-as-formula"},
         "in %x: f32[2, 8]  %y = rms_norm(%x): f32[2, 8]",
         "MUL MEAN ADD RSQRT MUL"},
        {"norm_on_integers_needs_more",
         "RMS_NORM",
         "",
         {"norm-as-formula"},
         "in %x: f32[2, 8] q(i8 0.03:0)  %y = rms_norm(%x): f32[2, 8] q(i8 0.03:0)",
         ""},
        {"norm_by_unit_vectors",
         "RMS_NORM",
         "",
         {"norm-as-l2"},
         "in %x: f32[2, 4] q(i8 0.03:0)  k %g: f32[4] q(i8 0.01:0) = i8 [90, 100, 110, 120]  "
         "%y = rms_norm(%x, %g): f32[2, 4] q(i8 0.03:0)",
         "L2_NORMALIZATION MUL",
         2},
        {"norm_of_a_large_epsilon_has_no_unit_vector",
         "RMS_NORM",
         "",
         {"norm-as-l2"},
         "in %x: f32[2, 4] q(i8 0.03:0)  %y = rms_norm(%x) {epsilon: 0.1}: f32[2, 4] q(i8 0.03:0)",
         ""},
        {"negation",
         "NEG",
         "",
         {"negate-by-product"},
         "in %x: f32[9] q(i8 0.03:5)  %y = neg(%x): f32[9] q(i8 0.02:-7)",
         "MUL",
         0},
        {"negation_of_floats",
         "NEG",
         "",
         {"negate-by-product"},
         "in %x: f32[9]  %y = neg(%x): f32[9]",
         "MUL",
         0},
        {"square",
         "SQUARE",
         "",
         {"square-by-product"},
         "in %x: f32[9]  %y = square(%x): f32[9]",
         "MUL",
         0},
        {"squared_difference",
         "SQUARED_DIFFERENCE",
         "",
         {"squared-difference-by-product"},
         "in %x: f32[9]  in %z: f32[1]  %y = squared_difference(%x, %z): f32[9]",
         "SUB MUL"},
        {"reciprocal_root",
         "RSQRT",
         "",
         {"rsqrt-by-quotient"},
         "in %a: f32[9]  %x = exp(%a): f32[9]  %y = rsqrt(%x): f32[9]",
         "EXP SQRT DIV"},
        {"softmax",
         "SOFTMAX",
         "",
         {"softmax-as-formula"},
         "in %x: f32[2, 8]  %y = softmax(%x) {beta: 0.5}: f32[2, 8]",
         "REDUCE_MAX SUB MUL EXP SUM DIV"},
        {"gelu",
         "GELU",
         "",
         {"gelu-as-formula"},
         "in %x: f32[9]  %y = gelu(%x) {approximate: true}: f32[9]",
         "MUL MUL MUL ADD MUL MUL TANH ADD MUL"},
        {"gelu_of_erf_stays",
         "GELU",
         "",
         {"gelu-as-formula"},
         "in %x: f32[9]  %y = gelu(%x): f32[9]",
         ""},
        {"mean",
         "MEAN",
         "",
         {"mean-as-sum"},
         "in %x: f32[2, 3, 8]  %y = reduce_mean(%x) {axes: [1, 2], keep_dims: false}: f32[2]",
         "SUM MUL"},
        // ---- shapes ----
        {"constant_first_factor",
         "BATCH_MATMUL",
         R"({"operands": [{"constant": false}, "any"], "results": ["any"]})",
         {"swap-constant-product"},
         "k %k: f32[1, 2, 3] q(i8 0.1:0) = i8 [1, 2, 3, 4, 5, 6]  in %x: f32[1, 3, 4] q(i8 0.03:5) "
         " "
         "%y = batch_matmul(%k, %x): f32[1, 2, 4] q(i8 0.04:1)",
         "TRANSPOSE FULLY_CONNECTED TRANSPOSE",
         0},
        {"rows",
         "SOFTMAX",
         R"({"dtype": "f32", "rank": [3, 3]})",
         {"rows-of-rank-3"},
         "in %x: f32[2, 3, 2, 8]  %y = softmax(%x): f32[2, 3, 2, 8]",
         "RESHAPE SOFTMAX RESHAPE"},
        {"rows_of_a_linear",
         "FULLY_CONNECTED",
         R"({"operands": ["any"], "results": ["any"], "rank": [3, 3]},
            {"operands": ["any", "any", "-"], "results": ["any"], "rank": [3, 3]})",
         {"rows-of-rank-3"},
         "in %x: f32[6, 8]  k %w: f32[4, 8] = seeded(1)  %y = fully_connected(%x, %w, -): "
         "f32[6, 4]",
         "RESHAPE FULLY_CONNECTED RESHAPE"},
        {"elements",
         "ADD",
         R"({"dtype": "f32|i8", "rank": [1, 2]})",
         {"elements-of-rank-1"},
         "in %x: f32[2, 3, 4] q(i8 0.03:5)  k %k: f32[1, 1, 1] q(i8 0.1:0) = i8 [7]  "
         "%y = add(%x, %k): f32[2, 3, 4] q(i8 0.03:1)",
         "RESHAPE ADD RESHAPE",
         0},
        {"elements_that_broadcast_stay",
         "ADD",
         R"({"dtype": "f32", "rank": [1, 2]})",
         {"elements-of-rank-1"},
         "in %x: f32[2, 3, 4]  in %z: f32[4]  %y = add(%x, %z): f32[2, 3, 4]",
         ""},
        // ---- qparams ----
        {"fixed_result",
         "SOFTMAX",
         R"({"operands": ["i8"], "results": [{"dtype": "i8", "scale": 0.00390625, "zero_point": -128}]})",
         {"qparams-of-result"},
         "in %x: f32[2, 8] q(i8 0.03:5)  %y = softmax(%x): f32[2, 8] q(i8 0.005:-100)",
         "SOFTMAX QUANTIZE",
         1},
        {"equal_operands",
         "MAXIMUM",
         R"({"dtype": "i8", "equal_qparams": true})",
         {"qparams-of-operands"},
         "in %x: f32[9] q(i8 0.03:5)  k %k: f32[1] q(i8 0.1:0) = i8 [3]  "
         "%y = maximum(%x, %k): f32[9] q(i8 0.02:1)",
         "QUANTIZE MAXIMUM",
         1},
        {"symmetric_operands",
         "MUL",
         R"({"dtype": "i16", "zero_point": 0})",
         {"qparams-of-operands"},
         "in %x: f32[9] q(i16 0.0001:50)  %y = mul(%x, %x): f32[9] q(i16 0.001:0)",
         "QUANTIZE MUL",
         1},
        {"shift_around_one",
         "GELU",
         R"({"dtype": "i8"})",
         {"shift-to-i8"},
         "in %x: f32[9] q(u8 0.03:100)  %y = gelu(%x): f32[9] q(u8 0.02:30)",
         "QUANTIZE GELU QUANTIZE",
         0},
        {"shift_back_around_one",
         "GELU",
         R"({"dtype": "u8"})",
         {"shift-to-u8"},
         "in %x: f32[9] q(i8 0.03:10)  %y = gelu(%x): f32[9] q(i8 0.02:30)",
         "QUANTIZE GELU QUANTIZE",
         0},
        {"shift_of_all",
         "FULLY_CONNECTED",
         R"({"operands": ["i8", "i8", "-"], "results": ["i8"]})",
         {"shift-zero-points"},
         "in %x: f32[2, 8] q(u8 0.03:100)  k %w: f32[4, 8] q(u8 0.01:128) = seeded(1)  "
         "%a = gelu(%x): f32[2, 8] q(u8 0.02:30)  "
         "%y = fully_connected(%a, %w, -): f32[2, 4] q(u8 0.02:90)",
         "QUANTIZE GELU FULLY_CONNECTED QUANTIZE",
         0},
        {"weights_with_the_same_numbers",
         "FULLY_CONNECTED",
         R"({"operands": ["u8", {"dtype": "i8", "granularity": "channel", "zero_point": 0},
                          {"dtype": "-|i32", "granularity": "channel"}], "results": ["u8"]})",
         {"weights-in-other-dtype"},
         "in %x: f32[2, 4] q(u8 0.03:100)  "
         "k %w: f32[2, 4] q(u4 per_channel 0 [0.1, 0.2] [3, 12]) = u4 [0, 1, 2, 15, 4, 9, 15, 0]  "
         "k %b: f32[2] q(i32 per_channel 0 [0.003, 0.006] [0, 0]) = i32 [5, -9]  "
         "%y = fully_connected(%x, %w, %b): f32[2, 2] q(u8 0.02:90)",
         "FULLY_CONNECTED",
         0},
        {"weights_quantised_anew",
         "FULLY_CONNECTED",
         R"({"operands": ["u8", {"dtype": "i8", "granularity": "channel", "zero_point": 0},
                          {"dtype": "-|i32", "granularity": "channel"}], "results": ["u8"]})",
         {"weights-in-other-dtype"},
         "in %x: f32[2, 4] q(u8 0.03:100)  "
         "k %w: f32[2, 4] q(u8 per_channel 0 [0.01, 0.02] [3, 120]) = u8 [0, 1, 2, 255, 4, 9, 15, "
         "0]  %y = fully_connected(%x, %w, -): f32[2, 2] q(u8 0.1:90)",
         "FULLY_CONNECTED",
         2},
        {"two_steps",
         "QUANTIZE",
         R"({"operands": ["f32"], "results": ["u8"]}, {"operands": ["u8"], "results": ["i8"]})",
         {"quantize-in-two-steps"},
         "in %x: f32[9]  %y = quantize(%x): f32[9] q(i8 0.03:5)",
         "QUANTIZE QUANTIZE",
         0},
        {"dequantised_constant",
         "DEQUANTIZE",
         R"({"operands": ["i8"], "results": ["f32"]})",
         {"dequantize-constant"},
         "in %x: f32[2, 2]  k %k: f32[2, 2] q(i8 per_channel 0 [0.1, 0.2] [0, 0]) = i8 [1, 2, 3, "
         "4]  %d = dequantize(%k): f32[2, 2]  %y = add(%x, %d): f32[2, 2]",
         "ADD",
         0},
        {"float_island",
         "COS",
         R"({"dtype": "f32"})",
         {"float-island"},
         "in %x: f32[9] q(i8 0.03:5)  %y = cos(%x): f32[9] q(i8 0.01:0)",
         "DEQUANTIZE COS QUANTIZE",
         1},
        {"requantisation_by_floats",
         "QUANTIZE",
         R"({"operands": ["f32"], "results": ["any"]})",
         {"float-island"},
         "in %x: f32[9] q(i16 0.001:0)  %y = quantize(%x): f32[9] q(u8 0.03:128)",
         "DEQUANTIZE QUANTIZE",
         1},
    }),
    [](const testing::TestParamInfo<RuleCase>& info) { return info.param.name; });

// Two ways: products cost a float island four times the bytes, so that the shift is taken.
TEST(Legalize, TakesTheCheapestRule) {
  const ir::Target target =
      TargetWith("GELU", R"({"dtype": "f32"}, {"dtype": "i8"})", {"float-island", "shift-to-i8"});
  LegalizeReport legalized;
  Legalize pass(target, {}, &legalized);
  ir::Graph graph = ParseOrDie(
      "graph g { in %x: f32[9] q(u8 0.03:5)  %y = gelu(%x): f32[9] q(u8 0.01:0)  out %y }");
  Report report;
  ASSERT_THAT(pass.Run(graph, report), IsOkAndHolds(true));
  EXPECT_EQ(OperatorsOf(graph), "QUANTIZE GELU QUANTIZE");
  ASSERT_EQ(legalized.replacements.size(), 1u);
  EXPECT_EQ(legalized.replacements[0].rules, "shift-to-i8");
  EXPECT_EQ(legalized.replacements[0].cost_before, 18);
  EXPECT_EQ(legalized.replacements[0].cost_after, 54);
}

}  // namespace
}  // namespace g4c::passes
