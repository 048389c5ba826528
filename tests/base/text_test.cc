#include "base/text.h"

#include <cfloat>
#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace g4c {
namespace {

TEST(Text, FormatsFloatsShortest) {
  struct Case {
    float value;
    const char* text;
  };
  const Case cases[] = {
      {0.0f, "0"},
      {-0.0f, "-0"},
      {1.0f, "1"},
      {0.1f, "0.1"},
      {1e-6f, "1e-06"},
      {1.0f / 3, "0.33333334"},
      {16777216, "16777216"},
      {1e10f, "1e+10"},
      {FLT_MAX, "3.4028235e+38"},
      {1e-45f, "1e-45"},
      {INFINITY, "inf"},
      {-INFINITY, "-inf"},
      {NAN, "nan"},
      {-NAN, "nan"},
  };
  for (const Case& c : cases) EXPECT_EQ(FormatFloat(c.value), c.text);
}

TEST(Text, FormatsDoublesShortest) {
  EXPECT_EQ(FormatDouble(0.1), "0.1");
  EXPECT_EQ(FormatDouble(0.1f), "0.10000000149011612");
  EXPECT_EQ(FormatDouble(DBL_MAX), "1.7976931348623157e+308");
}

TEST(Text, FormattedNumbersReadBack) {
  for (float value = 1e-40f; value < 1e38f; value *= 1.7f) {
    EXPECT_EQ(std::strtof(FormatFloat(value).c_str(), nullptr), value);
  }
}

TEST(Text, ShowsBytes) {
  struct Case {
    uint64_t bytes;
    const char* text;
  };
  const Case cases[] = {
      {0, "0 bytes"},
      {1, "1 byte"},
      {63, "63 bytes"},
      {1023, "1023 bytes"},
      {1024, "1 KiB"},
      {1536, "1.5 KiB"},
      {8192, "8 KiB"},
      {1992294, "1.9 MiB"},
      {10 * 1024 + 300, "10 KiB"},
      {1048575, "1 MiB"},
      {1u << 30, "1 GiB"},
      {604ull * 1000 * 1000, "576 MiB"},
      {9 * 1024 + 1000, "10 KiB"},
      {uint64_t(-1), "16 EiB"},
  };
  for (const Case& c : cases) EXPECT_EQ(HumanBytes(c.bytes), c.text);
}

TEST(Text, ShowsSeconds) {
  struct Case {
    double seconds;
    const char* text;
  };
  const Case cases[] = {
      {0, "0 ms"},          {0.0123, "12 ms"},   {0.0999, "0.10 s"},   {0.21, "0.21 s"},
      {0.999, "1.0 s"},     {3.44, "3.4 s"},     {9.99, "10 s"},       {59.4, "59 s"},
      {59.6, "1 min 00 s"}, {125, "2 min 05 s"}, {3720, "1 h 02 min"},
  };
  for (const Case& c : cases) EXPECT_EQ(HumanSeconds(c.seconds), c.text) << c.seconds;
}

TEST(Text, ShowsDims) {
  EXPECT_EQ(DimsText({}), "[]");
  EXPECT_EQ(DimsText({7}), "[7]");
  EXPECT_EQ(DimsText({1, 63, 64}), "[1, 63, 64]");
}

}  // namespace
}  // namespace g4c
