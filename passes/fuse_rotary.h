// fuse-rotary: rotary position embedding, however it is spelled and over however many axes of
// positions, becomes five operators.
//
//   y[c] = a[c] x[c] + b[c] x[p(c)],  p(p(c)) = c  ->  y' = x' * cos + concat(x2, x1) * sin,
//   x1, x2 = split(x'),  x'[i] = x[o(i)],  cos[i] = a[o(i)],  sin[i] = b[o(i)]
//
// The order o puts each channel half a head before its partner: x' is x for one axis of positions
// in halves, [x1, y1, x2, y2] for [x1, x2, y1, y2] (two axes), even before odd channels for pairs
// that lie side by side. Signs (rotate_half's) are in sin. A channel that does not turn (a = 1, b =
// 0) gets such a partner. a and b are constant tables over the other axes of x.
//
// Where o is not the identity, channels are reordered at their source (passes/channel_order.h):
//   q'[i] = q[o(i)], k'[i] = k[o(i)]  ->  sum_i q'[i] k'[i] = sum_c q[c] k[c]
//
// Before: rms_norm and fully_connected are fused. After: every such rotation has this one form,
// with operands in this order. Refuses, and says so in the report: inner values with qparams of
// their own (a Q/DQ graph: each is a rounding that must stay), tables with qparams (of a sign that
// changes), an order that is no identity where q and k do not turn alike, where their channels come
// from no weights, or where another reader could tell. Leaves alone: tables that are no constants,
// sums of more than two terms, an odd number of channels.
#ifndef PASSES_FUSE_ROTARY_H_
#define PASSES_FUSE_ROTARY_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class FuseRotary : public Pass {
 public:
  absl::string_view name() const override { return "fuse-rotary"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_FUSE_ROTARY_H_
