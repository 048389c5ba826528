#include "quantization/keep_rows.h"

#include <algorithm>
#include <map>

#include "absl/types/optional.h"
#include "ir/elementwise.h"
#include "ir/reshape_axis.h"
#include "ir/shape_inference.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::kNoValue;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

int RankOf(const Graph& graph, ValueId id) { return graph.value(id).type.shape.rank(); }

// Of each operand, what index i of `axis` of the results depends on: index i of an axis, or all.
// Nullopt where the operator mixes indices of that axis, or is none that is known not to.
absl::optional<std::vector<int>> OperandAxes(const Graph& graph, const Node& node, int axis) {
  const int rank = RankOf(graph, node.outputs[0]);
  const ValueId x = node.inputs.empty() ? kNoValue : node.inputs[0];
  if (x == kNoValue) return absl::nullopt;
  const int rank_x = RankOf(graph, x);
  std::vector<int> axes(node.inputs.size(), kAllRows);
  // Aligned at the last axis, where broadcast axes have extent 1.
  const auto aligned = [&](ValueId operand) {
    const int at = operand == kNoValue ? -1 : axis - (rank - RankOf(graph, operand));
    return at >= 0 && graph.value(operand).type.shape.dim(at) != 1 ? at : kAllRows;
  };
  if (ir::IsElementwise(node.op)) {
    for (size_t i = 0; i < axes.size(); ++i) axes[i] = aligned(node.inputs[i]);
    return axes;
  }
  if (const auto* product = std::get_if<ir::BatchMatMul>(&node.op)) {
    if (axis == rank - 1) return absl::nullopt;
    if (axis == rank - 2) {
      axes[0] = rank_x - (product->adj_x ? 1 : 2);
    } else {
      for (size_t i = 0; i < axes.size(); ++i) axes[i] = aligned(node.inputs[i]);
    }
    return axes;
  }
  axes[0] = axis;
  if (std::holds_alternative<ir::FullyConnected>(node.op) ||
      std::holds_alternative<ir::Softmax>(node.op) ||
      std::holds_alternative<ir::RmsNorm>(node.op)) {
    if (axis == rank - 1 || rank_x != rank) return absl::nullopt;
    return axes;
  }
  if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
    axes[0] = static_cast<int>(transpose->perm[axis]);
    return axes;
  }
  if (const auto* split = std::get_if<ir::Split>(&node.op)) {
    if (axis == split->axis) return absl::nullopt;
    return axes;
  }
  if (const auto* concat = std::get_if<ir::Concat>(&node.op)) {
    if (axis == concat->axis) return absl::nullopt;
    return std::vector<int>(node.inputs.size(), axis);
  }
  if (const auto* slice = std::get_if<ir::Slice>(&node.op)) {
    const bool whole = slice->begin[axis] == 0 && slice->stride[axis] == 1 &&
                       slice->size[axis] == graph.value(x).type.shape.dim(axis);
    if (!whole) return absl::nullopt;
    return axes;
  }
  if (const auto* reshape = std::get_if<ir::Reshape>(&node.op)) {
    const absl::optional<int> before =
        ir::AxisAfterReshape(reshape->shape, graph.value(x).type.shape.dims(), axis, 1);
    if (!before) return absl::nullopt;
    axes[0] = *before;
    return axes;
  }
  return absl::nullopt;
}

// The operator on `count` indices of an axis of its result.
ir::Op Shortened(ir::Op op, int axis, int64_t count) {
  if (auto* reshape = std::get_if<ir::Reshape>(&op)) reshape->shape[axis] = count;
  if (auto* slice = std::get_if<ir::Slice>(&op)) slice->size[axis] = count;
  return op;
}

class Keeper {
 public:
  Keeper(const ExtractedBlock& block, int64_t count) : block_(block), count_(count) {}

  absl::StatusOr<RowBlock> Run(const WantedRows& wanted) {
    for (ValueId id = 0; id < graph_.num_values(); ++id) {
      if (const auto it = wanted.find(block_.source_of[id]); it != wanted.end()) {
        Want(needs_, id, it->second);
      }
    }
    const std::vector<NodeId> order = graph_.TopologicalOrder();
    for (auto id = order.rbegin(); id != order.rend(); ++id) SpreadNeeds(graph_.node(*id));
    for (ValueId input : graph_.inputs()) AddInput(input);
    rows_ = kept_.AddInput("rows", {ir::DType::kI64, ir::Shape({count_})});
    for (NodeId id : order) RETURN_IF_ERROR(AddNode(graph_.node(id)));
    for (const ir::GraphOutput& output : graph_.outputs()) {
      ASSIGN_OR_RETURN(const ValueId value,
                       Form(output.value, wanted.at(block_.source_of[output.value])));
      kept_.AddOutput(output.name, value);
    }
    result_.extracted.source_of.resize(kept_.num_values(), kNoValue);
    return std::move(result_);
  }

 private:
  // The rows that a node is computed on.
  int AxisOf(const Node& node) const { return needs_.at(node.outputs[0]); }

  // What a node's operands are needed for, once that is known of its results.
  void SpreadNeeds(const Node& node) {
    WantedRows results;
    for (ValueId result : node.outputs) {
      if (needs_.contains(result)) Want(results, kNoValue, needs_.at(result));
    }
    int axis = results.empty() ? kAllRows : results.at(kNoValue);
    absl::optional<std::vector<int>> axes;
    if (axis != kAllRows) axes = OperandAxes(graph_, node, axis);
    if (!axes) {
      axis = kAllRows;
      axes = std::vector<int>(node.inputs.size(), kAllRows);
    }
    for (ValueId result : node.outputs) needs_[result] = axis;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != kNoValue) Want(needs_, node.inputs[i], (*axes)[i]);
    }
  }

  ir::Type TypeOf(ValueId id, int axis) const {
    const ir::Type& type = graph_.value(id).type;
    if (axis == kAllRows) return type;
    ir::Dims dims = type.shape.dims();
    dims[axis] = count_;
    return {type.dtype, ir::Shape(dims)};
  }

  void Adopt(ValueId id, ValueId copy) {
    const ir::Value& value = graph_.value(id);
    kept_.SetQuantization(copy, value.quantization, value.quant_origin);
    copy_of_[id] = copy;
    result_.extracted.source_of.resize(kept_.num_values(), kNoValue);
    result_.extracted.source_of[copy] = block_.source_of[id];
  }

  void AddInput(ValueId input) {
    const int axis = needs_.emplace(input, kAllRows).first->second;
    result_.input_axes.push_back(axis);
    Adopt(input, kept_.AddInput(graph_.value(input).name, TypeOf(input, axis)));
  }

  // A value as a reader along `axis` takes it.
  absl::StatusOr<ValueId> Form(ValueId id, int axis) {
    if (!copy_of_.contains(id)) {
      const ir::Value& value = graph_.value(id);
      Adopt(id, kept_.AddConstant(value.name, value.type, *value.constant));
      needs_[id] = kAllRows;
    }
    if (needs_.at(id) == axis) return copy_of_.at(id);
    const auto [gathered, is_new] = gathered_.try_emplace({id, axis}, kNoValue);
    if (is_new) {
      ASSIGN_OR_RETURN(gathered->second,
                       kept_.AddInferred(ir::Gather{axis}, {copy_of_.at(id), rows_},
                                         graph_.value(id).name, ir::Provenance()));
    }
    return gathered->second;
  }

  absl::Status AddNode(const Node& node) {
    const int axis = AxisOf(node);
    std::vector<int> axes(node.inputs.size(), kAllRows);
    if (axis != kAllRows) axes = *OperandAxes(graph_, node, axis);
    std::vector<ValueId> operands;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) {
        operands.push_back(kNoValue);
        continue;
      }
      ASSIGN_OR_RETURN(const ValueId operand, Form(node.inputs[i], axes[i]));
      operands.push_back(operand);
    }
    std::vector<std::string> names;
    std::vector<ir::Type> types;
    for (ValueId result : node.outputs) {
      names.push_back(graph_.value(result).name);
      types.push_back(TypeOf(result, axis));
    }
    const NodeId copy =
        kept_.AddNode(axis == kAllRows ? node.op : Shortened(node.op, axis, count_),
                      std::move(operands), std::move(names), std::move(types), node.provenance);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      Adopt(node.outputs[i], kept_.node(copy).outputs[i]);
    }
    return absl::OkStatus();
  }

  const ExtractedBlock& block_;
  const Graph& graph_ = block_.graph;
  const int64_t count_;
  WantedRows needs_;  // by value of graph_
  RowBlock result_;
  Graph& kept_ = result_.extracted.graph;
  ValueId rows_ = kNoValue;
  absl::flat_hash_map<ValueId, ValueId> copy_of_;
  std::map<std::pair<ValueId, int>, ValueId> gathered_;
};

}  // namespace

void Want(WantedRows& wanted, ValueId id, int axis) {
  const auto [known, is_new] = wanted.emplace(id, axis);
  if (!is_new && known->second != axis) known->second = kAllRows;
}

absl::StatusOr<RowBlock> KeepRows(const ExtractedBlock& block, const WantedRows& wanted,
                                  int64_t count) {
  return Keeper(block, count).Run(wanted);
}

}  // namespace g4c::quantization
