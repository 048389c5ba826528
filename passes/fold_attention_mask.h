// fold-attention-mask: a constant mask becomes one row of keys.
//
//   softmax(s + m)               ->  softmax(s + row)   row[b, .., j] = m[b, .., i, j], valid i
//   softmax(select(c, s, fill))  ->  softmax(s + m)     m = 0 where c, else fill <= kMaskingFill
//   softmax(s + 0)               ->  softmax(s)         an all-valid mask vanishes
//   select(is_nan(p), k, p)      ->  p                  p = softmax(s + m), m leaves each query a
//   key
//
// row has the rank of s: [1, 1, 1, S], or [B, 1, 1, S] where batches differ. The fill stays as it
// is; quantization/mask_fill.h chooses another one from the calibrated logits.
//
// Before: fold-constants and decompose-composites have run; m is a constant. After: no Boolean
// value feeds a softmax. Refuses, and says so in the report: a mask that differs between valid
// queries (or, where no valid rows are known, between any), one that is also read elsewhere, a
// condition under which some query sees no key (its softmax would change). Leaves alone: masks
// without a query axis to drop.
#ifndef PASSES_FOLD_ATTENTION_MASK_H_
#define PASSES_FOLD_ATTENTION_MASK_H_

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "ir/tensor.h"
#include "passes/pass.h"

namespace g4c::passes {

// exp of a logit that was lowered by this much is 0 in f32 beside any other.
inline constexpr float kMaskingFill = -1e4f;

struct MaskOptions {
  // bool [B, S]: which queries are real (BoundInputs::valid). The others' rows are meaningless and
  // may change.
  absl::optional<ir::Tensor> valid;
  // The largest row that is written.
  int64_t max_bytes = int64_t{16} << 20;
};

class FoldAttentionMask : public Pass {
 public:
  explicit FoldAttentionMask(MaskOptions options = {}) : options_(std::move(options)) {}
  absl::string_view name() const override { return "fold-attention-mask"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;

 private:
  absl::StatusOr<bool> FoldAdd(ir::Graph& graph, ir::NodeId id, Report& report);
  bool DropNanGuard(ir::Graph& graph, ir::NodeId id) const;
  absl::StatusOr<bool> FoldSelect(ir::Graph& graph, ir::NodeId id, Report& report);

  MaskOptions options_;
};

}  // namespace g4c::passes

#endif  // PASSES_FOLD_ATTENTION_MASK_H_
