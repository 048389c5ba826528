// Dynamic operators become static ones once their operands are constants.
#ifndef PASSES_RESOLVE_OPERANDS_H_
#define PASSES_RESOLVE_OPERANDS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace g4c::passes {

//   dynamic_reshape(x, k), dynamic_squeeze(x, k), dynamic_unsqueeze(x, k)  ->  reshape(x)
//   dynamic_expand(x, k)               ->  broadcast_to(x)
//   dynamic_slice(x, k...)             ->  slice(x)
//   dynamic_tile(x, k)                 ->  tile(x)
//   dynamic_pad(x, k...)               ->  pad(x), or pad(slice(x)) where it crops
//   dynamic_split(x, k)                ->  split(x)
//   dynamic_reduce(x, k)               ->  reduce_*(x), or reshape(x) where nothing is reduced
//   split_item(x, k, i)                ->  slice(x), or reshape(slice(x)) where the axis goes
//
// where the k are constants and x's shape is known as far as needed; otherwise nothing happens. The
// node stays, so that its result keeps its name; a node that comes before it is added. Types of
// results are not set here.
//
// Returns whether it was rewritten, and the nodes added (which come before `node`). InvalidInput
// without the node's name: the operands contradict the shape.
struct ResolvedNode {
  bool changed = false;
  std::vector<ir::NodeId> added;
};
absl::StatusOr<ResolvedNode> ResolveOperands(ir::Graph& graph, ir::NodeId node);

}  // namespace g4c::passes

#endif  // PASSES_RESOLVE_OPERANDS_H_
