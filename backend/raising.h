// From one Circle operator to ir nodes.
#ifndef BACKEND_RAISING_H_
#define BACKEND_RAISING_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "backend/circle_file.h"
#include "ir/op.h"
#include "ir/shape.h"

namespace g4c::backend {

struct RaisedOperator {
  ir::Op op;
  // Which of the operator's inputs are the node's operands, by position; the others have become
  // attributes.
  std::vector<int> operands;
  // Where the node computes on other dims than the file says: operand 0 is reshaped to these first,
  // the node's result to those afterwards.
  absl::optional<ir::Dims> operand_dims = absl::nullopt;
  absl::optional<ir::Dims> result_dims = absl::nullopt;
};

// The node for an operator of subgraph 0, from its options, its constant index operands and the
// shapes of its tensors. Whether dtypes and shapes fit it is for the shape rules to say. Messages
// leave out which operator it is. Unsupported: an operator, attribute or non-constant index operand
// that the ir lacks. InvalidInput: a contradiction within the operator.
absl::StatusOr<RaisedOperator> RaiseOperator(const CircleFile& file, const circle::Operator& op);

}  // namespace g4c::backend

#endif  // BACKEND_RAISING_H_
