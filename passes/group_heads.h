// group-heads: keys and values that several heads share are not copied for each.
//
//   batch_matmul(q [B, H, M, K], repeat(k [B, N, ..], G))
//       ->  reshape(batch_matmul(reshape(q) [B, N, G, M, K], reshape(k) [B, N, 1, ..])),  H = N G
//   batch_matmul(q [B, H, M, K], repeat(k [B, 1, ..], H))  ->  batch_matmul(q, k)
//
// repeat copies each head G times in a row: reshape(broadcast_to(reshape(k))), or a gather of heads
// 0, 0, .., 1, 1, ..; on either side of a transpose. A B of 1 is left out, so that nothing has more
// than four axes. Either operand of the product may be the repeated one. settle-layout moves the
// reshapes to where they vanish.
//
// Leaves alone: copies in another order, of another axis, with qparams of their own, and what reads
// the copies but no product.
#ifndef PASSES_GROUP_HEADS_H_
#define PASSES_GROUP_HEADS_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class GroupHeads : public Pass {
 public:
  absl::string_view name() const override { return "group-heads"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_GROUP_HEADS_H_
