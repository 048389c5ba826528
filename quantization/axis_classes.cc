#include "quantization/axis_classes.h"

#include <algorithm>

namespace g4c::quantization {

AxisClasses::AxisClasses(const ir::Graph& graph) : graph_(graph) {
  int elements = 0;
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    first_.push_back(elements);
    const ir::Shape& shape = graph.value(id).type.shape;
    elements += shape.has_rank() ? shape.rank() : 0;
  }
  parent_.resize(elements);
  for (int i = 0; i < elements; ++i) parent_[i] = i;
  for (ir::NodeId id : graph.TopologicalOrder()) JoinNode(graph.node(id));
}

int AxisClasses::Find(int element) const {
  while (parent_[element] != element) {
    parent_[element] = parent_[parent_[element]];
    element = parent_[element];
  }
  return element;
}

int AxisClasses::ClassOf(ir::ValueId value, int axis) const { return Find(first_[value] + axis); }

void AxisClasses::Join(ir::ValueId a, int axis_a, ir::ValueId b, int axis_b) {
  const int64_t extent = graph_.value(a).type.shape.dim(axis_a);
  if (extent != graph_.value(b).type.shape.dim(axis_b) || extent <= 1) return;
  const int root_a = Find(first_[a] + axis_a);
  const int root_b = Find(first_[b] + axis_b);
  parent_[std::max(root_a, root_b)] = std::min(root_a, root_b);
}

// Aligns the last axes of both, as broadcasting does.
void AxisClasses::JoinTrailing(ir::ValueId a, ir::ValueId b) {
  const int rank_a = graph_.value(a).type.shape.rank();
  const int rank_b = graph_.value(b).type.shape.rank();
  for (int i = 1; i <= std::min(rank_a, rank_b); ++i) Join(a, rank_a - i, b, rank_b - i);
}

void AxisClasses::JoinReshaped(ir::ValueId a, ir::ValueId b) {
  const ir::Dims& from = graph_.value(a).type.shape.dims();
  const ir::Dims& to = graph_.value(b).type.shape.dims();
  int64_t before_from = 1;
  int64_t before_to = 1;
  size_t i = 0;
  size_t j = 0;
  while (i < from.size() && j < to.size()) {
    if (before_from == before_to && from[i] == to[j]) {
      Join(a, static_cast<int>(i), b, static_cast<int>(j));
      before_from *= from[i++];
      before_to *= to[j++];
    } else if (before_from <= before_to && (before_from < before_to || from[i] == 1)) {
      before_from *= from[i++];
    } else if (before_to < before_from || to[j] == 1) {
      before_to *= to[j++];
    } else {
      before_from *= from[i++];
      before_to *= to[j++];
    }
  }
}

void AxisClasses::JoinNode(const ir::Node& node) {
  if (node.outputs.empty() || node.inputs.empty()) return;
  const ir::ValueId result = node.outputs[0];
  const auto static_shape = [&](ir::ValueId id) {
    return id == ir::kNoValue || graph_.value(id).type.shape.IsStatic();
  };
  if (!std::all_of(node.inputs.begin(), node.inputs.end(), static_shape) ||
      !std::all_of(node.outputs.begin(), node.outputs.end(), static_shape)) {
    return;
  }
  const int rank = graph_.value(result).type.shape.rank();
  const ir::ValueId x = node.inputs[0];
  const int rank_x = x == ir::kNoValue ? 0 : graph_.value(x).type.shape.rank();

  if (std::holds_alternative<ir::Reshape>(node.op)) {
    JoinReshaped(x, result);
  } else if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
    for (int i = 0; i < rank; ++i) Join(x, static_cast<int>(transpose->perm[i]), result, i);
  } else if (const auto* product = std::get_if<ir::BatchMatMul>(&node.op)) {
    const ir::ValueId y = node.inputs[1];
    const int rank_y = graph_.value(y).type.shape.rank();
    Join(x, rank_x - (product->adj_x ? 1 : 2), result, rank - 2);
    Join(y, rank_y - (product->adj_y ? 2 : 1), result, rank - 1);
    Join(x, rank_x - (product->adj_x ? 2 : 1), y, rank_y - (product->adj_y ? 1 : 2));
    for (int i = 3; i <= rank; ++i) {
      if (i <= rank_x) Join(x, rank_x - i, result, rank - i);
      if (i <= rank_y) Join(y, rank_y - i, result, rank - i);
    }
  } else if (std::holds_alternative<ir::FullyConnected>(node.op)) {
    for (int i = 0; i + 1 < std::min(rank, rank_x); ++i) Join(x, i, result, i);
    Join(x, rank_x - 1, node.inputs[1], 1);
  } else if (std::holds_alternative<ir::Gather>(node.op)) {
    const int axis = static_cast<int>(std::get<ir::Gather>(node.op).axis);
    for (int i = 0; i < axis; ++i) Join(x, i, result, i);
    for (int i = 1; i <= rank_x - 1 - axis; ++i) Join(x, rank_x - i, result, rank - i);
  } else if (const auto* pack = std::get_if<ir::Pack>(&node.op)) {
    for (int i = 0; i < rank_x; ++i) Join(x, i, result, i < pack->axis ? i : i + 1);
  } else if (const auto* unpack = std::get_if<ir::Unpack>(&node.op)) {
    for (ir::ValueId output : node.outputs) {
      for (int i = 0; i < rank_x - 1; ++i) Join(x, i < unpack->axis ? i : i + 1, output, i);
    }
  } else {
    const bool reduces = std::visit(
        [&](const auto& op) {
          if constexpr (requires {
                          op.axes;
                          op.keep_dims;
                        }) {
            // Kept axes in order; with keep_dims they align by position and the reduced ones have
            // extent 1.
            for (int from = 0, to = 0; from < rank_x; ++from) {
              const bool reduced = std::find(op.axes.begin(), op.axes.end(), from) != op.axes.end();
              if (!reduced) Join(x, from, result, to);
              if (!reduced || op.keep_dims) ++to;
            }
            return true;
          }
          return false;
        },
        node.op);
    if (reduces) return;
    // Element by element, or moving along an axis whose extent changes (slice, split, concat, pad,
    // tile): axes of equal extent pair by position. An axis that a slice shortens differs in extent
    // and so pairs with nothing.
    for (ir::ValueId input : node.inputs) {
      if (input == ir::kNoValue) continue;
      for (ir::ValueId output : node.outputs) JoinTrailing(input, output);
    }
  }
}

}  // namespace g4c::quantization
