#include "base/status.h"

#include <memory>
#include <string>

#include "tests/support/status_matchers.h"

namespace g4c {
namespace {

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return InvalidInput(value, " is odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::Status CheckQuarter(int value) {
  RETURN_IF_ERROR(Quarter(value).status());
  return absl::OkStatus();
}

TEST(Status, TheCodesDecideTheExitCode) {
  EXPECT_THAT(InvalidInput("a", 1), StatusIs(absl::StatusCode::kInvalidArgument, "a1"));
  EXPECT_THAT(Unsupported("a", 1), StatusIs(absl::StatusCode::kUnimplemented, "a1"));
  EXPECT_THAT(WriteFailed("a", 1), StatusIs(absl::StatusCode::kUnavailable, "a1"));
}

TEST(Status, MacrosPassErrorsOn) {
  EXPECT_THAT(Quarter(12), IsOkAndHolds(3));
  EXPECT_THAT(Quarter(6), IsInvalidInput("3 is odd"));
  EXPECT_OK(CheckQuarter(12));
  EXPECT_THAT(CheckQuarter(7), IsInvalidInput("7 is odd"));
}

TEST(Status, APrefixKeepsTheCode) {
  EXPECT_THAT(Prefixed(Unsupported("LSTM"), "node 'x': "), IsUnsupported("node 'x': LSTM"));
  EXPECT_OK(Prefixed(absl::OkStatus(), "node 'x': "));
}

TEST(StatusDeathTest, AFailedCheckEndsTheProgram) {
  G4C_CHECK(1 + 1 == 2);
  EXPECT_DEATH(G4C_CHECK(1 + 1 == 3), "internal error: .*status_test.cc:[0-9]+: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace g4c
