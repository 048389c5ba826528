// canonicalize: one spelling for what exporters write in many.
//
// Runs the small rewrites of passes/rewrites.h on every node, producers first, until no node
// changes. Before: shapes are static. After: no identity, no double movement, no constant larger
// than its reader needs, no slices that are a split.
#ifndef PASSES_CANONICALIZE_H_
#define PASSES_CANONICALIZE_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class Canonicalize : public Pass {
 public:
  absl::string_view name() const override { return "canonicalize"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_CANONICALIZE_H_
