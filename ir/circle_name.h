// The Circle operator that a node is written as.
#ifndef IR_CIRCLE_NAME_H_
#define IR_CIRCLE_NAME_H_

#include <string>

#include "ir/graph.h"

namespace g4c::ir {

// "FULLY_CONNECTED", as Circle's schema spells it. Some operators of the ir are several of
// Circle's: a slice of reals is SLICE where strides are 1 and the rank at most 4, as onert executes
// it quantised, else STRIDED_SLICE; a split is SPLIT or, with unlike pieces, SPLIT_V. An operator
// that Circle lacks has its ir name in capitals; a foreign one its own.
std::string CircleName(const Graph& graph, const Node& node);

// Whether some static node is written as, or called, `name`.
bool IsCircleName(absl::string_view name);

}  // namespace g4c::ir

#endif  // IR_CIRCLE_NAME_H_
