#include "passes/common_subexpressions.h"

#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(CommonSubexpressions,
                      {
                          {"equal nodes are one, transitively", R"(graph g {
  in %x: f32[4]
  %a = exp(%x): f32[4]
  %b = exp(%x): f32[4]
  %c = neg(%a): f32[4]
  %d = neg(%b): f32[4]
  %y = mul(%c, %d): f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  %a = exp(%x): f32[4]
  %c = neg(%a): f32[4]
  %y = mul(%c, %c): f32[4]
  out %y
})",
                           0},
                          {"equal constants are one", R"(graph g {
  in %x: f32[4]
  k %a: f32[4] = seeded(1)
  k %b: f32[4] = seeded(1)
  %c = mul(%x, %a): f32[4]
  %d = mul(%x, %b): f32[4]
  %y = add(%c, %d): f32[4]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  k %a: f32[4] = seeded(1)
  %c = mul(%x, %a): f32[4]
  %y = add(%c, %c): f32[4]
  out %y
})",
                           0},
                          {"equal splits are one", R"(graph g {
  in %x: f32[4]
  %a, %b = split(%x) {axis: 0, sizes: [2, 2]}: f32[2], f32[2]
  %c, %d = split(%x) {axis: 0, sizes: [2, 2]}: f32[2], f32[2]
  %y = concat(%d, %a, %b, %c) {axis: 0}: f32[8]
  out %y
})",
                           R"(graph g {
  in %x: f32[4]
  %a, %b = split(%x) {axis: 0, sizes: [2, 2]}: f32[2], f32[2]
  %y = concat(%b, %a, %b, %a) {axis: 0}: f32[8]
  out %y
})",
                           0},
                          {"a result without qparams takes part, other qparams do not", R"(graph g {
  in %x: f32[4] q(u8 0.5:0)
  %a = exp(%x): f32[4] q(u8 0.25:0)
  %b = exp(%x): f32[4]
  %c = exp(%x): f32[4] q(u8 0.125:0)
  %d = mul(%a, %b): f32[4] q(u8 0.5:0)
  %y = mul(%d, %c): f32[4] q(u8 0.5:0)
  out %y
})",
                           R"(graph g {
  in %x: f32[4] q(u8 0.5:0)
  %a = exp(%x): f32[4] q(u8 0.25:0)
  %c = exp(%x): f32[4] q(u8 0.125:0)
  %d = mul(%a, %a): f32[4] q(u8 0.5:0)
  %y = mul(%d, %c): f32[4] q(u8 0.5:0)
  out %y
})",
                           0},
                          {"other attributes, operands, order and types stay", R"(graph g {
  in %x: f32[4]
  in %z: f32[4]
  k %a: f32[1] = [1]
  k %b: f32[] = [1]
  k %c: i64[1] = [1]
  k %d: i32[1] = [1]
  %e = sub(%x, %z): f32[4]
  %f = sub(%z, %x): f32[4]
  %g = clamp(%e) {min: 0, max: 1}: f32[4]
  %h = clamp(%e) {min: 0, max: 2}: f32[4]
  %i = mul(%g, %a): f32[4]
  %j = mul(%h, %b): f32[4]
  %k = gather(%i, %c): f32[1]
  %l = gather(%j, %d): f32[1]
  %y = concat(%k, %l, %f) {axis: 0}: f32[6]
  out %y
})",
                           kUnchanged},
                          {"equal constants with other qparams stay", R"(graph g {
  in %x: f32[4] q(u8 0.5:0)
  k %a: f32[4] q(u8 0.5:0) = seeded(1)
  k %b: f32[4] q(u8 0.25:0) = seeded(1)
  %c = mul(%x, %a): f32[4] q(u8 0.5:0)
  %y = mul(%c, %b): f32[4] q(u8 0.5:0)
  out %y
})",
                           kUnchanged},
                      });

TEST(CommonSubexpressions, LargeConstantsAreComparedByPlaceOnly) {
  ir::Graph graph = ParseOrDie("graph g {\n  in %x: f32[1, 2]\n  out %x\n}");
  const ir::Tensor data = ir::Tensor::Allocate(ir::DType::kF32, {1 << 18, 2});
  const auto add_product = [&](ir::Tensor weight, const char* name) {
    const ir::ValueId w = graph.AddConstant("w", std::move(weight));
    absl::StatusOr<ir::ValueId> y =
        graph.AddInferred(ir::FullyConnected{}, {graph.inputs()[0], w, ir::kNoValue}, name, {});
    ASSERT_OK(y);
    graph.AddOutput(name, *y);
  };
  add_product(data, "same");
  add_product(data, "same_again");
  add_product(ir::Tensor::Allocate(ir::DType::kF32, {1 << 18, 2}), "other");
  CommonSubexpressions pass;
  Report report;
  EXPECT_THAT(pass.Run(graph, report), IsOkAndHolds(true));
  EXPECT_EQ(graph.outputs()[1].value, graph.outputs()[2].value);
  EXPECT_NE(graph.outputs()[1].value, graph.outputs()[3].value);
}

}  // namespace
}  // namespace g4c::passes
