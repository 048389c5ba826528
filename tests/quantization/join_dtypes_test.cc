#include "quantization/join_dtypes.h"

#include <gmock/gmock.h>

#include "ir/text.h"
#include "tests/support/ir_testing.h"

namespace g4c::quantization {
namespace {

Observations Observed(const ir::Graph& graph, const std::string& name, Range range) {
  Observations observations(graph.num_values());
  observations[ValueNamed(graph, name)].range = range;
  return observations;
}

TEST(JoinDTypes, ConvertsOnceForAllReadersOfADType) {
  ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[2] q(i16 0.001:0)
    %a = exp(%x): f32[2] q(u8 0.1:0)
    %b = neg(%x): f32[2] q(u8 0.1:5)
    %c = abs(%x): f32[2] q(i16 0.1:0)
    out %a
    out %b
    out %c
  })");
  EXPECT_EQ(JoinDTypes(graph, Observed(graph, "x", {-1, 1.55f}), ir::QuantOrigin::kCalibrated), 1);
  EXPECT_EQ(ir::PrintGraph(graph), ir::PrintGraph(ParseOrDie(R"(graph g {
    in  %x: f32[2] q(i16 0.001:0)
    %x_u8 = quantize(%x): f32[2] q(u8 0.01:100)
    %a = exp(%x_u8): f32[2] q(u8 0.1:0)
    %b = neg(%x_u8): f32[2] q(u8 0.1:5)
    %c = abs(%x): f32[2] q(i16 0.1:0)
    out %a
    out %b
    out %c
  })")));
}

TEST(JoinDTypes, KeepsFixedRangesBehindMovement) {
  ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[2, 3] q(i16 0.001:0)
    k   %w: f32[3, 4] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    %p = softmax(%x): f32[2, 3] q(i16 0.000030517578125:0)
    %r = reshape(%p) {shape: [2, 3]}: f32[2, 3] q(i16 0.000030517578125:0)
    %y = batch_matmul(%r, %w): f32[2, 4] q(u8 0.1:0)
    out %y
  })");
  EXPECT_EQ(JoinDTypes(graph, {}, ir::QuantOrigin::kCalibrated), 1);
  const ir::Node& product = *graph.Producer(graph.outputs()[0].value);
  EXPECT_EQ(graph.value(product.inputs[0]).quantization,
            ir::Quantization(ir::QuantPerTensor{ir::DType::kU8, 1.0f / 256, 0}));
}

TEST(JoinDTypes, LeavesOneDTypeAlone) {
  ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[2] q(u8 0.1:0)
    %f = exp(%x): f32[2]
    %y = exp(%f): f32[2] q(u8 0.1:0)
    out %y
  })");
  EXPECT_EQ(JoinDTypes(graph, {}, ir::QuantOrigin::kCalibrated), 0);
}

}  // namespace
}  // namespace g4c::quantization
