#include "quantization/qparams_file.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "ir/text.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::quantization {
namespace {

constexpr char kQuantised[] = R"(graph g {
  in  %x: f32[1, 2] q(u8 0.1:3)
  k   %w: f32[2, 2] q(i8 per_channel 0 [0.3, 0.7] [0, 0]) = [1, 2, 3, 4]
  k   %mask: f32[2] q(u8 0.4:255) = [0, -102]
  %y = fully_connected(%x, %w, -): f32[1, 2] q(u8 1.1:0)
  %s = add(%y, %mask): f32[1, 2] q(u8 0.9:128)
  %p = softmax(%s): f32[1, 2] q(u8 0.00390625:0)
  out %p
})";

TEST(QparamsFile, RoundTripsBitForBit) {
  const ir::Graph graph = ParseOrDie(kQuantised);
  QparamsFile file = CollectQparams(graph);
  file.model_hash = "abc";
  file.weight_bytes = 16;
  file.rewrites = {{"up-down", "y", {0.1f, 3}}, {"value-heads", "x", {}}};
  ASSERT_OK_AND_ASSIGN(const QparamsFile again, ParseQparams(PrintQparams(file)));
  EXPECT_EQ(again.values, file.values);
  EXPECT_EQ(again.mask_fills, file.mask_fills);
  EXPECT_EQ(again.rewrites, file.rewrites);
  EXPECT_EQ(again.model_hash, "abc");
  EXPECT_EQ(PrintQparams(again), PrintQparams(file));
  EXPECT_EQ(file.mask_fills.at("s"), -102);
}

TEST(QparamsFile, TheExampleOfTheManualIsOne) {
  const std::string page = ReadFile(TestData("../../docs/quantization.md"));
  const size_t begin = page.find("```json\n", page.find("## The qparams file")) + 8;
  ASSERT_OK_AND_ASSIGN(const QparamsFile file,
                       ParseQparams(page.substr(begin, page.find("```", begin) - begin)));
  EXPECT_EQ(file.rewrites.size(), 2u);
  EXPECT_EQ(file.values.size(), 2u);
}

TEST(QparamsFile, GivesAFloatGraphItsQparams) {
  ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  k   %w: f32[2, 2] = [1, 2, 3, 4]
  k   %mask: f32[2] = [0, -3e38]
  %y = fully_connected(%x, %w, -): f32[1, 2]
  %s = add(%y, %mask): f32[1, 2]
  %p = softmax(%s): f32[1, 2]
  out %p
})");
  ASSERT_OK(ApplyQparams(CollectQparams(ParseOrDie(kQuantised)), graph));
  const QparamsFile applied = CollectQparams(graph);
  EXPECT_EQ(applied.values.size(), 5u);
  EXPECT_EQ(applied.mask_fills.at("s"), -102);
}

TEST(QparamsFile, RefusesWhatItDoesNotUnderstand) {
  const struct {
    const char* json;
    const char* message;
  } kCases[] = {
      {"", "not JSON"},
      {"{}", "schema_version is not 1"},
      {R"({"schema_version": 2})", "schema_version is not 1"},
      {R"({"schema_version": 1, "extra": 0})", "unknown key 'extra'"},
      {R"({"schema_version": 1, "model": {"hash": "a", "weight_bytes": 1}, "activation": "u7", "weight": "u8", "values": {}})",
       "activation needs an integer dtype"},
      {R"({"schema_version": 1, "model": {"hash": "a", "weight_bytes": 1}, "activation": "u8", "weight": "u8",
           "values": {"x": {"dtype": "u8", "scale": 0, "zero_point": 0}}})",
       "value 'x' needs a positive finite scale, not 0"},
      {R"({"schema_version": 1, "model": {"hash": "a", "weight_bytes": 1}, "activation": "u8", "weight": "u8",
           "values": {"x": {"dtype": "u8", "scale": 1, "zero_point": 256}}})",
       "zero point in the range of u8, not 256"},
      {R"({"schema_version": 1, "model": {"hash": "a", "weight_bytes": 1}, "activation": "u8", "weight": "u8",
           "values": {"x": {"dtype": "u8", "axis": 0, "scale": [1], "zero_point": [0, 1]}}})",
       "lists of one length"},
      {R"({"schema_version": 1, "model": {"hash": "a", "weight_bytes": 1}, "activation": "u8", "weight": "u8",
           "values": {}, "mask_fill": {"s": 1}})",
       "mask_fill of 's'"},
      {R"({"schema_version": 1, "model": {"hash": "a", "weight_bytes": 1}, "activation": "u8", "weight": "u8",
           "rewrites": [{"name": "up-down", "value": "y"}], "values": {}})",
       "a rewrite needs a 'name', the name of a 'value', and a list of 'factors'"},
      {R"({"schema_version": 1, "model": {"hash": "a", "weight_bytes": 1}, "activation": "u8", "weight": "u8",
           "rewrites": [{"name": "up-down", "value": "y", "factors": [1, -1]}], "values": {}})",
       "rewrite 'up-down' needs a positive finite scale, not -1"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseQparams(c.json).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr(c.message)));
  }
  ir::Graph graph = ParseOrDie("graph g {\n  in %x: f32[2]\n  out %x\n}");
  QparamsFile file;
  file.values["nobody"] = ir::QuantPerTensor{ir::DType::kU8, 1, 0};
  EXPECT_THAT(ApplyQparams(file, graph), StatusIs(absl::StatusCode::kInvalidArgument,
                                                  ::testing::HasSubstr("no value 'nobody'")));
}

TEST(QparamsFile, HasALineForEachValueAndFewDigits) {
  QparamsFile file;
  file.activation = file.weight = ir::DType::kU8;
  file.rewrites = {{"up-down", "y", {0.1f, 3}}};
  file.values["a\"b"] = ir::QuantPerTensor{ir::DType::kU8, 0.1f, 3};
  file.values["w"] = ir::QuantPerChannel{ir::DType::kI8, 0, {1.0f / 3, 1e-30f}, {0, 0}};
  EXPECT_EQ(PrintQparams(file), R"({
 "schema_version": 1,
 "model": {"hash":"","weight_bytes":0},
 "activation": "u8",
 "weight": "u8",
 "rewrites": [
  {"name":"up-down","value":"y","factors":[0.1,3.0]}
 ],
 "values": {
  "a\"b": {"dtype":"u8","scale":0.1,"zero_point":3},
  "w": {"dtype":"i8","axis":0,"scale":[0.33333334,1e-30],"zero_point":[0,0]}
 },
 "mask_fill": {}
}
)");
}

// Floats whose shortest decimals lie at the ends of what rounds to them, and the smallest and
// largest.
TEST(QparamsFile, ScalesReadBackToTheSameBits) {
  QparamsFile file;
  ir::QuantPerChannel q{ir::DType::kI8, 0, {}, {}};
  uint32_t bits = 1;
  for (int i = 0; i < 20000; ++i) {
    bits = bits * 1664525u + 1013904223u;
    const uint32_t positive = bits & 0x7fffffffu;
    float scale;
    std::memcpy(&scale, &positive, sizeof(scale));
    if (std::isfinite(scale) && scale > 0) q.scales.push_back(scale);
  }
  q.scales.push_back(std::numeric_limits<float>::min());
  q.scales.push_back(std::numeric_limits<float>::denorm_min());
  q.scales.push_back(std::numeric_limits<float>::max());
  q.zero_points.assign(q.scales.size(), 0);
  file.values["w"] = q;
  ASSERT_OK_AND_ASSIGN(const QparamsFile again, ParseQparams(PrintQparams(file)));
  EXPECT_EQ(again.values, file.values);
}

}  // namespace
}  // namespace g4c::quantization
