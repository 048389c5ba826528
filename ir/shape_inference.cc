#include "ir/shape_inference.h"

#include "base/status.h"

namespace g4c::ir {
namespace {

absl::Status CheckArity(const Op& op, const ShapeContext& context) {
  const OpInfo& info = InfoOf(op);
  const int inputs = static_cast<int>(context.inputs.size());
  const int outputs = static_cast<int>(context.outputs.size());
  if (inputs < info.min_inputs || (info.max_inputs != kVariadic && inputs > info.max_inputs)) {
    const std::string range = info.max_inputs == info.min_inputs ? absl::StrCat(info.min_inputs)
                              : info.max_inputs == kVariadic
                                  ? absl::StrCat("at least ", info.min_inputs)
                                  : absl::StrCat(info.min_inputs, " to ", info.max_inputs);
    return InvalidInput(info.name, " takes ", range, " operands, has ", inputs);
  }
  for (int i = 0; i < inputs; ++i) {
    const bool optional =
        (i >= info.min_inputs && info.max_inputs != kVariadic) ||
        std::holds_alternative<Foreign>(op) ||
        (std::holds_alternative<SplitItem>(op) && i == 1);  // the sizes stand before the index
    if (!context.Has(i) && !optional) {
      return InvalidInput("operand ", i, " of ", info.name, " is missing");
    }
  }
  if (info.outputs != kVariadic && outputs != info.outputs) {
    return InvalidInput(info.name, " gives ", info.outputs, " results, has ", outputs);
  }
  return absl::OkStatus();
}

// `types`: of the results, as known so far; operators that are not modelled keep them.
absl::Status Infer(const Graph& graph, const Op& op, absl::Span<const ValueId> inputs,
                   std::vector<Type>& types) {
  ShapeContext context;
  for (ValueId input : inputs) {
    const Value* value = input == kNoValue ? nullptr : &graph.value(input);
    context.inputs.push_back(value == nullptr ? nullptr : &value->type);
    context.constants.push_back(
        value == nullptr || !value->constant.has_value() ? nullptr : &*value->constant);
  }
  context.outputs = std::move(types);
  RETURN_IF_ERROR(InferShape(op, context));
  types = std::move(context.outputs);
  return absl::OkStatus();
}

}  // namespace

absl::Status InferShape(const Op& op, ShapeContext& context) {
  RETURN_IF_ERROR(CheckArity(op, context));
  return std::visit(
      [&context](const auto& attributes) -> absl::Status {
        if constexpr (std::is_same_v<std::decay_t<decltype(attributes)>, std::monostate>) {
          G4C_CHECK(false && "monostate only closes the list");
          return absl::OkStatus();
        } else {
          return InferShape(attributes, context);
        }
      },
      op);
}

absl::StatusOr<std::vector<Type>> InferNode(const Graph& graph, const Op& op,
                                            absl::Span<const ValueId> inputs, int num_outputs) {
  std::vector<Type> types(num_outputs);
  RETURN_IF_ERROR(Infer(graph, op, inputs, types));
  return types;
}

absl::Status InferShapes(Graph& graph) {
  for (NodeId id : graph.TopologicalOrder()) {
    const Node& node = graph.node(id);
    std::vector<Type> types;
    for (ValueId output : node.outputs) types.push_back(graph.value(output).type);
    const absl::Status status = Infer(graph, node.op, node.inputs, types);
    if (!status.ok()) return Prefixed(status, absl::StrCat(Describe(graph, id), ": "));
    for (size_t i = 0; i < types.size(); ++i) graph.SetType(node.outputs[i], std::move(types[i]));
  }
  return absl::OkStatus();
}

}  // namespace g4c::ir
