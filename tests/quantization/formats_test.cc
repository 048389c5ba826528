#include "quantization/formats.h"

#include <gmock/gmock.h>

#include "quantization/assign.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ir::DType;
using ::testing::HasSubstr;

constexpr char kModel[] = R"(graph g {
  in  %x: f32[1, 4, 2]
  k   %gain: f32[2] = [1, 2]
  k   %w1: f32[2, 2] = [1, 0, -3, 1]
  k   %b1: f32[2] = [1, 2]
  k   %w2: f32[2, 2] = [1, 2, 3, 4]
  %n = rms_norm(%x, %gain) {epsilon: 1e-06}: f32[1, 4, 2]   @layers.0.norm
  %a = fully_connected(%n, %w1, %b1): f32[1, 4, 2]   @layers.0.up
  %r = reshape(%a) {shape: [1, 2, 4]}: f32[1, 2, 4]   @layers.1
  %s = softmax(%r): f32[1, 2, 4]   @layers.1.softmax
  %t = reshape(%s) {shape: [1, 4, 2]}: f32[1, 4, 2]   @layers.1
  %y = fully_connected(%t, %w2, -): f32[1, 4, 2]   @layers.1.down
  out %y
})";

class FormatsTest : public ::testing::Test {
 protected:
  FormatsTest() : graph_(ParseOrDie(kModel)) {}

  absl::StatusOr<Formats> Resolve(const std::string& rules) {
    auto config = ParseConfig("{\"schema_version\": 1, \"rules\": [" + rules + "]}");
    EXPECT_OK(config.status());
    config_ = *config;
    config_.activation = DType::kU8;
    config_.weight = DType::kU8;
    config_.observer = Observer::kMinMax;
    return Formats::Resolve(graph_, config_);
  }
  DType DTypeOf(const Formats& formats, absl::string_view name) const {
    return formats.ActivationDTypesOf().Of(ValueNamed(graph_, name));
  }
  const ir::Quantization& QuantizationOf(absl::string_view name) const {
    return graph_.value(ValueNamed(graph_, name)).quantization;
  }

  ir::Graph graph_;
  Config config_;
};

TEST_F(FormatsTest, RulesPickByModuleOperatorAndRole) {
  const struct {
    const char* rule;
    std::vector<const char*> wide;
  } kCases[] = {
      {R"({"module": "layers.0.*", "dtype": "i16"})", {"x", "n", "a", "r"}},
      {R"({"module": "layers.0.up", "role": "activation", "dtype": "i16"})", {"a", "r"}},
      {R"({"op": "RMS_NORM", "dtype": "i16"})", {"n"}},
      {R"({"op": "SOFTMAX", "dtype": "i16"})", {"s", "t"}},
      {R"({"op": "INPUT", "dtype": "i16"})", {"x"}},
      {R"({"role": "input", "dtype": "i16"})", {"x"}},
      {R"({"role": "output", "dtype": "i16"})", {"y"}},
      {R"({"op": "RESHAPE", "module": "layers.?", "role": "activation", "dtype": "i16"})",
       {"a", "r", "s", "t"}},
  };
  for (const auto& c : kCases) {
    ASSERT_OK_AND_ASSIGN(const Formats formats, Resolve(c.rule));
    for (const char* name : {"x", "n", "a", "r", "s", "t", "y"}) {
      const bool wide = std::any_of(c.wide.begin(), c.wide.end(),
                                    [&](absl::string_view known) { return known == name; });
      EXPECT_EQ(DTypeOf(formats, name), wide ? DType::kI16 : DType::kU8) << name << " " << c.rule;
    }
  }
}

TEST_F(FormatsTest, LaterRulesDecidePropertyByProperty) {
  ASSERT_OK_AND_ASSIGN(const Formats formats, Resolve(R"(
      {"role": "activation", "dtype": "i16", "observer": "mse"},
      {"op": "RMS_NORM", "dtype": "i8"})"));
  EXPECT_EQ(DTypeOf(formats, "x"), DType::kI16);
  EXPECT_EQ(DTypeOf(formats, "n"), DType::kI8);
  EXPECT_THAT(*formats.Explain(graph_, "n"),
              HasSubstr("value 'n': i8 by rule 2 {\"op\":\"RMS_NORM\",\"dtype\":\"i8\"}\n"
                        "  asymmetric by default\n  observer mse by rule 1 {"));
}

TEST_F(FormatsTest, ExplainsWeightsBiasesAndOthers) {
  ASSERT_OK_AND_ASSIGN(const Formats formats, Resolve(R"(
      {"module": "layers.1.*", "role": "weight", "dtype": "i4", "granularity": "tensor"})"));
  EXPECT_THAT(*formats.Explain(graph_, "w2"),
              HasSubstr("i4 by rule 1 {\"module\":\"layers.1.*\",\"role\":\"weight\",\"dtype\":"
                        "\"i4\",\"granularity\":\"tensor\"}\n  per tensor by rule 1"));
  EXPECT_THAT(*formats.Explain(graph_, "w1"),
              HasSubstr("u8 by default\n  per channel by default\n  asymmetric by default\n"));
  EXPECT_THAT(*formats.Explain(graph_, "b1"), HasSubstr("a bias, whose integers follow"));
  EXPECT_THAT(*formats.Explain(graph_, "gain"), HasSubstr("follows the operators that read it"));
  EXPECT_THAT(*formats.Explain(graph_, "s"), HasSubstr("its range is known without samples\n"
                                                       "  shares its qparams with 't'"));
  EXPECT_THAT(formats.Explain(graph_, "z").status(),
              IsInvalidInput(HasSubstr("--explain 'z': the model has no value of that name")));
}

TEST_F(FormatsTest, WeightsThatARulePickedGetQparams) {
  ASSERT_OK_AND_ASSIGN(const Formats formats, Resolve(R"(
      {"module": "layers.0.*", "role": "weight", "dtype": "i8"},
      {"module": "layers.1.*", "role": "weight", "granularity": "tensor", "symmetric": true})"));
  EXPECT_THAT(formats.WeightDTypes(),
              ::testing::ElementsAre(std::pair(ValueNamed(graph_, "w1"), DType::kI8)));
  formats.Apply(graph_);
  EXPECT_EQ(QuantizationOf("w1"), ir::Quantization(ir::QuantUnknown{}));
  formats.ApplyToWeights(graph_);
  const auto& w1 = std::get<ir::QuantPerChannel>(QuantizationOf("w1"));
  EXPECT_EQ(w1.dtype, DType::kI8);
  EXPECT_THAT(w1.scales, ::testing::ElementsAre(1.0f / 127, 3.0f / 127));
  EXPECT_EQ(QuantizationOf("w2"),
            ir::Quantization(ir::QuantPerTensor{DType::kU8, 4.0f / 127, 128}));
}

TEST_F(FormatsTest, FloatKeepsTheConstantsOfTheOperatorToo) {
  ASSERT_OK_AND_ASSIGN(const Formats formats,
                       Resolve(R"({"module": "layers.0.*", "dtype": "float"})"));
  formats.Apply(graph_);
  KeepConstantsInFloat(graph_);
  const ir::Quantization kept = ir::QuantNone{ir::NoQuantReason::kFloatKept};
  for (const char* name : {"x", "n", "a", "r", "gain", "w1", "b1"}) {
    EXPECT_EQ(QuantizationOf(name), kept) << name;
  }
  for (const char* name : {"y", "w2", "s"}) EXPECT_NE(QuantizationOf(name), kept) << name;
}

TEST_F(FormatsTest, AFloatActivationLeavesTheWeightItsIntegers) {
  ASSERT_OK_AND_ASSIGN(const Formats formats,
                       Resolve(R"({"op": "FULLY_CONNECTED", "role": "activation",
                                   "dtype": "float"})"));
  formats.Apply(graph_);
  KeepConstantsInFloat(graph_);
  EXPECT_EQ(QuantizationOf("w2"), ir::Quantization(ir::QuantUnknown{}));
  EXPECT_EQ(QuantizationOf("b1"), ir::Quantization(ir::QuantNone{ir::NoQuantReason::kFloatKept}));
}

TEST(KeepConstantsInFloat, SplitsWhatIntegersReadToo) {
  ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  k   %c: f32[2] = [1, 2]
  %a = add(%x, %c): f32[1, 2] q(none: float)
  %b = mul(%a, %c): f32[1, 2]
  out %b
})");
  KeepConstantsInFloat(graph);
  const ir::ValueId shared = ValueNamed(graph, "c");
  const ir::ValueId twin = graph.Producer(ValueNamed(graph, "a"))->inputs[1];
  EXPECT_NE(twin, shared);
  EXPECT_EQ(graph.Producer(ValueNamed(graph, "b"))->inputs[1], shared);
  EXPECT_TRUE(std::holds_alternative<ir::QuantNone>(graph.value(twin).quantization));
  EXPECT_TRUE(std::holds_alternative<ir::QuantUnknown>(graph.value(shared).quantization));
}

TEST_F(FormatsTest, ObserversAndSymmetryAreByValue) {
  ASSERT_OK_AND_ASSIGN(const Formats formats, Resolve(R"(
      {"op": "RMS_NORM", "observer": "percentile"},
      {"role": "output", "symmetric": true},
      {"role": "input", "observer": "block"})"));
  Statistics statistics = StatisticsPlan(graph_).Empty();
  for (const char* name : {"x", "n", "y"}) {
    ValueStatistics& seen = statistics.values[ValueNamed(graph_, name)];
    std::vector<float> elements(100000, 1.0f);
    elements.push_back(100);
    BlockObserver block;
    block.Add(elements, true);
    block.MergeInto(seen.histogram);
    seen.count = elements.size();
    seen.range = block.range();
  }
  EXPECT_TRUE(formats.WantsBlockSearch());
  const Observations own = formats.Observe(statistics);
  Observations searched = own;
  for (Observation& seen : searched) seen.range = {-1, 50};
  const Observations combined = formats.Combine(own, searched);
  EXPECT_EQ(combined[ValueNamed(graph_, "x")].range, (Range{-1, 50}));
  EXPECT_LT(combined[ValueNamed(graph_, "n")].range.hi, 2);
  const ir::QuantPerTensor y =
      ChooseQparams(combined[ValueNamed(graph_, "y")].range, DType::kU8, /*symmetric=*/false);
  EXPECT_EQ(y.zero_point, 128);
  EXPECT_FLOAT_EQ(y.scale, 100.0f / 127);
}

TEST_F(FormatsTest, SaysWhichRuleIsWrong) {
  const struct {
    const char* rules;
    const char* error;
  } kCases[] = {
      {R"({"module": "layers.2.*", "dtype": "i8"})", "rule 1 {\"module\":\"layers.2.*\""},
      {R"({"module": "layers.2.*", "dtype": "i8"})", "picks nothing"},
      {R"({"op": "GELU", "dtype": "i8"})", "picks nothing"},
      {R"({"op": "SOFTMAX", "observer": "mse"})", "sets nothing that what it picks can have"},
      {R"({"op": "RMS_NORM", "dtype": "i8"}, {"role": "activation", "dtype": "i16"})",
       "rule 1 {\"op\":\"RMS_NORM\",\"dtype\":\"i8\"} is hidden completely by rule 2"},
      {R"({"role": "input", "dtype": "i16", "symmetric": false})",
       "makes 'x' asymmetric, but it is i16"},
      {R"({"role": "weight", "symmetric": false, "dtype": "i8"})",
       "makes 'w1' asymmetric, but it is i8"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Resolve(c.rules).status(), IsInvalidInput(HasSubstr(c.error))) << c.rules;
  }
  // Hidden in one property only, or for one value only, is not hidden.
  EXPECT_OK(Resolve(R"({"op": "RMS_NORM", "dtype": "i8", "observer": "mse"},
                       {"role": "activation", "dtype": "i16"})"));
  EXPECT_OK(Resolve(R"({"role": "activation", "dtype": "i16"},
                       {"op": "RMS_NORM", "dtype": "i8"})"));
}

}  // namespace
}  // namespace g4c::quantization
