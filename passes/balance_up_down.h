// up-down: channels of a gated product are brought to one size, in the rows of the linear in front
// of it (up_proj) and the columns of the linears behind it (down_proj).
//
//   linear(a * linear(x, U, u), W)  ->  linear(a * linear(x, n U, n u), W / n)
//
// n multiplies row c of U and u and divides column c of W. With b = linear(x, U, u), p = a * b and
// one range for all channels of either, rounding them costs behind W
//   B^2 sum a_c^2 w_c^2 / n_c^2 + P^2 sum w_c^2 / n_c^2,   B = max n_c b_c,  P = max n_c p_c
// where b_c, p_c, w_c are the root mean squares of a channel and its column. For given B and P the
// largest factors are best, n_c = min(B / b_c, P / p_c); what remains is the ratio P / B, which is
// tried in quarter octaves. a_c^2 is taken for p_c^2 / b_c^2.
//
// Before: canonical form, no qparams on the constants. Between U and the product there may be what
// keeps each row (reshape, transpose). Leaves alone: clamps between, a product that anything but
// linears reads, a value between that is read elsewhere, no statistics.
#ifndef PASSES_BALANCE_UP_DOWN_H_
#define PASSES_BALANCE_UP_DOWN_H_

#include "passes/float_rewrite.h"

namespace g4c::passes {

class BalanceUpDown : public FloatRewrite {
 public:
  using FloatRewrite::FloatRewrite;
  absl::string_view name() const override { return "up-down"; }

 protected:
  std::vector<RewriteSite> Find(const ir::Graph& graph) const override;
  absl::optional<std::vector<float>> Choose(const ir::Graph& graph, const RewriteSite& site,
                                            const RewriteLog& log) const override;
};

}  // namespace g4c::passes

#endif  // PASSES_BALANCE_UP_DOWN_H_
