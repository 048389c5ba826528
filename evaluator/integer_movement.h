// Operators that move data: they copy stored integers (docs/integer_semantics.md, "Moving data").
#ifndef EVALUATOR_INTEGER_MOVEMENT_H_
#define EVALUATOR_INTEGER_MOVEMENT_H_

#include "evaluator/integer_node.h"
#include "ir/op.h"

namespace g4c::evaluator {

// One data operand: its integers, whatever the qparams of both sides say.
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::BroadcastTo& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Gather& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::GatherNd& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Pad& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Reshape& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Slice& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Split& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Tile& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Transpose& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Unpack& op, const IntegerNode& node);
// Several data operands: each is requantised where its qparams are not the result's.
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Concat& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Pack& op, const IntegerNode& node);
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Select& op, const IntegerNode& node);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_MOVEMENT_H_
