// One spelling of attributes that can be spelled in several ways: what is written, and what
// comparing a graph with a file read back relies on.
#ifndef BACKEND_CANONICAL_OP_H_
#define BACKEND_CANONICAL_OP_H_

#include "ir/graph.h"

namespace g4c::backend {

// Axes count from the front; split lists its sizes; a slice of at most one element has stride 1,
// and an empty one begin 0; a pad's value is what the operand's dtype or qparams make of it;
// logical_xor is not_equal of Booleans. Requires static shapes and a graph that passes VerifyGraph.
ir::Op CanonicalOp(const ir::Graph& graph, const ir::Node& node);

}  // namespace g4c::backend

#endif  // BACKEND_CANONICAL_OP_H_
