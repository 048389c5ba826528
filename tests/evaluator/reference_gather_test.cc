#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ir::ScatterKind;

constexpr char kSix[] = "f32[2, 3] 1 2 3 4 5 6";

TEST(ReferenceGather, Gather) {
  Check("rows, negative too", ir::Gather{}, {kSix, "i64[3] 1 -2 1"},
        {"f32[3, 3] 4 5 6 1 2 3 4 5 6"});
  Check("a scalar index drops the axis", ir::Gather{1}, {kSix, "i32[] -1"}, {"f32[2] 3 6"});
  Check("a matrix of indices", ir::Gather{-1}, {"u8[3] 7 8 9", "i64[2, 2] 0 1 2 0"},
        {"u8[2, 2] 7 8 9 7"});
  Check("bf16 stays bf16", ir::Gather{}, {"bf16[2] 1 2", "i64[1] 1"}, {"bf16[1] 2"});
  Check("whole rows", ir::GatherNd{}, {kSix, "i64[1, 1] 1"}, {"f32[1, 3] 4 5 6"});
  Check("elements", ir::GatherNd{}, {kSix, "i64[2, 2] 0 0 -1 -1"}, {"f32[2] 1 6"});
  // From here on the numbers are ONNX Runtime's where they are not whole.
  Check("batched", ir::GatherNd{1}, {"f32[2, 2, 2] -1 2 2 1.75 0.5 1.25 0 0.75", "i64[2, 1] 1 0"},
        {"f32[2, 2] 2 1.75 0.5 1.25"});
  Check("", ir::GatherElements{1}, {"f32[2, 3] -1.75 -0.25 0 -0.25 -1.25 1", "i64[2, 2] 2 -1 0 1"},
        {"f32[2, 2] 0 0 -0.25 -1.25"});
  CheckError(ir::Gather{}, {kSix, "i64[1] 2"}, kInvalid,
             "index 2 (element 0) is outside of a dimension of 2");
  CheckError(ir::GatherNd{}, {kSix, "i64[1, 2] 0 -4"}, kInvalid,
             "index -4 (element 1) is outside of a dimension of 3");
  CheckError(ir::GatherElements{}, {kSix, "i64[1, 4] 0 0 0 0"}, kInvalid,
             "indices of [1, 4] into [2, 3]");
}

TEST(ReferenceGather, Scatter) {
  Check("the last of two wins", ir::ScatterNd{}, {"i64[3] 1 2 3", "i64[2, 1] 0 0", "i64[2] 7 8"},
        {"i64[3] 8 2 3"});
  Check("add", ir::ScatterElements{0, ScatterKind::kAdd},
        {"f32[3, 2] -0.5 0.25 1.75 -1.25 1 0.5", "i64[2, 2] 0 2 0 -1",
         "f32[2, 2] -1.5 -1.75 0.75 -1.25"},
        {"f32[3, 2] -1.25 0.25 1.75 -1.25 1 -2.5"});
  Check("mul of rows", ir::ScatterNd{ScatterKind::kMul},
        {"f32[3, 2] 1 -1 -1.75 -2 -0.25 -1", "i64[3, 1] 0 2 0",
         "f32[3, 2] -1.25 -0.75 -0.5 -1.25 -1.5 0"},
        {"f32[3, 2] 1.875 0 -1.75 -2 0.125 1.25"});
  Check("max", ir::ScatterNd{ScatterKind::kMax},
        {"f32[3] -1.75 -1 -2", "i64[3, 1] 0 2 0", "f32[3] 1.25 0.25 -0.75"},
        {"f32[3] 1.25 -1 0.25"});
  Check("min", ir::ScatterElements{1, ScatterKind::kMin},
        {"i32[1, 2] 5 6", "i64[1, 1] 1", "i32[1, 1] 3"}, {"i32[1, 2] 5 3"});
  CheckError(ir::ScatterNd{}, {"i64[3] 1 2 3", "i64[1, 1] 3", "i64[1] 0"}, kInvalid, "index 3");
}

TEST(ReferenceGather, Indices) {
  Check("outside is off", ir::OneHot{0}, {"i64[4] 0 -1 3 5", "i64[] 3", "f32[2] 0.5 2"},
        {"f32[3, 4] 2 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 2 0.5 0.5"});
  Check("last axis, float indices, bool values", ir::OneHot{},
        {"f32[2] 1 0", "f32[1] 2", "bool[2] 0 1"}, {"bool[2, 2] 0 1 1 0"});
  Check("", ir::ShapeOf{}, {kSix}, {"i64[2] 2 3"});
  Check("clamped", ir::ShapeOf{-1, 9}, {kSix}, {"i64[1] 3"});
  Check("of a scalar", ir::ShapeOf{}, {"f32[] 1"}, {"i64[0]"});
  Check("NaN is nonzero", ir::NonZero{}, {"f32[2, 2] 0 nan 3 0"}, {"i64[2, 2] 0 1 1 0"});
  Check("bool, none", ir::NonZero{}, {"bool[2] 0 0"}, {"i64[1, 0]"});
  Check("of a scalar", ir::NonZero{}, {"i64[] 5"}, {"i64[0, 1]"});
  Check("", ir::Range{}, {"i64[] 2", "i64[] -3", "i64[] -2"}, {"i64[3] 2 0 -2"});
  Check("", ir::Range{}, {"f32[] 0", "f32[] 1", "f32[] 0.4"}, {"f32[3] 0 0.4 0.8"});
  Check("none", ir::Range{}, {"i32[] 2", "i32[] 2", "i32[] 1"}, {"i32[0]"});
  CheckError(ir::Range{}, {"i64[] 0", "i64[] 5", "i64[] 0"}, kInvalid, "step of 0");
}

TEST(ReferenceGather, QuantizeLinear) {
  // ONNX Runtime's numbers.
  Check("half to even, saturates", ir::QuantizeLinear{-1, DType::kU8},
        {"f32[5] -0.25 0.25 0.75 100 0.3", "f32[] 0.5", "u8[] 3"}, {"u8[5] 3 3 5 203 4"});
  Check("per channel", ir::QuantizeLinear{0, DType::kI8},
        {"f32[2, 2] 1 200 1 -1", "f32[2] 1 0.5", "i8[2] 0 1"}, {"i8[2, 2] 1 127 3 -1"});
  Check("i4, no zero point", ir::QuantizeLinear{-1, DType::kI4}, {"f32[2] 9 -3", "f32[1] 1"},
        {"i4[2] 7 -3"});
  Check("u16", ir::QuantizeLinear{-1, DType::kU16}, {"f32[1] 1e9", "f32[] 1", "u16[] 7"},
        {"u16[1] 65535"});
  Check("", ir::DequantizeLinear{}, {"u8[2] 0 255", "f32[] 0.5", "u8[] 3"}, {"f32[2] -1.5 126"});
  Check("per channel of the last axis", ir::DequantizeLinear{1},
        {"i8[1, 2] 3 -128", "f32[2] 0.5 2", "i8[2] 1 0"}, {"f32[1, 2] 1 -256"});
  Check("i32", ir::DequantizeLinear{}, {"i32[1] -2147483648", "f32[] 1"}, {"f32[1] -2147483648"});
  CheckError(ir::QuantizeLinear{-1, DType::kU8}, {"f32[2] 0 nan", "f32[] 1", "u8[] 0"}, kInvalid,
             "element 1 to be quantised is NaN");
}

}  // namespace
}  // namespace g4c::evaluator
