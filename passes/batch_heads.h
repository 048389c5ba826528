// batch-heads: attention that an exporter unrolled head by head is computed for all heads at once.
//
//   concat(f(x_1, c), .., f(x_n, c))  ->  f(x, c),  x_i the pieces of x in order
//
// f is what each head does between its pieces of q, k and v and the concatenation: equal operators,
// at least one batch_matmul among them, on one more axis (or on the axis of 1 that a head has
// already). c is the same value for all heads: a mask, a table, a gain. Pieces are of any axis: of
// the heads, or of the channels of a projection. A piece that several heads in a row share (grouped
// keys and values) is repeated, for group-heads to see. y = concat along the heads' axis, along
// another one (then joined to it by a transpose and a reshape), or a pack.
//
// In a Q/DQ graph the heads' qparams must be equal, operator by operator; where they are not,
// the heads stay and the report says which differ. Refuses the same way a head whose inner values
// are read elsewhere. Leaves alone: heads that differ in what they do, pieces in another order, and
// weights of their own for each head.
#ifndef PASSES_BATCH_HEADS_H_
#define PASSES_BATCH_HEADS_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class BatchHeads : public Pass {
 public:
  absl::string_view name() const override { return "batch-heads"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_BATCH_HEADS_H_
