#include "passes/pipeline.h"

#include <algorithm>

#include "passes/balance_query_key.h"
#include "passes/balance_up_down.h"
#include "passes/batch_heads.h"
#include "passes/canonicalize.h"
#include "passes/common_subexpressions.h"
#include "passes/decompose_composites.h"
#include "passes/drop_idle_clamps.h"
#include "passes/fold_constants.h"
#include "passes/fold_norm_gains.h"
#include "passes/fold_position_embeddings.h"
#include "passes/fuse_clamp.h"
#include "passes/fuse_fully_connected.h"
#include "passes/fuse_gelu.h"
#include "passes/fuse_rms_norm.h"
#include "passes/fuse_rotary.h"
#include "passes/fuse_softmax.h"
#include "passes/group_heads.h"
#include "passes/legalize_circle.h"
#include "passes/rotate_value_heads.h"
#include "passes/settle_layout.h"

namespace g4c::passes {

PassList FoldPhase(const PipelineOptions&) {
  FoldOptions all_but_tables;
  all_but_tables.leave_position_tables = true;
  PassList list("fold");
  list.Add<FoldConstants>(all_but_tables)
      .Add<FoldPositionEmbeddings>()
      .Add<FoldConstants>()
      .Add<DecomposeComposites>();
  return list;
}

PassList CanonicalPhase(const PipelineOptions& options) {
  PassList list("canonical", /*until_stable=*/true);
  list.Add<FoldConstants>()
      .Add<Canonicalize>()
      .Add<FoldAttentionMask>(MaskOptions{options.valid})
      .Add<FuseClamp>()
      .Add<FuseSoftmax>()
      .Add<FuseRmsNorm>()
      .Add<FuseGelu>()
      .Add<FuseFullyConnected>()
      .Add<FuseRotary>()
      .Add<BatchHeads>()
      .Add<GroupHeads>()
      .Add<SettleLayout>()
      .Add<CommonSubexpressions>();
  return list;
}

std::vector<std::string> FloatRewriteNames() {
  return {"norm-gains", "up-down", "query-key", "value-heads", "idle-clamps"};
}

PassList RewritePhase(const std::vector<std::string>& names, RewriteLog* log) {
  PassList list("rewrite");
  const auto wanted = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  // First, so that the others see through them.
  if (wanted("idle-clamps")) list.Add<DropIdleClamps>(log);
  if (wanted("norm-gains")) list.Add<FoldNormGains>(log);
  if (wanted("up-down")) list.Add<BalanceUpDown>(log);
  if (wanted("query-key")) list.Add<BalanceQueryKey>(log);
  if (wanted("value-heads")) list.Add<RotateValueHeads>(log);
  return list;
}

PassList LowerPhase() {
  PassList list("lower");
  list.Add<LegalizeCircle>();
  return list;
}

PassList LegalizePhase(const ir::Target& target, const LegalizeOptions& options,
                       LegalizeReport* report) {
  PassList list("legalise");
  list.Add<Legalize>(target, options, report);
  return list;
}

}  // namespace g4c::passes
