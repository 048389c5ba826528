// Proof that a file says what a graph says.
#ifndef BACKEND_READ_BACK_H_
#define BACKEND_READ_BACK_H_

#include <string>

#include "absl/status/status.h"
#include "ir/graph.h"

namespace g4c::backend {

// Verifies the file that was written from `graph` (VerifyCircleFile), reads it, and compares both
// node by node: operators (CanonicalOp), edges, shapes, dtypes, qparams bit by bit, names of inputs
// and outputs. Of constants it compares all elements of small ones and the first and last of large
// ones. InvalidInput says where they differ first.
absl::Status CheckReadBack(const ir::Graph& graph, const std::string& path);

// The comparison alone. `read` has its nodes in the order of graph.TopologicalOrder().
absl::Status CompareGraphs(const ir::Graph& graph, const ir::Graph& read);

}  // namespace g4c::backend

#endif  // BACKEND_READ_BACK_H_
