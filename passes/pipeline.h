// The phases of the compiler as explicit lists of passes. What stands between them (binding, QDQ
// import, quantisation, writing) is in the command's own pipeline.
#ifndef PASSES_PIPELINE_H_
#define PASSES_PIPELINE_H_

#include <string>
#include <vector>

#include "passes/float_rewrite.h"
#include "passes/fold_attention_mask.h"
#include "passes/legalize.h"
#include "passes/pass_runner.h"

namespace g4c::passes {

struct PipelineOptions {
  // From BindInputs: which patches are real.
  absl::optional<ir::Tensor> valid;
};

// After: shapes are static and no composite is left; ir::VerifyStatic names what could not be
// settled. Pairs of quantize_linear and dequantize_linear are still there.
PassList FoldPhase(const PipelineOptions& options);

// Before: pairs are imported or dropped. After: the canonical form (docs/design.md), in which every
// idea has one spelling.
PassList CanonicalPhase(const PipelineOptions& options);

// The rewrites of weights that are exact in float, in the order in which they run: the names that
// `--rewrite` takes.
std::vector<std::string> FloatRewriteNames();
// Those of `names`. Before: the canonical form, without qparams. After: still canonical.
PassList RewritePhase(const std::vector<std::string>& names, RewriteLog* log);

// Before: the canonical form, quantised or float. After: operators that Circle has.
PassList LowerPhase();

// Before: every change of qparams is an operator. After: what the target takes. `report` is filled.
PassList LegalizePhase(const ir::Target& target, const LegalizeOptions& options,
                       LegalizeReport* report);

}  // namespace g4c::passes

#endif  // PASSES_PIPELINE_H_
