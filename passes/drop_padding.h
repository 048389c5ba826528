// drop-padding: padded patches are known, so nothing is computed for them.
//
//   f(x)  ->  pad(f'(slice(x)))   f' is f with V valid patches instead of S, tables and masks cut
//   alike; the rows of its result at valid patches are those of f, the others are zero
//   sum over S of a[i] b[i]  =  sum over V of a[i] b[i]   where a or b is zero at padded patches
//   softmax(s + 0)  ->  softmax(s)   what is left of a mask that only padding had
//
// A graph input that has patches is sliced, an output padded back, or with `shorten_io` both are
// shorter themselves. With a batch, patches go that are padding in all of its rows.
//
// Before: the canonical form, quantised or not; the mask tells the padding. After: VerifyGraph
// holds. Refuses as Unsupported, naming the node: valid patches that are not one run, an operator
// that mixes patches where padding is not known to be zero, and one that has the number of patches
// in its form (flattened with the batch, sliced, gathered).
#ifndef PASSES_DROP_PADDING_H_
#define PASSES_DROP_PADDING_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class DropPadding : public Pass {
 public:
  explicit DropPadding(bool shorten_io) : shorten_io_(shorten_io) {}
  absl::string_view name() const override { return "drop-padding"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;

 private:
  bool shorten_io_;
};

}  // namespace g4c::passes

#endif  // PASSES_DROP_PADDING_H_
