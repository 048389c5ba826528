// value-heads: the channels of each head of v are mixed, so that all have the same size; attention
// and a norm without a gain do not see it.
//
//   linear(.. P rms_norm(heads of linear(x, V, v)) .., O)
//       ->  linear(.. P rms_norm(heads of linear(x, R V, R v)) .., O R^T),   R R^T = 1
//
// R (passes/head_rotation.h) mixes the rows of V within each head and the columns of O that read
// it; the same R for all heads, so that heads that share a v need no care. All its entries are
// about 1 / sqrt(d), which spreads each large channel over all.
//
// Before: canonical form, no qparams on the constants. From V to O only what leaves the channels of
// each head together: other axes moved, heads split, repeated, joined; products P that sum over
// another axis; norms without a gain, of one head each, of which there must be one (its width is
// d). Leaves alone: everything else, and clamps.
#ifndef PASSES_ROTATE_VALUE_HEADS_H_
#define PASSES_ROTATE_VALUE_HEADS_H_

#include "passes/float_rewrite.h"

namespace g4c::passes {

class RotateValueHeads : public FloatRewrite {
 public:
  using FloatRewrite::FloatRewrite;
  absl::string_view name() const override { return "value-heads"; }

 protected:
  std::vector<RewriteSite> Find(const ir::Graph& graph) const override;
  void Apply(ir::Graph& graph, const RewriteSite& site,
             absl::Span<const float> numbers) const override;
};

}  // namespace g4c::passes

#endif  // PASSES_ROTATE_VALUE_HEADS_H_
