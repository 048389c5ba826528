// Activations that have to share one set of qparams.
#ifndef QUANTIZATION_QPARAM_GROUPS_H_
#define QUANTIZATION_QPARAM_GROUPS_H_

#include <vector>

#include "ir/graph.h"

namespace g4c::quantization {

struct QparamGroup {
  // In topological order, graph inputs first; constants that are moved together with activations
  // included.
  std::vector<ir::ValueId> members;
  // By member: only a clamp reads it, which is in the group too. Beyond the clamp's range it may
  // saturate, so that its own range does not count.
  std::vector<bool> limited;
};

enum class Grouped { kUnknown, kAll };

// The groups of all real values that the outputs need (kUnknown: of those without qparams), each
// value in one; single values are groups of their own. In the order of their first members. Linear.
//   - what an operator that moves data ties together (SharedValuesOf) is one group;
//   - so are a clamp and its operand, where nothing else reads that and an operator computes it.
std::vector<QparamGroup> FindQparamGroups(const ir::Graph& graph, Grouped grouped);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_QPARAM_GROUPS_H_
