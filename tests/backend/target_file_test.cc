#include "backend/target_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "tests/support/status_matchers.h"

namespace g4c::backend {
namespace {

using ::testing::HasSubstr;

// A target file with one operator, whose only form is `form`.
std::string WithForm(const std::string& form) {
  return absl::StrCat(R"({"schema_version": 1, "name": "npu", "operators": {"ADD": [)", form,
                      "]}}");
}

TEST(TargetFile, ReadsEveryKey) {
  const absl::StatusOr<ir::Target> target = ParseTarget(R"({
    "schema_version": 1, "name": "npu", "about": "a device",
    "file": {"identifier": "TFL3", "offset_constants": false, "max_bytes": 1000},
    "io": {"dtype": "u8|f32", "max_rank": 4},
    "defaults": {"activation": "i16", "weight": "i8"},
    "rules": ["float-island"],
    "operators": {
     "ADD": [{"dtype": "u8|i8", "zero_point": 0, "rank": [1, 4], "equal_qparams": true,
              "activations": ["none", "relu"], "why": "it says so"}],
     "FULLY_CONNECTED": [
      {"operands": ["i8", {"dtype": "i8|i4", "granularity": "channel", "constant": true, "zero_point": 0}, "-|i32"],
       "results": [{"dtype": "i8", "scale": 0.5, "max_span": 12}], "max_last_dim": 9, "result_rank": 2}]}})");
  ASSERT_OK(target);
  EXPECT_EQ(target->name, "npu");
  EXPECT_EQ(target->identifier, "TFL3");
  EXPECT_FALSE(target->offset_constants);
  EXPECT_EQ(target->max_file_bytes, 1000u);
  EXPECT_EQ(target->io_max_rank, 4);
  EXPECT_EQ(target->activation, ir::DType::kI16);
  EXPECT_EQ(target->weight, ir::DType::kI8);
  const ir::OperatorForm& add = target->operators.at("ADD")[0];
  EXPECT_TRUE(add.operands[0].same);
  EXPECT_EQ(add.results[0].dtypes, (std::vector<ir::DType>{ir::DType::kU8, ir::DType::kI8}));
  EXPECT_EQ(add.operands[0].zero_point, 0);
  EXPECT_EQ(add.max_rank, 4);
  EXPECT_EQ(add.activations.size(), 2u);
  EXPECT_TRUE(add.equal_qparams);
  const ir::OperatorForm& linear = target->operators.at("FULLY_CONNECTED")[0];
  EXPECT_TRUE(linear.operands[1].per_channel);
  EXPECT_EQ(linear.operands[1].constant, true);
  EXPECT_TRUE(linear.operands[2].may_be_omitted);
  EXPECT_EQ(linear.results[0].scale, 0.5f);
  EXPECT_EQ(linear.max_last_dim, 9);
  EXPECT_EQ(linear.result_rank, 2);
}

TEST(TargetFile, NamesTheWrongPlace) {
  const std::pair<std::string, std::string> cases[] = {
      {"[", "is no JSON"},
      {"{}", "schema_version is not 1"},
      {R"({"schema_version": 1})", "has no name"},
      {R"({"schema_version": 1, "name": "npu"})", "has no operators"},
      {R"({"schema_version": 1, "name": "npu", "operators": {"ADD": [{}]}, "extra": 1})",
       "target: unknown key 'extra'"},
      {R"({"schema_version": 1, "name": "npu", "operators": {"GLOW": [{}]}})",
       "operators.GLOW: unknown operator"},
      {R"({"schema_version": 1, "name": "npu", "operators": {"ADD": []}})",
       "operators.ADD: is no list of forms"},
      {R"({"schema_version": 1, "name": "npu", "file": {"identifier": "ABCD"}, "operators": {}})",
       "file: identifier 'ABCD' is none of CIR0, TFL3"},
      {R"({"schema_version": 1, "name": "npu", "rules": [1], "operators": {}})",
       "rules: 1 is no name"},
      {R"({"schema_version": 1, "name": "npu", "io": {"dtype": "f31"}, "operators": {}})",
       "io.dtype: unknown dtype 'f31'"},
      {R"({"schema_version": 1, "name": "npu", "defaults": {"weight": "w"}, "operators": {}})",
       "defaults: weight: unknown dtype 'w'"},
      {WithForm(R"({"dtype": "i9"})"), "operators.ADD[0].dtype: unknown dtype 'i9'"},
      {WithForm(R"({"dtype": "i8", "operands": ["i8"]})"),
       "operators.ADD[0]: has dtype, which excludes operands and results"},
      {WithForm(R"({"operands": ["i8"]})"),
       "operators.ADD[0]: has only one of operands and results"},
      {WithForm(R"({"operands": [{"dtype": "i8", "size": 1}], "results": ["i8"]})"),
       "operators.ADD[0].operands[0]: unknown key 'size'; known are dtype, constant, granularity, "
       "zero_point, scale, max_span"},
      {WithForm(R"({"operands": [{"granularity": "row"}], "results": ["i8"]})"),
       "operators.ADD[0].operands[0].granularity: \"row\" is none of \"tensor\", \"channel\""},
      {WithForm(R"({"dtype": "i8", "rank": [1]})"),
       "operators.ADD[0].rank: is no pair [lowest, highest]"},
      {WithForm(R"({"dtype": "i8", "equal_qparams": 1})"),
       "operators.ADD[0]: equal_qparams has the wrong type"},
      {WithForm(R"({"dtype": "i8", "activations": ["swish"]})"),
       "operators.ADD[0].activations: 'swish' is none of none, relu"},
  };
  for (const auto& [json, text] : cases) {
    EXPECT_THAT(ParseTarget(json).status(), IsInvalidInput(HasSubstr(text))) << json;
  }
}

// docs/targets.md: its example is read as it stands there.
TEST(TargetFile, ReadsTheManualsExample) {
  ASSERT_OK_AND_ASSIGN(const auto manual,
                       MappedFile::Open(std::string(G4C_TEST_DATA) + "/../../docs/targets.md"));
  const std::string text(manual->text());
  const size_t begin = text.find("```json\n") + 8;
  ASSERT_OK_AND_ASSIGN(const ir::Target target,
                       ParseTarget(text.substr(begin, text.find("```\n", begin) - begin)));
  EXPECT_EQ(target.name, "npu");
  EXPECT_EQ(target.weight, ir::DType::kI8);
  EXPECT_EQ(target.operators.at("SOFTMAX")[0].operands[0].max_span, 32);
}

TEST(TargetFile, BuiltInOnesAreValid) {
  for (const BuiltinTarget& builtin : BuiltinTargets()) {
    const absl::StatusOr<ir::Target> target = LoadTarget(std::string(builtin.name));
    ASSERT_OK(target) << builtin.name;
    EXPECT_EQ(target->name, builtin.name);
  }
  EXPECT_THAT(LoadTarget("missing.json").status(), IsInvalidInput(HasSubstr("missing.json")));
}

}  // namespace
}  // namespace g4c::backend
