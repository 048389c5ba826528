#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::DType;

TEST(ReferenceElementwise, Unary) {
  Check("f32, negative zero too", ir::Abs{}, {"f32[3] -1.5 2 -0"}, {"f32[3] 1.5 2 0"});
  Check("the lowest integer wraps", ir::Abs{}, {"i8[2] -128 -3"}, {"i8[2] -128 3"});
  Check("u64 beyond int64", ir::Abs{}, {"u64[1] 18446744073709551615"},
        {"u64[1] 18446744073709551615"});
  Check("", ir::Ceil{}, {"f32[3] 1.2 -1.2 2"}, {"f32[3] 2 -1 2"});
  Check("", ir::Floor{}, {"f32[3] 1.2 -1.2 2"}, {"f32[3] 1 -2 2"});
  Check("half to even", ir::Round{}, {"f32[5] 0.5 1.5 2.5 -0.5 -1.6"}, {"f32[5] 0 2 2 0 -2"});
  Check("", ir::Cos{}, {"f32[2] 0 1"}, {"f32[2] 1 0.5403023"});
  Check("", ir::Sin{}, {"f32[2] 0 1"}, {"f32[2] 0 0.8414710"});
  Check("", ir::Erf{}, {"f32[2] 0.5 -9"}, {"f32[2] 0.5204999 -1"});
  Check("overflow", ir::Exp{}, {"f32[3] 1 100 -inf"}, {"f32[3] 2.7182818 inf 0"});
  Check("", ir::Log{}, {"f32[3] 1 0 -1"}, {"f32[3] 0 -inf nan"});
  Check("far out", ir::Logistic{}, {"f32[3] 0 1 -200"}, {"f32[3] 0.5 0.7310586 0"});
  Check("", ir::Rsqrt{}, {"f32[2] 4 0"}, {"f32[2] 0.5 inf"});
  Check("", ir::Sqrt{}, {"f32[2] 4 -1"}, {"f32[2] 2 nan"});
  Check("", ir::Tanh{}, {"f32[2] 0.5 40"}, {"f32[2] 0.4621172 1"});
  Check("", ir::Neg{}, {"f32[2] 1 -2"}, {"f32[2] -1 2"});
  Check("wraps", ir::Neg{}, {"i32[2] -2147483648 5"}, {"i32[2] -2147483648 -5"});
  Check("NaN stays", ir::Relu{}, {"f32[3] -1 2 nan"}, {"f32[3] 0 2 nan"});
  Check("", ir::Relu{}, {"i16[2] -1 2"}, {"i16[2] 0 2"});
  Check("", ir::Sign{}, {"f32[4] -2 0 3 nan"}, {"f32[4] -1 0 1 nan"});
  Check("", ir::Sign{}, {"i64[3] -2 0 3"}, {"i64[3] -1 0 1"});
  Check("", ir::Sign{}, {"u8[2] 0 200"}, {"u8[2] 0 1"});
  Check("", ir::Square{}, {"f32[2] -3 0.5"}, {"f32[2] 9 0.25"});
  Check("wraps", ir::Square{}, {"u8[1] 17"}, {"u8[1] 33"});
  Check("", ir::LogicalNot{}, {"bool[2] 0 1"}, {"bool[2] 1 0"});
  Check("", ir::IsNan{}, {"f32[3] nan 1 inf"}, {"bool[3] 1 0 0"});
  Check("infinite bounds are none", ir::Clamp{-1, INFINITY}, {"f32[3] -2 5 nan"},
        {"f32[3] -1 5 nan"});
  Check("erf form", ir::Gelu{}, {"f32[2] 1 -1"}, {"f32[2] 0.8413447 -0.1586553"});
  Check("erf form, far out", ir::Gelu{}, {"f32[1] -5"}, {"f32[1] -1.4332579e-06"}, 1e-12);
  Check("tanh form", ir::Gelu{true}, {"f32[3] 1 -1 0"}, {"f32[3] 0.8411920 -0.1588080 0"});
  Check("identity", ir::Quantize{}, {"f32[1] 0.3"}, {"f32[1] 0.3"});
  Check("identity", ir::Dequantize{}, {"f32[1] 0.3"}, {"f32[1] 0.3"});
  Check("widened: bf16", ir::Neg{}, {"bf16[1] 1.5"}, {"f32[1] -1.5"});
  Check("narrowed: f64", ir::Neg{}, {"f64[1] 0.1"}, {"f32[1] -0.1"}, 0);
  Check("nothing", ir::Neg{}, {"f32[0, 3]"}, {"f32[0, 3]"});
}

TEST(ReferenceElementwise, Binary) {
  Check("broadcasts both ways", ir::Add{}, {"f32[2, 1] 1 2", "f32[3] 10 20 30"},
        {"f32[2, 3] 11 21 31 12 22 32"});
  Check("a scalar", ir::Add{}, {"f32[] 1", "f32[2] 1 2"}, {"f32[2] 2 3"});
  Check("wraps", ir::Add{}, {"u8[1] 250", "u8[1] 10"}, {"u8[1] 4"});
  Check("int64 wraps", ir::Add{}, {"i64[1] 9223372036854775807", "i64[1] 1"},
        {"i64[1] -9223372036854775808"});
  Check("relu", ir::Add{ir::Activation::kRelu}, {"f32[2] 1 -3", "f32[] 1"}, {"f32[2] 2 0"});
  Check("relu6", ir::Add{ir::Activation::kRelu6}, {"f32[3] 1 -3 9", "f32[] 1"}, {"f32[3] 2 0 6"});
  Check("relu_n1_to_1", ir::Sub{ir::Activation::kReluN1To1}, {"i32[2] 1 -3", "i32[] 1"},
        {"i32[2] 0 -1"});
  Check("relu6 of u64", ir::Mul{ir::Activation::kRelu6},
        {"u64[1] 18446744073709551615", "u64[1] 1"}, {"u64[1] 6"});
  Check("tanh", ir::Mul{ir::Activation::kTanh}, {"f32[1] 0.25", "f32[] 2"}, {"f32[1] 0.4621172"});
  Check("sign bit", ir::Mul{ir::Activation::kSignBit}, {"f32[2] -1 1", "f32[] 2"}, {"f32[2] 1 0"});
  Check("", ir::Sub{}, {"u8[1] 3", "u8[1] 5"}, {"u8[1] 254"});
  Check("", ir::Mul{}, {"i32[2] 65536 -3", "i32[2] 65536 4"}, {"i32[2] 0 -12"});
  Check("", ir::Div{}, {"f32[3] 1 -1 0", "f32[3] 4 0 0"}, {"f32[3] 0.25 -inf nan"});
  Check("towards zero", ir::Div{}, {"i64[3] 7 -7 7", "i64[3] 2 2 -2"}, {"i64[3] 3 -3 -3"});
  Check("the lowest by -1", ir::Div{}, {"i64[1] -9223372036854775808", "i64[1] -1"},
        {"i64[1] -9223372036854775808"});
  Check("u64 beyond int64", ir::Div{}, {"u64[1] 18446744073709551614", "u64[1] 2"},
        {"u64[1] 9223372036854775807"});
  Check("nothing by zero", ir::Div{}, {"i64[0]", "i64[1] 0"}, {"i64[0]"});
  Check("", ir::Pow{}, {"f32[3] 2 4 0", "f32[3] -1 0.5 0"}, {"f32[3] 0.5 2 1"});
  Check("", ir::Pow{}, {"i32[4] -3 2 -1 2", "i32[4] 3 31 -3 -1"}, {"i32[4] -27 -2147483648 -1 0"});
  Check("NaN from either side", ir::Maximum{}, {"f32[3] nan 1 2", "f32[3] 1 nan 3"},
        {"f32[3] nan nan 3"});
  Check("NaN from either side", ir::Minimum{}, {"f32[3] nan 1 2", "f32[3] 1 nan 3"},
        {"f32[3] nan nan 2"});
  Check("u64", ir::Maximum{}, {"u64[1] 18446744073709551615", "u64[1] 1"},
        {"u64[1] 18446744073709551615"});
  Check("", ir::SquaredDifference{}, {"f32[2] 1 5", "f32[] 2"}, {"f32[2] 1 9"});
  Check("", ir::LogicalAnd{}, {"bool[4] 0 0 1 1", "bool[4] 0 1 0 1"}, {"bool[4] 0 0 0 1"});
  Check("", ir::LogicalOr{}, {"bool[4] 0 0 1 1", "bool[4] 0 1 0 1"}, {"bool[4] 0 1 1 1"});
  Check("", ir::LogicalXor{}, {"bool[4] 0 0 1 1", "bool[4] 0 1 0 1"}, {"bool[4] 0 1 1 0"});
  Check("NaN", ir::Equal{}, {"f32[2] nan 1", "f32[2] nan 1"}, {"bool[2] 0 1"});
  Check("bool", ir::Equal{}, {"bool[2] 0 1", "bool[1] 1"}, {"bool[2] 0 1"});
  Check("NaN", ir::NotEqual{}, {"f32[2] nan 1", "f32[2] nan 1"}, {"bool[2] 1 0"});
  Check("integers that one double holds", ir::Less{},
        {"i64[1] 9007199254740992", "i64[1] 9007199254740993"}, {"bool[1] 1"});
  Check("u64", ir::Greater{}, {"u64[1] 18446744073709551615", "u64[1] 1"}, {"bool[1] 1"});
  Check("", ir::GreaterEqual{}, {"i8[3] -1 0 1", "i8[] 0"}, {"bool[3] 0 1 1"});
  Check("", ir::LessEqual{}, {"f32[3] -1 0 1", "f32[] 0"}, {"bool[3] 1 1 0"});
  Check("sign of the divisor", ir::Mod{}, {"i32[4] 7 -7 7 -7", "i32[4] 3 3 -3 -3"},
        {"i32[4] 1 2 -2 -1"});
  Check("sign of the dividend", ir::Mod{true}, {"i32[4] 7 -7 7 -7", "i32[4] 3 3 -3 -3"},
        {"i32[4] 1 -1 1 -1"});
  Check("by -1", ir::Mod{}, {"i64[1] -9223372036854775808", "i64[1] -1"}, {"i64[1] 0"});
  Check("", ir::Mod{true}, {"f32[2] 5.5 -5.5", "f32[] 2"}, {"f32[2] 1.5 -1.5"});
  Check("", ir::Mod{}, {"f32[2] 5.5 -5.5", "f32[] 2"}, {"f32[2] 1.5 0.5"});
  Check("three ways", ir::Select{}, {"bool[2, 1] 1 0", "f32[2] 1 2", "f32[] 9"},
        {"f32[2, 2] 1 2 9 9"});
  Check("i64", ir::Select{}, {"bool[2] 1 0", "i64[2] 1 2", "i64[2] 3 4"}, {"i64[2] 1 4"});
}

TEST(ReferenceElementwise, Cast) {
  Check("towards zero", ir::Cast{DType::kI32}, {"f32[3] 1.9 -1.9 0.5"}, {"i32[3] 1 -1 0"});
  Check("what does not fit: the lowest", ir::Cast{DType::kI32}, {"f32[3] 3e9 nan -inf"},
        {"i32[3] -2147483648 -2147483648 -2147483648"});
  Check("u8 keeps low bits", ir::Cast{DType::kU8}, {"f32[3] 255.5 256 -1"}, {"u8[3] 255 0 255"});
  Check("i64", ir::Cast{DType::kI64}, {"f32[2] 3e9 -1e30"},
        {"i64[2] 3000000000 -9223372036854775808"});
  Check("u64", ir::Cast{DType::kU64}, {"f32[1] 1e19"}, {"u64[1] 9999999980506447872"});
  Check("nonzero", ir::Cast{DType::kBool}, {"f32[4] 0 0.1 nan -0"}, {"bool[4] 0 1 1 0"});
  Check("nonzero", ir::Cast{DType::kBool}, {"i64[2] 256 0"}, {"bool[2] 1 0"});
  Check("", ir::Cast{DType::kF32}, {"bool[2] 0 1"}, {"f32[2] 0 1"});
  Check("rounds to nearest", ir::Cast{DType::kF32}, {"i64[1] 16777217"}, {"f32[1] 16777216"}, 0);
  Check("u64", ir::Cast{DType::kF32}, {"u64[1] 18446744073709551615"}, {"f32[1] 1.8446744e19"});
  Check("cut", ir::Cast{DType::kI8}, {"i64[2] 300 -129"}, {"i8[2] 44 127"});
  Check("i4 keeps four bits", ir::Cast{DType::kI4}, {"i32[3] 7 8 -9"}, {"i4[3] 7 -8 7"});
  Check("u4 keeps four bits", ir::Cast{DType::kU4}, {"i32[2] 15 17"}, {"u4[2] 15 1"});
  Check("same", ir::Cast{DType::kI16}, {"i16[1] 5"}, {"i16[1] 5"});
  Check("bf16", ir::Cast{DType::kF32}, {"bf16[1] 1.5"}, {"f32[1] 1.5"});
}

TEST(ReferenceElementwise, Errors) {
  CheckError(ir::Div{}, {"i32[2] 1 2", "i32[2] 1 0"}, kInvalid,
             "integer division by zero: element 1");
  CheckError(ir::Mod{}, {"u8[1] 1", "u8[] 0"}, kInvalid, "integer division by zero");
  CheckError(ir::Add{}, {"f32[2] 1 2", "f32[3] 1 2 3"}, kInvalid, "do not broadcast");
  CheckError(ir::Add{ir::Activation::kTanh}, {"i32[1] 1", "i32[1] 1"}, kUnsupported,
             "fused activation 'tanh' of i32");
  CheckError(ir::Cast{DType::kF16}, {"f32[1] 1"}, kUnsupported, "a cast to f16");
  CheckError(ir::Add{}, {"f32[1] 1", "i32[1] 1"}, kInvalid, "");
  CheckError(ir::Foreign{"HASHTABLE"}, {}, kUnsupported, "'HASHTABLE'");
  CheckError(ir::BroadcastTo{{1 << 20, 1 << 20}}, {"f32[1] 1"}, kInvalid, "is larger than 16 GiB");
}

}  // namespace
}  // namespace g4c::evaluator
