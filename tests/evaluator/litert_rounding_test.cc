// Results that depend on whose roundings are followed. That they are LiteRT's own is shown by
// tests/runtime/test_litert_operators.py.
#include <gtest/gtest.h>

#include "integer_op.h"
#include "tests/support/status_matchers.h"

namespace g4c::evaluator {
namespace {

using ir::DType;

struct Case {
  std::string name;
  ir::Op op;
  std::vector<Operand> operands;
  ir::Quantization result;
  std::vector<int64_t> exact, litert;
};

Operand I8(float scale, ir::Dims dims, const std::vector<int64_t>& values) {
  return Quantised(PerTensor(DType::kI8, scale, 0), std::move(dims), values);
}
Operand I16(float scale, ir::Dims dims, const std::vector<int64_t>& values) {
  return Quantised(PerTensor(DType::kI16, scale, 0), std::move(dims), values);
}
ir::Quantization ToI8(float scale) { return PerTensor(DType::kI8, scale, 0); }
ir::Quantization ToI16(float scale) { return PerTensor(DType::kI16, scale, 0); }

std::vector<Case> Cases() {
  const std::vector<int64_t> largest(1024, 32767), weights(1024, 127);
  const Operand row = I16(1, {1, 1024}, largest), column = I8(1, {1, 1024}, weights);
  const Operand wide_bias = Constant(Quantised(PerTensor(DType::kI64, 1, 0), {1}, {0}));
  return {
      // 5/4 is 2.5 halves, 3, and 1.5, 2.
      {"mul rounds twice", ir::Mul{}, {I8(0.25, {1}, {5}), I8(1, {1}, {1})}, ToI8(1), {1}, {2}},
      // -6/4 is a tie.
      {"fully_connected rounds halves up",
       ir::FullyConnected{},
       {I8(0.25, {1, 1}, {-6}), I8(1, {1, 1}, {1}), Omitted()},
       ToI8(1),
       {-2},
       {-1}},
      {"batch_matmul rounds halves away from zero",
       ir::BatchMatMul{},
       {I8(0.25, {1, 1}, {-6}), I8(1, {1, 1}, {1})},
       ToI8(1),
       {-2},
       {-2}},
      // 32767 * 127 * 1024 = 2^32 - 33686528
      {"sums of i16 wrap",
       ir::FullyConnected{},
       {row, column, Omitted()},
       ToI16(1 << 20),
       {4064},
       {-32}},
      {"but not those with a bias of i64",
       ir::FullyConnected{},
       {row, column, wide_bias},
       ToI16(1 << 20),
       {4064},
       {4064}},
      {"sqrt rounds down", ir::Sqrt{}, {I8(1, {2}, {3, 4})}, ToI8(1), {2, 2}, {1, 2}},
      {"neg keeps the lowest", ir::Neg{}, {I8(1, {2}, {-128, 5})}, ToI8(1), {127, -5}, {-128, -5}},
      // A row of two equal logits: its tables know 1/2 to a step.
      {"softmax of i16",
       ir::Softmax{},
       {I16(0.001, {1, 2}, {7, 7})},
       ToI16(1.0f / 32768),
       {16384, 16384},
       {16384, 16384}},
      // LiteRT has no such softmax: the exact rule stays.
      {"softmax with another scale",
       ir::Softmax{},
       {I16(0.001, {1, 2}, {0, 1000})},
       ToI16(1.0f / 1024),
       {275, 749},
       {275, 749}},
  };
}

TEST(LitertRounding, IsWhatItSays) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> exact, RunInts(c.op, c.operands, c.result));
    ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> litert,
                         RunInts(c.op, c.operands, c.result, Rounding::kLitert));
    EXPECT_EQ(exact, c.exact);
    EXPECT_EQ(litert, c.litert);
  }
}

}  // namespace
}  // namespace g4c::evaluator
