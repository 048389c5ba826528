// query-key: the gains of the norms of q and k are brought to one size, channel by channel.
//
//   rms_norm(q, g) . rms_norm(k, h)  ->  rms_norm(q, g n) . rms_norm(k, h / n)
//   n = sqrt(|h| / |g|)
//
// Channels that a rotary embedding adds to each other share a factor: each channel is followed
// through splits, concatenations, products with constants and sums up to the products of q and k;
// what a sum, or a product, brings together is one class. |g| is the root mean square of a class.
//
// Before: canonical form, no qparams on the gains. Leaves alone: a norm whose result goes anywhere
// but into products with one other norm's over the last axes; gains of one number or that are zero.
#ifndef PASSES_BALANCE_QUERY_KEY_H_
#define PASSES_BALANCE_QUERY_KEY_H_

#include "passes/float_rewrite.h"

namespace g4c::passes {

class BalanceQueryKey : public FloatRewrite {
 public:
  using FloatRewrite::FloatRewrite;
  absl::string_view name() const override { return "query-key"; }

 protected:
  std::vector<RewriteSite> Find(const ir::Graph& graph) const override;
  // From the gains; the samples do not count.
  absl::optional<std::vector<float>> Choose(const ir::Graph& graph, const RewriteSite& site,
                                            const RewriteLog& log) const override;
};

}  // namespace g4c::passes

#endif  // PASSES_BALANCE_QUERY_KEY_H_
