// settle-layout: what works element by element or along the last axis stands behind the reshape
// that takes axes apart and before the transpose that moves them, so that movement on both sides of
// it meets.
//
//   reshape(f(x))   -> f(reshape(x))        where the axes before the last are taken apart or
//   joined f(transpose(x)) -> transpose(f(x))      where the last axis stays more exactly:
//   g(f(h(x)))  ->  t(f(r(x))),  t r = the shortest chain for g h (passes/relayout.h), r its
//   reshape if it starts with one
//
// f is a region with one source: element by element (constants follow the axes), rms_norm and
// softmax, split and concat along the last axis. Before: canonicalize has run. After: every
// exporter's attention has its norms and rotations on [B, S, H, D].
//
// Leaves alone: regions whose inner values, or the values between them and g and h, are read
// elsewhere; where the last axis would not stay one; constants that would grow; requantisations
// within g or h.
#ifndef PASSES_SETTLE_LAYOUT_H_
#define PASSES_SETTLE_LAYOUT_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class SettleLayout : public Pass {
 public:
  absl::string_view name() const override { return "settle-layout"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_SETTLE_LAYOUT_H_
