#include "evaluator/evaluate_node.h"

#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/reference.h"
#include "ir/shape_inference.h"

namespace g4c::evaluator {
namespace {

template <typename... Ops>
bool IsOneOf(const ir::Op& op) {
  return (... || std::holds_alternative<Ops>(op));
}

// Operators whose results hold elements of one operand, in its stored dtype.
bool MovesOneOperand(const ir::Op& op) {
  return IsOneOf<ir::BroadcastTo, ir::Choose, ir::DynamicExpand, ir::DynamicReshape,
                 ir::DynamicSlice, ir::DynamicSplit, ir::DynamicSqueeze, ir::DynamicTile,
                 ir::DynamicUnsqueeze, ir::Gather, ir::GatherElements, ir::GatherNd, ir::Reshape,
                 ir::SequenceItem, ir::ShapeOf, ir::Slice, ir::Split, ir::SplitItem, ir::Tile,
                 ir::Transpose, ir::Unpack>(op);
}

}  // namespace

absl::Status CheckResultSize(ir::DType dtype, const ir::Dims& dims) {
  ASSIGN_OR_RETURN(const int64_t elements, ir::CheckedNumElements(dims));
  if (elements <= kMaxResultBytes / ir::ByteWidth(dtype)) return absl::OkStatus();
  return InvalidInput("the result ", ir::DTypeName(dtype), ir::ShapeText(ir::Shape(dims)),
                      " is larger than ", kMaxResultBytes >> 30, " GiB");
}

absl::StatusOr<std::vector<ir::Type>> InferResults(const ir::Op& op,
                                                   absl::Span<const ir::Tensor* const> inputs,
                                                   int num_outputs) {
  if (const auto* foreign = std::get_if<ir::Foreign>(&op)) {
    return Unsupported("operator '", foreign->code,
                       "' cannot be evaluated: this tool does not model it");
  }
  const ir::OpInfo& info = ir::InfoOf(op);
  G4C_CHECK(static_cast<int>(inputs.size()) >= info.min_inputs);

  std::vector<ir::Type> types(inputs.size());
  ir::ShapeContext context;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr) {
      const ir::DType stored = inputs[i]->dtype();
      types[i] = {ir::IsFloat(stored) ? ir::DType::kF32 : stored, ir::Shape(inputs[i]->dims())};
    }
    // What a choice leaves out has no data, hence a type that nothing is known of.
    const bool absent = inputs[i] == nullptr && !IsOneOf<ir::Choose, ir::SequenceItem>(op);
    context.inputs.push_back(absent ? nullptr : &types[i]);
    context.constants.push_back(inputs[i]);
  }
  context.outputs.resize(num_outputs);
  RETURN_IF_ERROR(ir::InferShape(op, context));
  for (const ir::Type& result : context.outputs) {
    if (result.shape.IsStatic())
      RETURN_IF_ERROR(CheckResultSize(result.dtype, result.shape.dims()));
  }
  return std::move(context.outputs);
}

Results EvaluateReference(const ir::Op& op, absl::Span<const ir::Tensor* const> inputs,
                          absl::Span<const ir::Type> results) {
  std::vector<ir::Tensor> made;
  std::vector<const ir::Tensor*> operands(inputs.begin(), inputs.end());
  made.reserve(inputs.size());
  for (const ir::Tensor*& operand : operands) {
    if (operand == nullptr) continue;
    const bool narrow = ir::IsFloat(operand->dtype()) && operand->dtype() != ir::DType::kF32;
    if (narrow && !MovesOneOperand(op)) {
      made.push_back(WidenedToF32(*operand));
    } else if (operand->IsComputed()) {
      made.push_back(operand->WithBytes());
    } else {
      continue;
    }
    operand = &made.back();
  }
  const Operands in{operands, results};
  return std::visit(
      [&](const auto& o) -> Results {
        if constexpr (std::is_same_v<std::decay_t<decltype(o)>, std::monostate>) {
          G4C_CHECK(false && "monostate is never held");
        } else {
          return Evaluate(o, in);
        }
      },
      op);
}

absl::StatusOr<std::vector<ir::Tensor>> EvaluateNode(const ir::Op& op,
                                                     absl::Span<const ir::Tensor* const> inputs,
                                                     int num_outputs) {
  ASSIGN_OR_RETURN(const std::vector<ir::Type> results, InferResults(op, inputs, num_outputs));
  return EvaluateReference(op, inputs, results);
}

}  // namespace g4c::evaluator
