#include "base/progress.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace g4c {
namespace {

TEST(Progress, SaysRateAndTimeLeft) {
  struct Case {
    int64_t done, total;
    double seconds;
    const char* line;
  };
  const Case cases[] = {
      {0, 8, 2, "calibration  0/8 samples"},
      {3, 8, 2.5, "calibration  3/8 samples  1.2/s  4.2 s left"},
      {40, 100, 0.5, "calibration  40/100 samples  80/s  0.75 s left"},
      {1, 100, 10, "calibration  1/100 samples  0.1/s  16 min 30 s left"},
      {8, 8, 4, "calibration  8/8 samples  2/s"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Progress::Line("calibration", "samples", c.done, c.total, c.seconds), c.line);
  }
}

TEST(Progress, IsSilentWhereStderrIsNoTerminal) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("calibration", "samples", 2);
    progress.Advance();
    progress.Advance();
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace g4c
