// Shape and dtype rules: one free function an operator, over plain arguments.
#ifndef IR_SHAPE_INFERENCE_H_
#define IR_SHAPE_INFERENCE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ir/graph.h"

namespace g4c::ir {

// What a rule sees. inputs[i] is null for an omitted input; constants[i] is null where the input's
// data is not known. outputs has the node's number of results (one for most) and is to be filled;
// what cannot be known yet stays unknown (no rank, kUnknownDim).
struct ShapeContext {
  std::vector<const Type*> inputs;
  std::vector<const Tensor*> constants;
  std::vector<Type> outputs;

  bool Has(int input) const {
    return input < static_cast<int>(inputs.size()) && inputs[input] != nullptr;
  }
  const Tensor* Constant(int input) const {
    return input < static_cast<int>(constants.size()) ? constants[input] : nullptr;
  }
};

#define G4C_OP(Name, text, min_inputs, max_inputs, outputs, rule) \
  absl::Status InferShape(const Name& op, ShapeContext& context);
#include "ir/op_table.inc"
#undef G4C_OP

// Runs the rule of `op`. InvalidInput: a contradiction (message without the node's name; callers
// prefix it).
absl::Status InferShape(const Op& op, ShapeContext& context);

// The result types of a node from the types and constants of its operands.
absl::StatusOr<std::vector<Type>> InferNode(const Graph& graph, const Op& op,
                                            absl::Span<const ValueId> inputs, int num_outputs);

// Infers every node in topological order and stores the types. Errors name the node and its module
// path.
absl::Status InferShapes(Graph& graph);

}  // namespace g4c::ir

#endif  // IR_SHAPE_INFERENCE_H_
