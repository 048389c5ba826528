// norm-gains: the gain of an RMS norm moves into the linears that read it.
//
//   linear(rms_norm(x, g), W)  ->  linear(rms_norm(x), W g),   column c of W times g_c
//
// Rounding loses less: the norm's channels then have about one size and share one range well, while
// weights have a range for each row anyway; and the gain, stored in the activations' dtype, is
// exactly 1.
//
// Before: canonical form, no qparams on the constants. Leaves alone: a norm that anything but
// linears reads (behind reshapes and transposes that keep rows).
#ifndef PASSES_FOLD_NORM_GAINS_H_
#define PASSES_FOLD_NORM_GAINS_H_

#include "passes/float_rewrite.h"

namespace g4c::passes {

class FoldNormGains : public FloatRewrite {
 public:
  using FloatRewrite::FloatRewrite;
  absl::string_view name() const override { return "norm-gains"; }

 protected:
  std::vector<RewriteSite> Find(const ir::Graph& graph) const override;
  void Apply(ir::Graph& graph, const RewriteSite& site,
             absl::Span<const float> numbers) const override;
};

}  // namespace g4c::passes

#endif  // PASSES_FOLD_NORM_GAINS_H_
