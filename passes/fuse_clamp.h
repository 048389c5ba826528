// fuse-clamp: maximum and minimum with one number, and what is nested of them, become one clamp.
//
//   max(x, a)                    ->  clamp(x, a, inf)
//   min(x, b)                    ->  clamp(x, -inf, b)
//   relu(x)                      ->  clamp(x, 0, inf)
//   clamp(clamp(x, a, b), c, d)  ->  clamp(x, clip(a, c, d), clip(b, c, d))
//   clamp(x, -inf, inf)          ->  x
//
// Only f32; a bound of either infinity on its own side is no bound. The legaliser writes clamps as
// the target has them. Leaves alone: bounds that are no constants or more than one number, NaN
// bounds, a lower bound above the upper one (such a clamp is a constant; no exporter writes it on
// purpose), an inner clamp whose own qparams differ from the outer one's (there the inner range may
// saturate).
#ifndef PASSES_FUSE_CLAMP_H_
#define PASSES_FUSE_CLAMP_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class FuseClamp : public Pass {
 public:
  absl::string_view name() const override { return "fuse-clamp"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_FUSE_CLAMP_H_
