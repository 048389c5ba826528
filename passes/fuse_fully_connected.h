// fuse-fully-connected: a product with constant weights, and the sum after it, become
// fully_connected.
//
//   batch_matmul(x, w [k, n])                  ->  fully_connected(x, w^T)    w^T a view, no copy
//   batch_matmul(x, w [n, k]) {adj_y}          ->  fully_connected(x, w)
//   fully_connected(x, w) + b, b constant [n]  ->  fully_connected(x, w, b)
//   fully_connected(x, w, 0)                   ->  fully_connected(x, w)
//   split(fully_connected(x, w, b), last axis) ->  fully_connected(x, w_1, b_1), ..., rows as views
//
// w may have leading dims of 1. Per-channel qparams of w follow the axis: axis 1 of [k, n] is axis
// 0 of [n, k]. A bias with qparams of its own becomes the numbers that its integers stand for: a
// fully_connected's bias is quantised by the scales of x and w.
//
// Leaves alone: weights with a batch, adj_x, per-channel qparams along k, a product that is also
// read without the sum, a bias that varies along another axis.
#ifndef PASSES_FUSE_FULLY_CONNECTED_H_
#define PASSES_FUSE_FULLY_CONNECTED_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class FuseFullyConnected : public Pass {
 public:
  absl::string_view name() const override { return "fuse-fully-connected"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_FUSE_FULLY_CONNECTED_H_
