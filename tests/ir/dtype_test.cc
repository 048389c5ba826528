#include "ir/dtype.h"

#include <gtest/gtest.h>

namespace g4c::ir {
namespace {

TEST(DType, TableHolds) {
  struct Row {
    const char* name;
    int bits, bytes;
    bool is_float, is_integer, is_signed;
    int64_t min, max;
  };
  const Row kRows[] = {
      {"bool", 8, 1, false, false, false, 0, 0},
      {"u4", 4, 1, false, true, false, 0, 15},
      {"i4", 4, 1, false, true, true, -8, 7},
      {"u8", 8, 1, false, true, false, 0, 255},
      {"i8", 8, 1, false, true, true, -128, 127},
      {"u16", 16, 2, false, true, false, 0, 65535},
      {"i16", 16, 2, false, true, true, -32768, 32767},
      {"u32", 32, 4, false, true, false, 0, 4294967295},
      {"i32", 32, 4, false, true, true, -2147483648LL, 2147483647},
      {"u64", 64, 8, false, true, false, 0, INT64_MAX},
      {"i64", 64, 8, false, true, true, INT64_MIN, INT64_MAX},
      {"f16", 16, 2, true, false, true, 0, 0},
      {"bf16", 16, 2, true, false, true, 0, 0},
      {"f32", 32, 4, true, false, true, 0, 0},
      {"f64", 64, 8, true, false, true, 0, 0},
  };
  for (int i = 0; i < static_cast<int>(std::size(kRows)); ++i) {
    const Row& row = kRows[i];
    const DType dtype = static_cast<DType>(i);
    EXPECT_EQ(DTypeName(dtype), row.name);
    EXPECT_EQ(ParseDType(row.name), dtype);
    EXPECT_EQ(BitWidth(dtype), row.bits) << row.name;
    EXPECT_EQ(ByteWidth(dtype), row.bytes) << row.name;
    EXPECT_EQ(IsFloat(dtype), row.is_float) << row.name;
    EXPECT_EQ(IsInteger(dtype), row.is_integer) << row.name;
    EXPECT_EQ(IsSigned(dtype), row.is_signed) << row.name;
    if (!row.is_integer) continue;
    EXPECT_EQ(MinOf(dtype), row.min) << row.name;
    EXPECT_EQ(MaxOf(dtype), row.max) << row.name;
  }
  EXPECT_EQ(std::size(kRows), static_cast<size_t>(DType::kF64) + 1);
}

TEST(DType, UnknownNamesAreNone) {
  for (const char* name : {"", "f8", "F32", "float", "i4 "})
    EXPECT_FALSE(ParseDType(name).has_value()) << name;
}

}  // namespace
}  // namespace g4c::ir
