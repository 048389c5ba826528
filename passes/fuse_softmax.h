// fuse-softmax: a softmax that is written out becomes softmax.
//
//   e / sum(e, last axis),  e = exp(x - max(x, last axis))  ->  softmax(x)
//   e / sum(e, last axis),  e = exp(x)                      ->  softmax(x)
//   e * (1 / sum(e, last axis))                             ->  softmax(x)
//
// Before: canonicalize has run (reductions keep dims). Leaves alone: another axis, a sum of another
// value, a shift that is not the maximum of x. Qparams of values inside go with them and are
// counted.
#ifndef PASSES_FUSE_SOFTMAX_H_
#define PASSES_FUSE_SOFTMAX_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class FuseSoftmax : public Pass {
 public:
  absl::string_view name() const override { return "fuse-softmax"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_FUSE_SOFTMAX_H_
