// fold-position-embeddings: tables that depend on positions only become constants, within a budget
// of their own.
//
//   cos(ids * inv_freq), sin(ids * inv_freq), and what is computed of them  ->  k   (RoPE)
//   gather(table, ids) of a float table, and what is computed of them       ->  k   (table)
//
// A value is folded where everything it depends on is constant and a node that is not constant, or
// a graph output, reads it. Before: fold-constants has run and left them
// (FoldOptions::leave_position_tables). After: no cos, sin or table lookup of constants is left.
// Refuses, and says so in the report: more than `options.max_bytes`.
#ifndef PASSES_FOLD_POSITION_EMBEDDINGS_H_
#define PASSES_FOLD_POSITION_EMBEDDINGS_H_

#include "absl/status/statusor.h"
#include "passes/constant_folder.h"
#include "passes/pass.h"

namespace g4c::passes {

class FoldPositionEmbeddings : public Pass {
 public:
  explicit FoldPositionEmbeddings(FoldOptions options = {int64_t{128} << 20}) : options_(options) {}
  absl::string_view name() const override { return "fold-position-embeddings"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;

 private:
  FoldOptions options_;
};

}  // namespace g4c::passes

#endif  // PASSES_FOLD_POSITION_EMBEDDINGS_H_
