#include "quantization/sensitivity.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::quantization {
namespace {

// x is quantised so finely that it does no harm, %a coarsely; %w loses nothing.
constexpr char kGraph[] = R"(graph g {
  in  %x: f32[2, 2] q(i16 0.001:0)
  k   %w: f32[2, 2] q(i8 per_channel 0 [1, 1] [0, 0]) = [1, 0, 0, 2]
  %a = fully_connected(%x, %w, -): f32[2, 2] q(u8 0.5:128)
  %y = neg(%a): f32[2, 2] q(i16 0.001:0)
  out %y
})";

class TwoSamples : public Samples {
 public:
  int64_t size() const override { return 2; }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    const float x = index == 0 ? 0.2f : 0.7f;
    return std::vector<ir::Tensor>{
        ir::Tensor::Of<float>(ir::DType::kF32, {2, 2}, {x, -x, 1, x / 2})};
  }
};

SensitivityReport Measure() {
  const ir::Graph graph = ParseOrDie(kGraph);
  absl::StatusOr<SensitivityReport> report = MeasureSensitivity(graph, graph, TwoSamples());
  EXPECT_OK(report.status());
  return *report;
}

double NoiseOf(const SensitivityReport& report, const std::string& name) {
  for (const Sensitivity& part : report.parts) {
    if (part.name == name) return part.noise;
  }
  ADD_FAILURE() << "no part " << name;
  return 0;
}

TEST(MeasureSensitivity, FindsTheCoarseValue) {
  const SensitivityReport report = Measure();
  EXPECT_EQ(report.samples, 2);
  // By hand: a is (0.2, -0.4, 1, 0.2) and (0.7, -1.4, 1, 0.7), rounded to halves; y is its
  // negative.
  const double noise = (0.04 + 0.01 + 0 + 0.04) + (0.04 + 0.01 + 0 + 0.04);
  const double signal = (0.04 + 0.16 + 1 + 0.04) + (0.49 + 1.96 + 1 + 0.49);
  EXPECT_NEAR(NoiseOf(report, "a"), noise / signal, 1e-6);  // f32 inputs such as 0.2
  EXPECT_LT(NoiseOf(report, "x"), 1e-6);  // a thousandth, rounded: 1e-6 / 12 over about 1
  EXPECT_EQ(NoiseOf(report, "w"), 0);
  ASSERT_EQ(report.cumulative.size(), 1u);
  EXPECT_NEAR(report.cumulative[0].noise, noise / signal, 1e-3);  // with the noise of x and y
}

TEST(MeasureSensitivity, ComparesWithTheWeightsBefore) {
  // Rounded beforehand, as GPTQ does: on its grid, and yet not what it was.
  const ir::Graph quantised = ParseOrDie(kGraph);
  ir::Graph real = quantised;
  const ir::ValueId weight = real.node(real.TopologicalOrder()[0]).inputs[1];
  real.SetConstant(weight, ir::Tensor::Of<float>(ir::DType::kF32, {2, 2}, {1.1f, 0, 0, 2}));
  ASSERT_OK_AND_ASSIGN(const SensitivityReport report,
                       MeasureSensitivity(real, quantised, TwoSamples()));
  // The first column of x is (0.2, 1) and (0.7, 1), its error a tenth of that.
  const double noise = 0.01 * (0.04 + 1 + 0.49 + 1);
  const double signal = (1.21 * 0.04 + 0.16 + 1.21 + 0.04) + (1.21 * 0.49 + 1.96 + 1.21 + 0.49);
  EXPECT_NEAR(NoiseOf(report, "w"), noise / signal, 1e-6);  // f32 numbers such as 0.2
}

TEST(MeasureSensitivity, IsTheSameForAnyNumberOfThreads) {
  const int before = NumThreads();
  SetNumThreads(1);
  const std::string one = SensitivityJson(Measure());
  SetNumThreads(3);
  EXPECT_EQ(SensitivityJson(Measure()), one);
  SetNumThreads(before);
}

TEST(SensitivityReport, WritesTheExampleOfTheDocs) {
  SensitivityReport report;
  report.samples = 16;
  report.parts = {
      {"linear_6", "encoder.layers.0.mlp.down_proj", false, ir::DType::kU8, 6048, 0.001},
      {"layers.0.mlp.down_proj.weight", "encoder.layers.0.mlp.down_proj", true, ir::DType::kU8,
       36864, 0.00025}};
  report.cumulative = {{"add_15", "encoder.layers.0", 0.01}};
  const std::string page = ReadFile(TestData("../../docs/quantization.md"));
  const std::string start = "```json sensitivity\n";
  const size_t begin = page.find(start);
  ASSERT_NE(begin, page.npos);
  const size_t end = page.find("```", begin + start.size());
  const auto example =
      nlohmann::json::parse(page.substr(begin + start.size(), end - begin - start.size()));
  const nlohmann::json expected = example.flatten();
  const nlohmann::json written = nlohmann::json::parse(SensitivityJson(report)).flatten();
  EXPECT_EQ(written.size(), expected.size());
  for (const auto& [path, value] : expected.items()) {
    ASSERT_TRUE(written.contains(path)) << path;
    if (value.is_number_float()) {
      EXPECT_NEAR(written[path].get<double>(), value.get<double>(), 0.01) << path;  // as printed
    } else {
      EXPECT_EQ(written[path], value) << path;
    }
  }
}

TEST(SensitivityReport, TableSortsModulesByNoise) {
  SensitivityReport report;
  report.parts = {{"a", "quiet", false, ir::DType::kU8, 1, 0.001},
                  {"b", "loud", false, ir::DType::kU8, 1, 0.01},
                  {"c", "silent", false, ir::DType::kU8, 1, 0}};
  const std::string table = SensitivityTable(report, 2);
  EXPECT_LT(table.find("loud"), table.find("quiet"));
  EXPECT_NE(table.find("20.0"), table.npos);
  EXPECT_NE(table.find("and 1 more"), table.npos);
  EXPECT_NE(SensitivityTable(report, 0).find("exact"), table.npos);
}

TEST(SensitivityReport, CsvQuotesNames) {
  SensitivityReport report;
  report.parts = {{"a\"b,c", "m", false, ir::DType::kI16, 3, 0.1}};
  EXPECT_EQ(SensitivityCsv(report),
            "value,module,role,dtype,elements,noise,snr_db\n"
            "\"a\"\"b,c\",\"m\",activation,i16,3,0.1,10.0000\n");
}

}  // namespace
}  // namespace g4c::quantization
