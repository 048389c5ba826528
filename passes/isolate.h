// One node as a graph, and a graph in the place of a node.
#ifndef PASSES_ISOLATE_H_
#define PASSES_ISOLATE_H_

#include "ir/graph.h"

namespace g4c::passes {

// A graph of the node alone: its operands are graph inputs or constants, its results graph outputs,
// in the node's order and with their types, qparams and names.
ir::Graph Isolated(const ir::Graph& graph, ir::NodeId node);

// Puts what `replacement`, which came from Isolated(graph, node), computes in the node's place. Its
// outputs have the types and qparams of the node's results and take their names. The node stays
// until EraseDead.
void Splice(ir::Graph& graph, ir::NodeId node, const ir::Graph& replacement);

}  // namespace g4c::passes

#endif  // PASSES_ISOLATE_H_
