// fuse-rms-norm: every spelling of an RMS norm over the last axis becomes rms_norm.
//
//   x * (mean(x^2) + epsilon)^-0.5 [* gain]     ->  rms_norm(x, gain) {epsilon}
//   x / sqrt(mean(x^2) + epsilon) [* gain]      ->  the same
//   rms_norm(x) * gain, gain a constant that varies along the last axis only  ->  rms_norm(x, gain)
//
// The factors come in any order; the mean may be sum / C or sum * (1 / C); a gain of ones is none.
// Before: canonicalize has run (powers are squares and roots, casts are gone, reductions keep
// dims). After: none of these spellings is left.
//
// Leaves alone: another axis, an epsilon that is no constant, a mean of another value, a gain that
// varies along another axis or that is no constant. Qparams of values inside go with them and are
// counted.
#ifndef PASSES_FUSE_RMS_NORM_H_
#define PASSES_FUSE_RMS_NORM_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class FuseRmsNorm : public Pass {
 public:
  absl::string_view name() const override { return "fuse-rms-norm"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_FUSE_RMS_NORM_H_
