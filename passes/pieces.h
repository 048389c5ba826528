// Values that are parts of others.
#ifndef PASSES_PIECES_H_
#define PASSES_PIECES_H_

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// Elements [begin, begin + size) of one axis of `source`.
struct Piece {
  ir::ValueId source;
  int64_t axis;
  int64_t begin;
  int64_t size;
};

// The axis of a slice with stride 1 that takes less than all of just one axis; nullopt for other
// nodes.
absl::optional<Piece> PieceOfSlice(const ir::Graph& graph, const ir::Node& node);

// `value` as a piece, from a slice or a split, whose qparams are those of its source.
absl::optional<Piece> PieceOf(const ir::Graph& graph, ir::ValueId value);

}  // namespace g4c::passes

#endif  // PASSES_PIECES_H_
