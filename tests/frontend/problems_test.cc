#include "frontend/problems.h"

#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/support/status_matchers.h"

namespace g4c::frontend {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProblemsTest, NoneIsOk) {
  const Problems problems;
  EXPECT_TRUE(problems.empty());
  EXPECT_OK(problems.ToStatus());
}

TEST(ProblemsTest, OneOfEachKind) {
  const struct {
    ProblemKind kind;
    bool invalid;
    const char* text;
  } cases[] = {
      {ProblemKind::kDangling, true,
       "1 input that nothing produces (invalid model)\n  what   where\n"
       "  torch's exporter leaves these behind when it fuses Clip; export with optimize=False."},
      {ProblemKind::kDuplicate, true,
       "1 name that is defined twice (invalid model)\n  what   where\n"
       "  every value of a graph needs a name of its own; export the model again."},
      {ProblemKind::kCycle, true,
       "1 cycle (invalid model)\n  what   where\n"
       "  no node may need its own result; export the model again."},
      {ProblemKind::kInvalid, true,
       "1 contradiction (invalid model)\n  what   where\n"
       "  onnx.checker.check_model(path, full_check=True) may tell more."},
      {ProblemKind::kOperator, false,
       "1 operator is not supported\n  what   where\n"
       "  docs/operators.md lists those that are; export with another opset or exporter, or "
       "replace the module."},
      {ProblemKind::kOpset, false,
       "1 opset is not supported\n  what   where\n"
       "  export with an opset_version from 13 to 24."},
      {ProblemKind::kAttribute, false,
       "1 attribute is not supported\n  what   where\n"
       "  an attribute that this tool does not know may change the result, so it is not ignored."},
      {ProblemKind::kUnsupported, false, "1 part of the model is not supported\n  what   where"},
  };
  for (const auto& c : cases) {
    Problems problems;
    problems.Add(c.kind, "what", "where");
    EXPECT_FALSE(problems.empty());
    if (c.invalid) {
      EXPECT_THAT(problems.ToStatus(), IsInvalidInput(c.text));
    } else {
      EXPECT_THAT(problems.ToStatus(), IsUnsupported(c.text));
    }
  }
}

TEST(ProblemsTest, AlignsTheSecondColumn) {
  Problems problems;
  problems.Add(ProblemKind::kOperator, "GRU", "GRU 'b'");
  problems.Add(ProblemKind::kOperator, "com.example.Relu", "Relu 'a'");
  problems.Add(ProblemKind::kOperator, std::string(60, 'x'), "c");
  problems.Add(ProblemKind::kOperator, "alone", "");
  EXPECT_THAT(problems.ToStatus(),
              IsUnsupported(AllOf(HasSubstr("4 operators are not supported\n"
                                            "  GRU                GRU 'b'\n"
                                            "  com.example.Relu   Relu 'a'\n"),
                                  HasSubstr("\n  " + std::string(60, 'x') + "   c\n  alone\n"))));
}

TEST(ProblemsTest, KindsComeInTheirOrderAndInvalidWins) {
  Problems problems;
  problems.Add(ProblemKind::kOperator, "LSTM", "here");
  problems.Add(ProblemKind::kDangling, "v", "there");
  problems.Add(ProblemKind::kDangling, "w", "there");
  EXPECT_THAT(problems.ToStatus(),
              IsInvalidInput("2 inputs that nothing produces (invalid model)\n"
                             "  v   there\n"
                             "  w   there\n"
                             "  torch's exporter leaves these behind when it fuses Clip; export "
                             "with optimize=False.\n"
                             "1 operator is not supported\n"
                             "  LSTM   here\n"
                             "  docs/operators.md lists those that are; export with another opset "
                             "or exporter, or replace the module."));
}

TEST(ProblemsTest, StatusesKeepTheirClass) {
  Problems problems;
  problems.Add(Unsupported("this"), "here");
  EXPECT_THAT(problems.ToStatus(), IsUnsupported(EndsWith("\n  this   here")));
  problems.Add(InvalidInput("that"), "there");
  EXPECT_THAT(problems.ToStatus(),
              IsInvalidInput(AllOf(HasSubstr("\n  that   there\n"), HasSubstr("\n  this   here"))));
}

TEST(ProblemsTest, ARepeatedLineIsToldOnce) {
  Problems problems;
  for (int i = 0; i < 3; ++i) problems.Add(ProblemKind::kAttribute, "a", "in the function");
  problems.Add(ProblemKind::kAttribute, "a", "elsewhere");
  EXPECT_THAT(problems.ToStatus(), IsUnsupported(HasSubstr("2 attributes are not supported")));
}

TEST(ProblemsTest, LongListsAreCutButForDanglingInputs) {
  Problems many;
  for (int i = 0; i < 25; ++i) many.Add(ProblemKind::kOperator, absl::StrCat("Op", i), "x");
  EXPECT_THAT(many.ToStatus(),
              IsUnsupported(AllOf(HasSubstr("25 operators are not supported"), HasSubstr("Op19 "),
                                  Not(HasSubstr("Op20 ")), HasSubstr("\n  and 5 more\n"))));
  Problems dangling;
  for (int i = 0; i < 25; ++i) dangling.Add(ProblemKind::kDangling, absl::StrCat("v", i), "x");
  EXPECT_THAT(dangling.ToStatus(), IsInvalidInput(HasSubstr("\n  v24   x\n")));
}

TEST(ProblemsTest, NamesOfTheFileCannotBreakLines) {
  Problems problems;
  problems.Add(ProblemKind::kDangling, "a\nerror: b\x1b[31m", "c\td\x7f");
  EXPECT_THAT(problems.ToStatus(), IsInvalidInput(HasSubstr("\n  a?error: b?[31m   c?d?\n")));
}

}  // namespace
}  // namespace g4c::frontend
