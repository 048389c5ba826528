// What must hold of every graph between passes.
#ifndef IR_VERIFIER_H_
#define IR_VERIFIER_H_

#include "absl/status/status.h"
#include "ir/graph.h"

namespace g4c::ir {

// Checks that edges and back references agree, that nothing is used before it exists (no cycle),
// that arities are those of the op table, names are unique, constants fit their types, qparams are
// sane (scale > 0 and finite, zero point in the dtype's range, channel count and axis fit the
// shape), and that no type contradicts what its shape rule infers (it may know more or less while
// shapes are not static). Reports all violations in one InvalidInput, each with the node's
// description. Linear.
absl::Status VerifyGraph(const Graph& graph);

// In addition: every shape static, no operator of the fold phase left. Unsupported (exit 4) names
// each such node, and for an evaluator-only operator which input kept it from being constant.
absl::Status VerifyStatic(const Graph& graph);

// Whether an operator exists only until the fold phase has ended (ir/op.h).
bool IsFoldOnly(const Op& op);

}  // namespace g4c::ir

#endif  // IR_VERIFIER_H_
