#include "passes/constant_folder.h"

#include <algorithm>

#include "evaluator/evaluate_node.h"
#include "ir/resolve.h"
#include "ir/shape_inference.h"
#include "passes/constants.h"
#include "passes/matchers.h"
#include "passes/resolve_operands.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::kNoNode;
using ir::kNoValue;
using ir::Node;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

bool NeverFolded(const ir::Op& op) {
  return std::holds_alternative<ir::QuantizeLinear>(op) ||
         std::holds_alternative<ir::DequantizeLinear>(op) ||
         std::holds_alternative<ir::Quantize>(op) || std::holds_alternative<ir::Dequantize>(op) ||
         std::holds_alternative<ir::Foreign>(op);
}

// The views of `data` that a data-moving operator of one operand makes, one a result; empty for any
// other operator.
std::vector<Tensor> ViewsOf(const ir::Op& op, const Tensor& data) {
  if (const auto* reshape = std::get_if<ir::Reshape>(&op)) {
    if (reshape->shape == data.dims()) return {data};
    return {data.Reshaped(reshape->shape)};
  }
  if (const auto* transpose = std::get_if<ir::Transpose>(&op)) {
    const std::vector<int> perm(transpose->perm.begin(), transpose->perm.end());
    return {data.Transposed(perm)};
  }
  if (const auto* slice = std::get_if<ir::Slice>(&op)) {
    Tensor view = data;
    for (int axis = 0; axis < data.rank(); ++axis) {
      view = view.Sliced(axis, slice->begin[axis], slice->size[axis], slice->stride[axis]);
    }
    return {view};
  }
  if (const auto* split = std::get_if<ir::Split>(&op)) {
    std::vector<Tensor> views;
    int64_t begin = 0;
    for (int64_t size : split->sizes) {
      views.push_back(data.Sliced(static_cast<int>(split->axis), begin, size));
      begin += size;
    }
    return views;
  }
  if (const auto* broadcast = std::get_if<ir::BroadcastTo>(&op))
    return {data.BroadcastTo(broadcast->shape)};
  return {};
}

// Evaluates an element-wise operator on the distinct elements only: along an axis on which no
// operand varies, the result does not vary either.
absl::StatusOr<std::vector<Tensor>> EvaluateElementwise(const ir::Op& op,
                                                        const std::vector<Tensor>& operands,
                                                        const Dims& result_dims) {
  const int rank = static_cast<int>(result_dims.size());
  std::vector<Tensor> parts;
  for (const Tensor& operand : operands) parts.push_back(Compacted(operand));
  for (int axis = 0; axis < rank; ++axis) {
    if (result_dims[axis] <= 1) continue;
    const auto axis_of = [&](const Tensor& part) { return axis - (rank - part.rank()); };
    const bool varies = std::any_of(parts.begin(), parts.end(), [&](const Tensor& part) {
      return axis_of(part) >= 0 && part.dims()[axis_of(part)] > 1 &&
             part.strides()[axis_of(part)] != 0;
    });
    if (varies) continue;
    for (Tensor& part : parts) {
      if (axis_of(part) >= 0) part = part.Sliced(axis_of(part), 0, 1);
    }
  }
  std::vector<const Tensor*> pointers;
  for (const Tensor& part : parts) pointers.push_back(&part);
  ASSIGN_OR_RETURN(std::vector<Tensor> results, evaluator::EvaluateNode(op, pointers, 1));
  results[0] = Compacted(results[0].BroadcastTo(result_dims));
  return results;
}

}  // namespace

bool IsPositionTable(const Graph& graph, const Node& node) {
  if (std::holds_alternative<ir::Cos>(node.op) || std::holds_alternative<ir::Sin>(node.op))
    return true;
  if (!std::holds_alternative<ir::Gather>(node.op) || !graph.IsConstant(node.inputs[0]))
    return false;
  // One row, or the part of a weight that one index names, is no table.
  const ir::Shape& indices = graph.value(node.inputs[1]).type.shape;
  return graph.value(node.inputs[0]).type.dtype == ir::DType::kF32 && indices.IsStatic() &&
         ir::NumElements(indices.dims()) > 1;
}

bool ConstantFolder::AllConstant(const Node& node) const {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId input) { return input == kNoValue || graph_.IsConstant(input); });
}

ValueId ConstantFolder::NextOperand(Visit& visit) const {
  const Node& node = graph_.node(visit.node);
  const int count = static_cast<int>(node.inputs.size());
  const bool choose = std::holds_alternative<ir::Choose>(node.op);
  if ((choose || std::holds_alternative<ir::SequenceItem>(node.op)) && visit.next > 0 &&
      graph_.IsConstant(node.inputs[0])) {
    // Only what the constant condition or index names; a bad index is reported when the node is
    // finished.
    if (visit.next > 1) return kNoValue;
    visit.next = count;
    const absl::StatusOr<int64_t> index = ir::IntScalarOf(*graph_.value(node.inputs[0]).constant);
    if (!index.ok()) return kNoValue;
    if (choose) return node.inputs[*index != 0 ? 1 : 2];
    const absl::StatusOr<int> item = ir::ResolveSequenceIndex(*index, count - 1);
    return item.ok() ? node.inputs[1 + *item] : kNoValue;
  }
  while (visit.next < count) {
    const ValueId operand = node.inputs[visit.next++];
    if (operand != kNoValue) return operand;
  }
  return kNoValue;
}

absl::Status ConstantFolder::Fold(absl::Span<const ValueId> roots) {
  state_.resize(graph_.num_nodes(), kNew);
  std::vector<Visit> stack;
  const auto push = [&](ValueId value) {
    const NodeId producer = value == kNoValue ? kNoNode : graph_.value(value).producer;
    if (producer == kNoNode || state_[producer] != kNew) return;
    state_[producer] = kOpen;
    stack.push_back({producer});
  };
  for (ValueId root : roots) {
    push(root);
    while (!stack.empty()) {
      if (const ValueId operand = NextOperand(stack.back()); operand != kNoValue) {
        push(operand);
        continue;
      }
      const NodeId id = stack.back().node;
      stack.pop_back();
      if (absl::Status status = FinishNode(id); !status.ok()) {
        return Prefixed(status, absl::StrCat(ir::Describe(graph_, id), ": "));
      }
      state_.resize(graph_.num_nodes(), kDone);  // nodes that were added are finished
      state_[id] = kDone;
    }
  }
  return absl::OkStatus();
}

absl::Status ConstantFolder::FinishNode(NodeId id) {
  ASSIGN_OR_RETURN(const bool taken, TakeChosen(id));
  if (taken) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ResolvedNode resolved, ResolveOperands(graph_, id));
  changed_ |= resolved.changed;
  for (NodeId added : resolved.added) {
    RETURN_IF_ERROR(InferTypes(added));
    RETURN_IF_ERROR(FoldNode(added));
  }
  RETURN_IF_ERROR(InferTypes(id));
  if (std::holds_alternative<ir::ShapeOf>(graph_.node(id).op)) return FoldShape(id);
  return FoldNode(id);
}

absl::Status ConstantFolder::InferTypes(NodeId id) {
  const std::vector<ValueId> outputs = graph_.node(id).outputs;
  ASSIGN_OR_RETURN(std::vector<ir::Type> types,
                   ir::InferNode(graph_, graph_.node(id).op, graph_.node(id).inputs,
                                 static_cast<int>(outputs.size())));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (graph_.value(outputs[i]).type == types[i]) continue;
    graph_.SetType(outputs[i], std::move(types[i]));
    changed_ = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ConstantFolder::TakeChosen(NodeId id) {
  const Node& node = graph_.node(id);
  const bool choose = std::holds_alternative<ir::Choose>(node.op);
  if (!choose && !std::holds_alternative<ir::SequenceItem>(node.op)) return false;
  if (!graph_.IsConstant(node.inputs[0])) return false;
  ASSIGN_OR_RETURN(const int64_t index, ir::IntScalarOf(*graph_.value(node.inputs[0]).constant));
  int chosen = index != 0 ? 1 : 2;
  if (!choose) {
    ASSIGN_OR_RETURN(const int item,
                     ir::ResolveSequenceIndex(index, static_cast<int>(node.inputs.size()) - 1));
    chosen = 1 + item;
  }
  graph_.ReplaceAllUsesAcrossTypes(node.outputs[0], node.inputs[chosen]);
  changed_ = true;
  return true;
}

absl::Status ConstantFolder::FoldShape(NodeId id) {
  const ir::Shape& shape = graph_.value(graph_.node(id).inputs[0]).type.shape;
  if (!shape.has_rank()) return absl::OkStatus();
  const ir::ShapeRange range =
      ir::ResolveShapeRange(std::get<ir::ShapeOf>(graph_.node(id).op), shape.rank());
  std::vector<int64_t> dims;
  for (int axis = range.begin; axis < range.end; ++axis) {
    if (shape.dim(axis) == ir::kUnknownDim) return absl::OkStatus();
    dims.push_back(shape.dim(axis));
  }
  StoreResult(graph_.node(id).outputs[0], Tensor::I64(dims));
  return absl::OkStatus();
}

void ConstantFolder::StoreResult(ValueId value, Tensor data) {
  ir::Type type = graph_.value(value).type;
  type.shape = ir::Shape(data.dims());
  graph_.MakeConstant(value, std::move(type), std::move(data));
  folded_.push_back(value);
  changed_ = true;
}

bool ConstantFolder::FoldAsViews(NodeId id) {
  const Node& node = graph_.node(id);
  if (node.inputs.size() != 1) return false;
  const ir::Value& source = graph_.value(node.inputs[0]);
  const std::vector<ValueId> outputs = node.outputs;
  std::vector<Tensor> views = ViewsOf(node.op, *source.constant);
  if (views.size() != outputs.size()) return false;
  std::vector<ir::Quantization> moved(outputs.size());
  if (ir::HasQparams(source.quantization)) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const absl::optional<ir::Quantization> q =
          MovedQuantization(node.op, source.quantization, source.constant->dims(), views[i].dims(),
                            static_cast<int>(i));
      const ir::Quantization& own = graph_.value(outputs[i]).quantization;
      // Other qparams on the result mean that it is quantised again, from the numbers of the first
      // ones.
      if (!q || (ir::HasQparams(own) && own != *q)) return false;
      moved[i] = *q;
    }
  }
  const ir::QuantOrigin origin = source.quant_origin;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (ir::HasQparams(moved[i])) graph_.SetQuantization(outputs[i], std::move(moved[i]), origin);
    StoreResult(outputs[i], std::move(views[i]));
  }
  return true;
}

absl::Status ConstantFolder::FoldNode(NodeId id) {
  const Node& node = graph_.node(id);
  if (NeverFolded(node.op) || !AllConstant(node)) return absl::OkStatus();
  if (options_.leave_position_tables && IsPositionTable(graph_, node)) return absl::OkStatus();
  if (FoldAsViews(id)) return absl::OkStatus();

  const ir::Op op = node.op;
  const std::vector<ValueId> outputs = node.outputs;
  std::vector<Tensor> operands;
  std::vector<const Tensor*> pointers;
  int64_t operand_bytes = 0;
  operands.reserve(node.inputs.size());
  for (ValueId input : node.inputs) {
    if (input == kNoValue) {
      pointers.push_back(nullptr);
      continue;
    }
    operands.push_back(RealData(graph_.value(input)));
    operand_bytes += DistinctBytes(operands.back());
    pointers.push_back(&operands.back());
  }

  const ir::Type& type = graph_.value(outputs[0]).type;
  const bool elementwise =
      IsElementwise(op) && type.shape.IsStatic() && operands.size() == pointers.size();
  if (!elementwise && type.shape.IsStatic()) {
    // What the shape rule knows is refused before it is computed.
    ASSIGN_OR_RETURN(const int64_t elements, ir::CheckedNumElements(type.shape.dims()));
    const int64_t bytes = elements * ir::ByteWidth(type.dtype);
    if (bytes - operand_bytes > options_.max_bytes - grown_) {
      report_.Declined(
          pass_, ir::Describe(graph_, id),
          absl::StrCat("folding it would add ", bytes - operand_bytes, " bytes; ",
                       options_.max_bytes - grown_, " of ", options_.max_bytes, " are left"));
      return absl::OkStatus();
    }
  }
  absl::StatusOr<std::vector<Tensor>> results =
      elementwise ? EvaluateElementwise(op, operands, type.shape.dims())
                  : evaluator::EvaluateNode(op, pointers, static_cast<int>(outputs.size()));
  if (!results.ok()) return results.status();
  G4C_CHECK(results->size() == outputs.size());
  int64_t result_bytes = 0;
  for (const Tensor& result : *results) result_bytes += DistinctBytes(result);
  const int64_t growth = std::max<int64_t>(0, result_bytes - operand_bytes);
  if (growth > options_.max_bytes - grown_) {
    report_.Declined(
        pass_, ir::Describe(graph_, id),
        absl::StrCat("folding it adds ", growth, " bytes; ", options_.max_bytes - grown_, " of ",
                     options_.max_bytes, " are left"));
    return absl::OkStatus();
  }
  grown_ += growth;
  for (size_t i = 0; i < outputs.size(); ++i) StoreResult(outputs[i], std::move((*results)[i]));
  return absl::OkStatus();
}

bool ConstantFolder::Finish() {
  changed_ |= graph_.EraseDead() > 0;
  for (ValueId value : folded_) {
    if (graph_.Uses(value).empty() && !graph_.IsOutput(value)) continue;
    // Shapes and indices are operands, not data that a user would look for.
    if (!ir::IsFloat(graph_.value(value).type.dtype) &&
        graph_.value(value).type.dtype != ir::DType::kBool)
      continue;
    report_.Folded(pass_, graph_.value(value).name, DistinctBytes(*graph_.value(value).constant));
  }
  folded_.clear();
  return changed_;
}

}  // namespace g4c::passes
