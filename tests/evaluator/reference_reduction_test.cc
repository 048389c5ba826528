#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::ReduceKind;

constexpr char kSix[] = "f32[2, 3] 1 2 3 4 5 6";

TEST(ReferenceReduction, Reductions) {
  Check("last axis", ir::ReduceSum{{1}, true}, {kSix}, {"f32[2, 1] 6 15"});
  Check("first axis, dropped", ir::ReduceSum{{0}, false}, {kSix}, {"f32[3] 5 7 9"});
  Check("all", ir::ReduceMean{{0, 1}, false}, {kSix}, {"f32[] 3.5"});
  Check("no axes", ir::ReduceMean{{}, true}, {kSix}, {kSix});
  Check("middle axis", ir::ReduceMax{{1}, false}, {"i32[1, 2, 2] 1 5 3 4"}, {"i32[1, 2] 3 5"});
  Check("NaN wins", ir::ReduceMax{{0}, false}, {"f32[3] 1 nan 2"}, {"f32[] nan"});
  Check("", ir::ReduceMin{{0}, false}, {"f32[3] 1 -2 2"}, {"f32[] -2"});
  Check("u64 beyond int64", ir::ReduceMax{{0}, false}, {"u64[2] 1 18446744073709551615"},
        {"u64[] 18446744073709551615"});
  Check("wraps", ir::ReduceProd{{0}, false}, {"u8[3] 16 16 3"}, {"u8[] 0"});
  Check("", ir::ReduceProd{{0}, false}, {"f32[3] 2 -3 0.5"}, {"f32[] -3"});
  Check("integer mean is cut", ir::ReduceMean{{0}, false}, {"i32[3] -1 -2 -2"}, {"i32[] -1"});
  Check("sum of nothing", ir::ReduceSum{{0}, false}, {"f32[0, 2]"}, {"f32[2] 0 0"});
  Check("product of nothing", ir::ReduceProd{{0}, false}, {"i64[0]"}, {"i64[] 1"});
  Check("mean of nothing", ir::ReduceMean{{0}, false}, {"f32[0]"}, {"f32[] nan"});
  Check("maximum of nothing", ir::ReduceMax{{0}, false}, {"f32[0]"}, {"f32[] -inf"});
  Check("minimum of nothing", ir::ReduceMin{{0}, false}, {"i8[0]"}, {"i8[] 127"});
  // 2^24 + 1 + ... + 1 stays 2^24 in f32 sums.
  Check("sums in f64", ir::ReduceSum{{0}, false}, {"f32[5] 16777216 1 1 1 1"}, {"f32[] 16777220"},
        0);
  CheckError(ir::ReduceMean{{0}, false}, {"i32[0]"}, kInvalid, "the mean of no integers");
}

TEST(ReferenceReduction, DynamicReduce) {
  Check("no axes: all", ir::DynamicReduce{ReduceKind::kSum, false}, {kSix, "-"}, {"f32[] 21"});
  Check("empty axes: all", ir::DynamicReduce{ReduceKind::kMax, true}, {kSix, "i64[0]"},
        {"f32[1, 1] 6"});
  Check("empty axes: none", ir::DynamicReduce{ReduceKind::kMin, true, true}, {kSix, "i64[0]"},
        {kSix});
  Check("negative axis", ir::DynamicReduce{ReduceKind::kMean, true}, {kSix, "i64[1] -2"},
        {"f32[1, 3] 2.5 3.5 4.5"});
  Check("", ir::DynamicReduce{ReduceKind::kProd, false}, {kSix, "i64[1] 1"}, {"f32[2] 6 120"});
}

TEST(ReferenceReduction, Softmax) {
  Check("large logits", ir::Softmax{}, {"f32[1, 2] 1000 1001"}, {"f32[1, 2] 0.2689414 0.7310586"});
  Check("beta", ir::Softmax{2}, {"f32[2] 0 0.5"}, {"f32[2] 0.2689414 0.7310586"});
  Check("masked", ir::Softmax{}, {"f32[3] 0 -inf -3.4e38"}, {"f32[3] 1 0 0"});
  Check("all masked", ir::Softmax{}, {"f32[2] -inf -inf"}, {"f32[2] nan nan"});
  Check("first axis", ir::SoftmaxAxis{0}, {"f32[2, 2] 0 1 1 1"},
        {"f32[2, 2] 0.2689414 0.5 0.7310586 0.5"});
  Check("negative axis", ir::SoftmaxAxis{-2}, {"f32[2, 1] 0 1"}, {"f32[2, 1] 0.2689414 0.7310586"});
}

TEST(ReferenceReduction, Norms) {
  Check("", ir::RmsNorm{0}, {"f32[2] 3 4"}, {"f32[2] 0.8485281 1.1313708"});
  Check("gain, epsilon", ir::RmsNorm{3.5f}, {"f32[1, 2] 3 4", "f32[2] 1 -2"},
        {"f32[1, 2] 0.75 -2"});
  Check("one gain for all", ir::RmsNorm{3.5f}, {"f32[1, 2] 3 4", "f32[1] 2"}, {"f32[1, 2] 1.5 2"});
  Check("over two axes", ir::RmsNormAxes{0, 0}, {"f32[2, 2] 1 1 1 5", "f32[2] 1 2"},
        {"f32[2, 2] 0.3779645 0.7559289 0.3779645 3.7796447"});
  Check("", ir::L2Norm{}, {"f32[2, 2] 3 4 0 0"}, {"f32[2, 2] 0.6 0.8 0 0"});
  // ONNX Runtime's numbers.
  Check("scale and bias", ir::LayerNorm{-1, 0.5f},
        {"f32[2, 4] -1 -1.25 -0.25 0 1.25 -0.75 -2 0", "f32[4] 1.75 1.75 0.75 -1",
         "f32[4] -0.25 1.25 0.5 1.5"},
        {"f32[2, 4] -1 0 0.8214285 0.7857143 1.818182 0.7727273 -0.3863636 1.227273"});
  Check("over two axes", ir::LayerNorm{1},
        {"f32[1, 2, 2] -1.25 0.25 -1.5 0.75", "f32[2, 2] 1.25 -1.75 -0.5 0.5",
         "f32[2, 2] 2 2 -1.25 0.5"},
        {"f32[1, 2, 2] 0.9399726 0.7442753 -0.6955242 1.119708"});
  Check("no scale", ir::LayerNorm{-1, 0}, {"f32[2] 1 3", "-", "f32[2] 1 1"}, {"f32[2] 0 2"});
}

TEST(ReferenceReduction, CumSum) {
  Check("", ir::CumSum{}, {"f32[2, 2] 1 2 3 4", "i64[] 0"}, {"f32[2, 2] 1 2 4 6"});
  Check("negative axis of shape [1]", ir::CumSum{}, {"i64[2, 2] 1 2 3 4", "i32[1] -1"},
        {"i64[2, 2] 1 3 3 7"});
  // ONNX Runtime's numbers.
  Check("exclusive, reverse", ir::CumSum{true, true},
        {"f32[2, 3] -1.25 -0.5 -0.25 -2 -0.75 0.75", "i64[] 1"},
        {"f32[2, 3] -0.75 -0.25 0 0 0.75 0"});
}

}  // namespace
}  // namespace g4c::evaluator
