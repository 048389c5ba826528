#include "evaluator/quantize.h"

#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::DType;

TEST(Quantize, PerTensor) {
  const ir::Quantization q = ir::QuantPerTensor{DType::kU8, 0.5f, 3};
  const ir::Tensor stored = QuantizeTensor(Literal("f32[5] -0.25 0.25 0.75 500 0.3"), q);
  EXPECT_TRUE(IsLiteral(stored, "u8[5] 3 3 5 255 4", 0));
  EXPECT_TRUE(IsLiteral(DequantizeTensor(stored, q), "f32[5] 0 0 1 126 0.5", 0));
  EXPECT_TRUE(IsLiteral(FakeQuantize(Literal("f32[2] 0.3 -9"), q), "f32[2] 0.5 -1.5", 0));
}

TEST(Quantize, PerChannelOfAnyAxisAndAnyView) {
  const ir::Tensor real = Literal("f32[2, 3] 1 2 3 4 5 6");
  const ir::Quantization by_row = ir::QuantPerChannel{DType::kI8, 0, {1, 0.5f}, {0, 1}};
  EXPECT_TRUE(IsLiteral(QuantizeTensor(real, by_row), "i8[2, 3] 1 2 3 9 11 13", 0));
  const ir::Quantization by_column = ir::QuantPerChannel{DType::kI16, 1, {1, 0.5f}, {0, 0}};
  EXPECT_TRUE(
      IsLiteral(QuantizeTensor(real.Transposed({1, 0}), by_column), "i16[3, 2] 1 8 2 10 3 12", 0));
  EXPECT_TRUE(IsLiteral(DequantizeTensor(Literal("i8[1, 2] 3 5"),
                                         ir::QuantPerChannel{DType::kI8, 1, {1, 0.5f}, {0, 1}}),
                        "f32[1, 2] 3 2", 0));
}

TEST(Quantize, BlocksBeginAnywhere) {
  // More elements than one block, and a channel that does not divide it.
  constexpr int64_t kRows = 5, kColumns = 777;
  ir::Tensor real = ir::Tensor::Allocate(DType::kF32, {kRows, kColumns});
  ir::QuantPerChannel q{DType::kI32, 0, {}, {}};
  for (int64_t r = 0; r < kRows; ++r) {
    q.scales.push_back(static_cast<float>(1 << r));
    q.zero_points.push_back(r);
    for (int64_t c = 0; c < kColumns; ++c) {
      real.mutable_data<float>()[r * kColumns + c] = static_cast<float>(c << r);
    }
  }
  const std::vector<int64_t> stored = QuantizeTensor(real, q).Ints();
  for (int64_t i = 0; i < kRows * kColumns; ++i)
    ASSERT_EQ(stored[i], i % kColumns + i / kColumns) << i;
}

TEST(Quantize, BFloat16AndFourBits) {
  const ir::Quantization q = ir::QuantPerTensor{DType::kI4, 1, 0};
  EXPECT_TRUE(IsLiteral(QuantizeTensor(Literal("bf16[3] 1.5 -9 9"), q), "i4[3] 2 -8 7", 0));
  EXPECT_TRUE(IsLiteral(DequantizeTensor(Literal("i4[2] -8 7"), q), "f32[2] -8 7", 0));
}

}  // namespace
}  // namespace g4c::evaluator
