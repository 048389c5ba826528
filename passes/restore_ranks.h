// Reshapes behind results that have another rank at run time than the file says.
#ifndef PASSES_RESTORE_RANKS_H_
#define PASSES_RESTORE_RANKS_H_

#include "ir/target.h"

namespace g4c::passes {

// Where the form of a node's operator has a result_rank below the declared one, the result is flat:
// all leading dims are one. Element-wise operators and conversions hand that on. Every other
// reader, and the graph's outputs, get the declared shape by a reshape, one for each flat value.
// These reshapes look like identities here and must stay. Returns how many were added.
int RestoreRanks(ir::Graph& graph, const ir::Target& target);

}  // namespace g4c::passes

#endif  // PASSES_RESTORE_RANKS_H_
