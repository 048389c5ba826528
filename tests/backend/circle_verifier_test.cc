#include "backend/circle_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "backend/circle_writer.h"
#include "file_maker.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::backend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> TextsOf(const absl::StatusOr<std::vector<Problem>>& problems) {
  EXPECT_OK(problems);
  std::vector<std::string> texts;
  for (const Problem& problem : problems.ok() ? *problems : std::vector<Problem>()) {
    texts.push_back(absl::StrCat(
        problem.kind == Problem::Kind::kInvalid ? "invalid " : "inconsistent ", problem.text));
  }
  return texts;
}

// The problems of the file of a graph, which is written even where its qparams are inconsistent.
std::vector<std::string> ProblemsOf(const std::string& body) {
  const TempDir dir;
  const std::string path = dir.File("m.circle");
  EXPECT_OK(WriteCircle(ParseOrDie(absl::StrCat("graph {", body, "}")), {}, path));
  return TextsOf(VerifyCircleFile(path));
}

TEST(VerifyCircleFile, FindsNothingInAConsistentFile) {
  EXPECT_THAT(ProblemsOf(R"(
    in %x: f32[1, 2] q(u8 0.5:3)
    k %w: f32[2, 2] q(i8 per_channel 0 [0.5, 0.25] [0, 0]) = i8 [1, 2, 3, 4]
    k %b: f32[2] q(i32 per_channel 0 [0.25, 0.125] [0, 0]) = i32 [1, 2]
    %f = fully_connected(%x, %w, %b): f32[1, 2] q(u8 0.1:0)
    %t = transpose(%f) {perm: [1, 0]}: f32[2, 1] q(u8 0.1:0)
    %d = dequantize(%t): f32[2, 1]
    out %d)"),
              IsEmpty());
}

TEST(VerifyCircleFile, FindsDataThatMovesBetweenUnlikeQparams) {
  EXPECT_THAT(
      ProblemsOf(
          "in %x: f32[2] q(u8 0.5:3)  %y = reshape(%x) {shape: [2, 1]}: f32[2, 1] q(u8 0.25:3)"
          "  out %y"),
      ElementsAre(
          "inconsistent operator 0 RESHAPE: moves data from 'x' q(u8 0.5:3) to 'y' q(u8 0.25:3)"));
  EXPECT_THAT(
      ProblemsOf("in %x: f32[1] q(u8 0.5:3)  in %z: f32[1] q(u8 0.5:4)  "
                 "%y = concat(%x, %z): f32[2] q(u8 0.5:3)  out %y"),
      ElementsAre(HasSubstr("operator 0 CONCATENATION: moves data from 'x' q(u8 0.5:3) to 'z'")));
}

TEST(VerifyCircleFile, ChecksBiases) {
  const auto with_bias = [](const std::string& bias) {
    return ProblemsOf(absl::StrCat(
        "in %x: f32[1, 2] q(u8 0.5:3)  "
        "k %w: f32[2, 2] q(i8 per_channel 0 [0.5, 0.25] [0, 0]) = i8 [1, 2, 3, 4]  k %b: f32[2] ",
        bias, "  %y = fully_connected(%x, %w, %b): f32[1, 2] q(u8 0.1:0)  out %y"));
  };
  // One ulp of the product away is what rounding it once more gives.
  EXPECT_THAT(with_bias("q(i32 per_channel 0 [0.25000003, 0.125] [0, 0]) = i32 [1, 2]"), IsEmpty());
  EXPECT_THAT(with_bias("q(i32 per_channel 0 [0.25, 0.126] [0, 0]) = i32 [1, 2]"),
              ElementsAre(HasSubstr("its bias 'b' has scale 0.126")));
  EXPECT_THAT(with_bias("q(i32 per_channel 0 [0.25, 0.125] [0, -1]) = i32 [1, 2]"),
              ElementsAre(HasSubstr("its bias 'b' has zero point -1")));
  EXPECT_THAT(with_bias("q(i16 per_channel 0 [0.25, 0.125] [0, 0]) = i16 [1, 2]"),
              ElementsAre(HasSubstr("its bias 'b' is i16")));
  EXPECT_THAT(with_bias("q(i32 0.25:0) = i32 [1, 2]"),
              ElementsAre(HasSubstr(
                  "its bias 'b' has scale 0.25 in channel 1, input times weight is 0.125")));
}

TEST(VerifyCircleFile, FindsContradictions) {
  using namespace circle;  // NOLINT: the operators' numbers
  FileMaker maker;
  maker.inputs = {maker.Tensor("x", {3}), maker.Tensor("q", {3}, TensorType_UINT8, {{0.5f}, {0}})};
  maker.outputs = {maker.Tensor("y", {4}), maker.Tensor("z", {3}), maker.Tensor("w", {3})};
  maker.Op(BuiltinOperator_ADD, {0, 0}, {2});
  maker.Op(BuiltinOperator_ABS, {1}, {3});
  maker.Op(BuiltinOperator_QUANTIZE, {0}, {4});
  const TempDir dir;
  EXPECT_THAT(TextsOf(VerifyCircleFile(dir.Write("m.circle", maker.Finish()))),
              ElementsAre(HasSubstr("invalid operator 0 ADD: result 0 is declared as f32[4]"),
                          "inconsistent operator 1 ABS: 'q' has qparams, 'z' has none",
                          "invalid operator 2 QUANTIZE: 'w' has no qparams"));
}

TEST(VerifyCircleFile, ReportsDamageAsAProblemAndAMissingFileAsAnError) {
  const TempDir dir;
  EXPECT_THAT(TextsOf(VerifyCircleFile(dir.Write("m.circle", "not a model"))),
              ElementsAre(HasSubstr("not a .circle or .tflite file")));
  EXPECT_THAT(VerifyCircleFile(dir.File("none")), IsInvalidInput(HasSubstr("none")));
}

TEST(VerifyCircleFile, FindsTheUnlikeSplitsOfTheTicoFile) {
  const auto texts = TextsOf(VerifyCircleFile(TestData("models/encoder_tico_u8.q.circle")));
  EXPECT_EQ(
      std::count_if(texts.begin(), texts.end(),
                    [](const std::string& text) { return text.find("SPLIT_V") != text.npos; }),
      8);
  EXPECT_EQ(texts.size(), 8u);
}

}  // namespace
}  // namespace g4c::backend
