#include "passes/fuse_fully_connected.h"

#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

INSTANTIATE_PASS_TEST(FuseFullyConnected,
                      {
                          {"weights [k, n] become their transposed view", R"(graph g {
  in %x: f32[1, 3, 2]
  k %w: f32[2, 4] = [1, 2, 3, 4, 5, 6, 7, 8]
  %y = batch_matmul(%x, %w): f32[1, 3, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[1, 3, 2]
  k %w: f32[4, 2] = [1, 5, 2, 6, 3, 7, 4, 8]
  %y = fully_connected(%x, %w, -): f32[1, 3, 4]
  out %y
})"},
                          {"weights [n, k] with adj_y stay", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  %y = batch_matmul(%x, %w) {adj_y: true}: f32[3, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  %y = fully_connected(%x, %w, -): f32[3, 4]
  out %y
})"},
                          {"leading dims of 1 that x has not are put back", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[1, 1, 2, 2] = [1, 2, 3, 4]
  %y = batch_matmul(%x, %w): f32[1, 1, 3, 2]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[2, 2] = [1, 3, 2, 4]
  %n = fully_connected(%x, %w, -): f32[3, 2]
  %y = reshape(%n) {shape: [1, 1, 3, 2]}: f32[1, 1, 3, 2]
  out %y
})"},
                          {"a bias on either side", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[1, 4] = seeded(2)
  %p = fully_connected(%x, %w, -): f32[3, 4]
  %y = add(%b, %p): f32[3, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[4] = seeded(2)
  %y = fully_connected(%x, %w, %b): f32[3, 4]
  out %y
})"},
                          {"a bias of one number", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[] = [0.5]
  %p = fully_connected(%x, %w, -): f32[3, 4]
  %y = add(%p, %b): f32[3, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[4] = splat(0.5)
  %y = fully_connected(%x, %w, %b): f32[3, 4]
  out %y
})"},
                          {"a bias of zeros is none", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[4] = splat(0)
  %y = fully_connected(%x, %w, %b): f32[3, 4]
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  %y = fully_connected(%x, %w, -): f32[3, 4]
  out %y
})"},
                          {"per-channel qparams follow the axis", R"(graph g {
  in %x: f32[3, 2] q(u8 0.1:3)
  k %w: f32[2, 2] q(i8 per_channel 1 [0.5, 0.25] [0, 0]) = [1, 2, 3, 4]
  %y = batch_matmul(%x, %w): f32[3, 2] q(u8 0.2:5)
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2] q(u8 0.1:3)
  k %w: f32[2, 2] q(i8 per_channel 0 [0.5, 0.25] [0, 0]) = [1, 3, 2, 4]
  %y = fully_connected(%x, %w, -): f32[3, 2] q(u8 0.2:5)
  out %y
})"},
                          {"a bias with qparams becomes what its integers stand for", R"(graph g {
  in %x: f32[3, 2] q(u8 0.1:3)
  k %w: f32[2, 2] q(i8 0.5:0) = [1, 2, 3, 4]
  k %b: f32[2] q(u8 0.5:0) = [0.6, 1.9]
  %p = fully_connected(%x, %w, -): f32[3, 2] q(u8 0.3:5)
  %y = add(%p, %b): f32[3, 2] q(u8 0.2:5)
  out %y
})",
                           R"(graph g {
  in %x: f32[3, 2] q(u8 0.1:3)
  k %w: f32[2, 2] q(i8 0.5:0) = [1, 2, 3, 4]
  k %b: f32[2] = [0.5, 2]
  %y = fully_connected(%x, %w, %b): f32[3, 2] q(u8 0.2:5)
  out %y
})",
                           0, /*evaluate=*/false},
                          {"kept with per-channel qparams along k", R"(graph g {
  in %x: f32[3, 2] q(u8 0.1:3)
  k %w: f32[2, 2] q(i8 per_channel 0 [0.5, 0.25] [0, 0]) = [1, 2, 3, 4]
  %y = batch_matmul(%x, %w): f32[3, 2] q(u8 0.2:5)
  out %y
})",
                           kUnchanged},
                          {"kept with weights that have a batch", R"(graph g {
  in %x: f32[5, 3, 2]
  k %w: f32[5, 2, 4] = seeded(1)
  %y = batch_matmul(%x, %w): f32[5, 3, 4]
  out %y
})",
                           kUnchanged},
                          {"kept with x transposed", R"(graph g {
  in %x: f32[2, 3]
  k %w: f32[2, 4] = seeded(1)
  %y = batch_matmul(%x, %w) {adj_x: true}: f32[3, 4]
  out %y
})",
                           kUnchanged},
                          {"one product for several", R"(graph g {
  in %x: f32[1, 3, 2]
  k %w: f32[5, 2] q(i8 per_channel 0 [1, 2, 3, 4, 5] [0, 0, 0, 0, 0]) = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
  k %b: f32[5] = [1, 2, 3, 4, 5]
  %f = fully_connected(%x, %w, %b): f32[1, 3, 5] q(u8 0.5:10)
  %p, %q = split(%f) {axis: 2, sizes: [2, 3]}: f32[1, 3, 2], f32[1, 3, 3] q(u8 0.5:10)
  out %p
  out %q
})",
                           R"(graph g {
  in %x: f32[1, 3, 2]
  k %wp: f32[2, 2] q(i8 per_channel 0 [1, 2] [0, 0]) = [1, 2, 3, 4]
  k %bp: f32[2] = [1, 2]
  k %wq: f32[3, 2] q(i8 per_channel 0 [3, 4, 5] [0, 0, 0]) = [5, 6, 7, 8, 9, 10]
  k %bq: f32[3] = [3, 4, 5]
  %p = fully_connected(%x, %wp, %bp): f32[1, 3, 2] q(u8 0.5:10)
  %q = fully_connected(%x, %wq, %bq): f32[1, 3, 3] q(u8 0.5:10)
  out %p
  out %q
})"},
                          {"kept where a piece is a requantisation", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[5, 2] = seeded(1)
  %f = fully_connected(%x, %w, -): f32[3, 5] q(u8 0.5:10)
  %p, %q = split(%f) {axis: 1, sizes: [2, 3]}: f32[3, 2] q(u8 0.25:10), f32[3, 3] q(u8 0.5:10)
  out %p
  out %q
})",
                           kUnchanged},
                          {"kept where pieces are of rows, or the whole is read", R"(graph g {
  in %x: f32[5, 2]
  k %w: f32[4, 2] = seeded(1)
  %f = fully_connected(%x, %w, -): f32[5, 4]
  %p, %q = split(%f) {axis: 0, sizes: [2, 3]}: f32[2, 4], f32[3, 4]
  %g = fully_connected(%x, %w, -): f32[5, 4]
  %r, %s = split(%g) {axis: 1, sizes: [2, 2]}: f32[5, 2], f32[5, 2]
  out %p
  out %q
  out %r
  out %s
  out %g
})",
                           kUnchanged},
                          {"kept with weights that are computed", R"(graph g {
  in %x: f32[3, 2]
  in %w: f32[2, 4]
  %y = batch_matmul(%x, %w): f32[3, 4]
  out %y
})",
                           kUnchanged},
                          {"kept where the product is read without the sum", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[4] = seeded(2)
  %p = fully_connected(%x, %w, -): f32[3, 4]
  %y = add(%p, %b): f32[3, 4]
  out %y
  out %p
})",
                           kUnchanged},
                          {"kept with a sum along another axis", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[3, 1] = seeded(2)
  %p = fully_connected(%x, %w, -): f32[3, 4]
  %y = add(%p, %b): f32[3, 4]
  out %y
})",
                           kUnchanged},
                          {"kept with a second bias", R"(graph g {
  in %x: f32[3, 2]
  k %w: f32[4, 2] = seeded(1)
  k %b: f32[4] = seeded(2)
  %p = fully_connected(%x, %w, %b): f32[3, 4]
  %y = add(%p, %b): f32[3, 4]
  out %y
})",
                           kUnchanged},
                      });

// The transpose that an exporter writes before its MatMul is folded into a view, and so is the one
// back.
TEST(FuseFullyConnected, NeverCopiesAWeight) {
  ir::Graph graph = ParseOrDie("graph g {\n  in %x: f32[3, 2]\n  out %x\n}");
  const ir::Tensor weight = ir::Tensor::Of<float>(ir::DType::kF32, {2, 2}, {1, 2, 3, 4});
  const ir::ValueId w = graph.AddConstant("w", weight.Transposed({1, 0}));
  ASSERT_OK_AND_ASSIGN(const ir::ValueId y,
                       graph.AddInferred(ir::BatchMatMul{}, {graph.inputs()[0], w}, "y", {}));
  graph.SetOutput(0, y);
  FuseFullyConnected pass;
  Report report;
  EXPECT_THAT(pass.Run(graph, report), IsOkAndHolds(true));
  EXPECT_TRUE(graph.value(graph.Producer(y)->inputs[1]).constant->SameView(weight));
}

}  // namespace
}  // namespace g4c::passes
