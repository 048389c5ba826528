// The small rewrites of `canonicalize`: free functions, each with its line of algebra beside its
// definition.
//
// Each looks at one node and says whether it changed the graph. Values that a rewrite frees stay
// until EraseDead. A rewrite that drops an identity leaves it where the two sides have different
// qparams (ReplaceByEqual).
#ifndef PASSES_REWRITES_H_
#define PASSES_REWRITES_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ir/graph.h"

namespace g4c::passes {

struct Rewrite {
  absl::string_view name;  // counted in the report
  absl::StatusOr<bool> (*run)(ir::Graph& graph, ir::NodeId node);
};

// passes/rewrite_arithmetic.cc
absl::Span<const Rewrite> ArithmeticRewrites();
// passes/rewrite_movement.cc: reshape, transpose, slice, broadcast, pad, tile
absl::Span<const Rewrite> MovementRewrites();
// passes/rewrite_pieces.cc: slice, split, concat, gather
absl::Span<const Rewrite> PieceRewrites();
// passes/rewrite_operands.cc: constants and broadcasts that an operator need not see in full,
// transposed operands
absl::Span<const Rewrite> OperandRewrites();

}  // namespace g4c::passes

#endif  // PASSES_REWRITES_H_
