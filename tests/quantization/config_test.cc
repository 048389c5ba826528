#include "quantization/config.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::quantization {
namespace {

using ::testing::HasSubstr;

std::string WithRule(const std::string& rule) {
  return "{\"schema_version\": 1, \"rules\": [" + rule + "]}";
}

TEST(Config, ReadsBackWhatItWrites) {
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(R"({
    "schema_version": 1, "activation": "i8", "weight": "u4", "observer": "entropy",
    "rules": [
      {"module": "layers.*.mlp.*", "op": "FULLY_CONNECTED", "role": "weight", "dtype": "i4",
       "granularity": "tensor", "symmetric": true},
      {"role": "input", "dtype": "i16", "observer": "percentile"},
      {"dtype": "float"}]})"));
  EXPECT_EQ(config.activation, ir::DType::kI8);
  EXPECT_EQ(config.weight, ir::DType::kU4);
  EXPECT_EQ(config.observer, Observer::kEntropy);
  ASSERT_EQ(config.rules.size(), 3u);
  EXPECT_EQ(config.rules[0].module, "layers.*.mlp.*");
  EXPECT_EQ(config.rules[0].per_channel, false);
  EXPECT_EQ(config.rules[1].role, Role::kInput);
  EXPECT_EQ(config.rules[2].dtype, ir::DType::kF32);
  const std::string text = PrintConfig(config);
  ASSERT_OK_AND_ASSIGN(const Config again, ParseConfig(text));
  EXPECT_EQ(PrintConfig(again), text);
  ASSERT_OK_AND_ASSIGN(const Config empty, ParseConfig("{\"schema_version\": 1}"));
  EXPECT_EQ(PrintConfig(empty), "{\"schema_version\": 1,\n \"rules\": []}\n");
}

TEST(Config, TheExampleOfTheManualIsOne) {
  const std::string page = ReadFile(TestData("../../docs/quantization.md"));
  const size_t begin = page.find("```json\n", page.find("## The configuration")) + 8;
  ASSERT_OK_AND_ASSIGN(const Config config,
                       ParseConfig(page.substr(begin, page.find("```", begin) - begin)));
  EXPECT_EQ(config.rules.size(), 4u);
}

TEST(Config, SaysWhatIsWrong) {
  const struct {
    std::string text;
    const char* error;
  } kCases[] = {
      {"rules", "not JSON"},
      {"[]", "the file is no object"},
      {"{}", "schema_version is not 1"},
      {R"({"schema_version": 2})", "schema_version is not 1"},
      {R"({"schema_version": 1, "rule": []})", "unknown key 'rule' in the file"},
      {R"({"schema_version": 1, "rules": {}})", "'rules' is no list"},
      {R"({"schema_version": 1, "activation": "float"})", "'float', which is none of u8, i8, i16"},
      {R"({"schema_version": 1, "weight": "i32"})", "none of u8, i8, u4, i4, i16"},
      {R"({"schema_version": 1, "observer": "best"})", "'best', which is none of minmax"},
      {WithRule("7"), "rule 1 7 is no object"},
      {WithRule(R"({"modul": "a", "dtype": "u8"})"), "unknown key 'modul' in rule 1 {"},
      {WithRule(R"({"module": 3, "dtype": "u8"})"), "'module' of rule 1"},
      {WithRule(R"({"module": "", "dtype": "u8"})"), "is no text: \"\""},
      {WithRule(R"({"dtype": "u8"}, {"dtype": "u9"})"), "'dtype' of rule 2 {\"dtype\":\"u9\"}"},
      {WithRule(R"({"dtype": "u4"})"), "'u4', which is none of u8, i8, i16, float"},
      {WithRule(R"({"role": "bias", "dtype": "i32"})"), "'i32', which is none of float"},
      {WithRule(R"({"role": "output", "dtype": "i4"})"), "'i4', which is none of"},
      {WithRule(R"({"role": "weights", "dtype": "i4"})"), "'weights', which is none of activation"},
      {WithRule(R"({"op": "LINEAR", "dtype": "u8"})"), "'LINEAR', which is no operator"},
      {WithRule(R"({"module": "a"})"), "sets nothing"},
      {WithRule(R"({"granularity": "channel"})"), "needs the role weight"},
      {WithRule(R"({"role": "weight", "granularity": "row"})"), "none of tensor, channel"},
      {WithRule(R"({"symmetric": 1})"), "is no Boolean"},
      {WithRule(R"({"role": "weight", "observer": "mse"})"), "is for activations"},
      {WithRule(R"({"role": "bias", "symmetric": true})"), "more than 'dtype' of a bias"},
      {WithRule(R"({"observer": "mean"})"), "'mean', which is none of minmax"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseConfig(c.text).status(), IsInvalidInput(HasSubstr(c.error))) << c.text;
  }
}

TEST(MatchesPattern, KnowsStarsAndQuestionMarks) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } kCases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "a.b", true},
      {"a", "a", true},
      {"a", "ab", false},
      {"a?", "ab", true},
      {"a?", "a", false},
      {"*.mlp.*", "layers.0.mlp.up", true},
      {"*.mlp", "x.mlp.up", false},
      {"a*b*c", "aXbXbYc", true},
      {"a*b*c", "aXbXbY", false},
      {"**a", "bbba", true},
      {"layers.1*", "layers.10.a", true},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(MatchesPattern(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
  }
  // Many stars on a long text that almost matches.
  EXPECT_FALSE(MatchesPattern("*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace g4c::quantization
