// idle-clamps: a clamp whose bounds no sample came near goes before other rewrites look for places.
//
//   clamp(x, a, b) -> x,   a < lowest x - m, highest x + m < b,  m = kMargin (highest - lowest)
//
// Exact once quantised: x's range is then what was seen, so that its integers cannot represent what
// the clamp would change. Without this, bounds that never bite would keep gains and scales from
// crossing them, and a model with them would become another file than one without.
//
// Before: canonical form, statistics of it. Leaves alone: a clamp whose range is not known, or
// whose result is a graph output.
#ifndef PASSES_DROP_IDLE_CLAMPS_H_
#define PASSES_DROP_IDLE_CLAMPS_H_

#include "passes/float_rewrite.h"

namespace g4c::passes {

class DropIdleClamps : public FloatRewrite {
 public:
  // More than two steps of 8 bits: a range is widened to hold 0 at an integer.
  static constexpr double kMargin = 0.02;

  using FloatRewrite::FloatRewrite;
  absl::string_view name() const override { return "idle-clamps"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;

 protected:
  std::vector<RewriteSite> Find(const ir::Graph& graph) const override;
  absl::optional<std::vector<float>> Choose(const ir::Graph& graph, const RewriteSite& site,
                                            const RewriteLog& log) const override;
  void Apply(ir::Graph& graph, const RewriteSite& site,
             absl::Span<const float> numbers) const override;
};

}  // namespace g4c::passes

#endif  // PASSES_DROP_IDLE_CLAMPS_H_
