// The blocks of a graph: stretches between values that everything flows through, such as residual
// sums. What one block computes depends on nothing but its inputs and constants, so it can be
// evaluated alone.
#ifndef QUANTIZATION_BLOCKS_H_
#define QUANTIZATION_BLOCKS_H_

#include <vector>

#include "ir/graph.h"

namespace g4c::quantization {

struct Block {
  std::vector<ir::NodeId> nodes;     // in topological order
  std::vector<ir::ValueId> inputs;   // results of earlier blocks and graph inputs that it reads
  std::vector<ir::ValueId> outputs;  // what later blocks or graph outputs read
};

// Cuts the graph behind every node where its result is the only activation still needed and more
// than one operand reads it (the branches of a residual connection), or where the graph ends.
// The blocks, in order, hold every node of TopologicalOrder() once. A graph without such a value is
// one block. Linear.
std::vector<Block> FindBlocks(const ir::Graph& graph);

// A block as a graph of its own. Constants that the block lists among its inputs become inputs, to
// be given other data; all others share their data with the source; qparams are copied.
struct ExtractedBlock {
  ir::Graph graph;                     // inputs and outputs in the order of the block's
  std::vector<ir::ValueId> source_of;  // by value of `graph`: the value in the source
};
ExtractedBlock ExtractBlock(const ir::Graph& graph, const Block& block);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_BLOCKS_H_
