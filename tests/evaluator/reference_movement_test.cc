#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::PadMode;

constexpr char kSix[] = "f32[2, 3] 1 2 3 4 5 6";

TEST(ReferenceMovement, Views) {
  Check("", ir::Reshape{{3, 2}}, {kSix}, {"f32[3, 2] 1 2 3 4 5 6"});
  Check("", ir::Transpose{{1, 0}}, {kSix}, {"f32[3, 2] 1 4 2 5 3 6"});
  Check("of bf16 stays bf16", ir::Transpose{{1, 0}}, {"bf16[1, 2] 1 2"}, {"bf16[2, 1] 1 2"});
  Check("backwards", ir::Slice{{1, 2}, {1, 2}, {1, -2}}, {kSix}, {"f32[1, 2] 6 4"});
  Check("of nothing", ir::Slice{{0, 0}, {0, 3}, {1, 1}}, {kSix}, {"f32[0, 3]"});
  Check("negative axis", ir::Split{-1, {1, 2}}, {kSix}, {"f32[2, 1] 1 4", "f32[2, 2] 2 3 5 6"});
  Check("", ir::Unpack{1}, {kSix}, {"f32[2] 1 4", "f32[2] 2 5", "f32[2] 3 6"});
  Check("", ir::BroadcastTo{{2, 2, 1}}, {"i64[2, 1] 1 2"}, {"i64[2, 2, 1] 1 2 1 2"});
  Check("", ir::DynamicReshape{}, {kSix, "i64[3] 0 -1 1"}, {"f32[2, 3, 1] 1 2 3 4 5 6"});
  Check("zero means zero", ir::DynamicReshape{true}, {"f32[0, 3]", "i64[2] 5 0"}, {"f32[5, 0]"});
  Check("", ir::DynamicSqueeze{}, {"f32[1, 2, 1] 1 2", "-"}, {"f32[2] 1 2"});
  Check("", ir::DynamicSqueeze{}, {"f32[1, 2, 1] 1 2", "i64[1] -1"}, {"f32[1, 2] 1 2"});
  Check("", ir::DynamicUnsqueeze{}, {"f32[2] 1 2", "i64[2] -1 0"}, {"f32[1, 2, 1] 1 2"});
  Check("both ways", ir::DynamicExpand{}, {"f32[2, 1] 1 2", "i64[1] 3"}, {"f32[2, 3] 1 1 1 2 2 2"});
  Check("negative start, huge end, step back", ir::DynamicSlice{},
        {"i32[4] 1 2 3 4", "i64[1] -1", "i64[1] -9223372036854775808", "i64[1] 0", "i64[1] -2"},
        {"i32[2] 4 2"});
  Check("no axes, no steps", ir::DynamicSlice{}, {kSix, "i64[1] 1", "i64[1] 9"},
        {"f32[1, 3] 4 5 6"});
  Check("equal pieces, the last smaller", ir::DynamicSplit{0}, {"i64[5] 1 2 3 4 5"},
        {"i64[2] 1 2", "i64[2] 3 4", "i64[1] 5"});
  Check("sizes", ir::DynamicSplit{1}, {kSix, "i64[2] 2 1"}, {"f32[2, 2] 1 2 4 5", "f32[2, 1] 3 6"});
  Check("a piece of scalar size", ir::SplitItem{}, {"i64[5] 1 2 3 4 5", "i64[] 2", "i64[] -1"},
        {"i64[1] 5"});
  Check("a piece of size 1 loses its axis", ir::SplitItem{0, false}, {kSix, "-", "i64[] 1"},
        {"f32[3] 4 5 6"});
  Check("", ir::SequenceItem{}, {"i64[] -1", "f32[1] 1", "f32[2] 2 3"}, {"f32[2] 2 3"});
  Check("the other one is not there", ir::Choose{}, {"bool[] 0", "-", "f32[1] 2"}, {"f32[1] 2"});
  Check("", ir::Choose{}, {"bool[1] 1", "f32[1] 1", "f32[2] 2 3"}, {"f32[1] 1"});
}

TEST(ReferenceMovement, ViewsShareStorage) {
  const ir::Tensor x = Literal(kSix);
  const ir::Tensor* operand = &x;
  for (const ir::Op& op :
       {ir::Op(ir::Transpose{{1, 0}}), ir::Op(ir::Reshape{{6}}),
        ir::Op(ir::Slice{{0, 0}, {1, 2}, {1, 1}}), ir::Op(ir::BroadcastTo{{4, 2, 3}})}) {
    ASSERT_OK_AND_ASSIGN(const auto results, EvaluateNode(op, {&operand, 1}, 1));
    EXPECT_EQ(results[0].bytes(), x.bytes()) << ir::OpName(op);
  }
}

TEST(ReferenceMovement, Copies) {
  Check("middle axis", ir::Concat{1}, {kSix, "f32[2, 1] 7 8"}, {"f32[2, 4] 1 2 3 7 4 5 6 8"});
  Check("negative axis, an empty part", ir::Concat{-2},
        {"u8[1, 2] 1 2", "u8[0, 2]", "u8[1, 2] 3 4"}, {"u8[2, 2] 1 2 3 4"});
  Check("bf16 beside f32", ir::Concat{0}, {"bf16[1] 1.5", "f32[1] 0.1"}, {"f32[2] 1.5 0.1"});
  Check("", ir::Pack{1}, {"i64[2] 1 2", "i64[2] 3 4"}, {"i64[2, 2] 1 3 2 4"});
  Check("negative axis counts in the result's rank", ir::Pack{-1}, {"f32[] 1", "f32[] 2"},
        {"f32[2] 1 2"});
  Check("", ir::Tile{{2, 1}}, {"f32[1, 2] 1 2"}, {"f32[2, 2] 1 2 1 2"});
  Check("", ir::Tile{{1, 2}}, {"i8[2, 2] 1 2 3 4"}, {"i8[2, 4] 1 2 1 2 3 4 3 4"});
  Check("no times", ir::DynamicTile{}, {"f32[2] 1 2", "i64[1] 0"}, {"f32[0]"});
  Check("constant", ir::Pad{{1, 0}, {0, 1}, PadMode::kConstant, 7}, {"i32[1, 2] 1 2"},
        {"i32[2, 3] 7 7 7 1 2 7"});
  Check("-inf", ir::Pad{{0}, {1}, PadMode::kConstant, -INFINITY}, {"f32[1] 1"}, {"f32[2] 1 -inf"});
  Check("reflect", ir::Pad{{2}, {2}, PadMode::kReflect}, {"f32[3] 1 2 3"},
        {"f32[7] 3 2 1 2 3 2 1"});
  Check("edge", ir::Pad{{2}, {1}, PadMode::kEdge}, {"f32[3] 1 2 3"}, {"f32[6] 1 1 1 2 3 3"});
  Check("wrap", ir::Pad{{2}, {1}, PadMode::kWrap}, {"f32[3] 1 2 3"}, {"f32[6] 2 3 1 2 3 1"});
  Check("crops and pads", ir::DynamicPad{}, {"i64[3] 1 2 3", "i64[2] -1 2"}, {"i64[4] 2 3 0 0"});
  Check("value and axes", ir::DynamicPad{}, {"f32[1, 2] 1 2", "i64[2] 1 0", "f32[] 9", "i64[1] -1"},
        {"f32[1, 3] 9 1 2"});
  Check("bool", ir::DynamicPad{}, {"bool[1] 1", "i64[2] 0 1", "bool[] 0"}, {"bool[2] 1 0"});
  Check("upper", ir::Trilu{}, {"f32[2, 3] 1 2 3 4 5 6"}, {"f32[2, 3] 1 2 3 0 5 6"});
  Check("upper, above", ir::Trilu{}, {"f32[2, 3] 1 2 3 4 5 6", "i64[] 1"},
        {"f32[2, 3] 0 2 3 0 0 6"});
  Check("lower, batched", ir::Trilu{false}, {"i64[2, 2, 2] 1 2 3 4 5 6 7 8", "i64[] -1"},
        {"i64[2, 2, 2] 0 0 3 0 0 0 7 0"});
  Check("bool", ir::Trilu{false}, {"bool[2, 2] 1 1 1 1"}, {"bool[2, 2] 1 0 1 1"});
}

TEST(ReferenceMovement, Errors) {
  CheckError(ir::DynamicReshape{}, {kSix, "i64[1] 4"}, kInvalid, "cannot reshape");
  CheckError(ir::Slice{{0, 2}, {2, 2}, {1, 1}}, {kSix}, kInvalid, "leaves axis 1");
  CheckError(ir::SequenceItem{}, {"i64[] 2", "f32[1] 1", "f32[1] 1"}, kInvalid,
             "item 2 of a sequence of 2");
  CheckError(ir::DynamicPad{PadMode::kEdge}, {"f32[0]", "i64[2] 1 0"}, kInvalid,
             "nothing to pad an empty axis with");
  CheckError(ir::DynamicTile{}, {"f32[1] 1", "i64[1] 10000000000"}, kInvalid,
             "is larger than 16 GiB");
}

}  // namespace
}  // namespace g4c::evaluator
