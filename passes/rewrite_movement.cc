#include <algorithm>

#include "passes/matchers.h"
#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::ValueId;

const Dims& DimsOf(const Graph& graph, ValueId value) {
  return graph.value(value).type.shape.dims();
}

// Whether `value` may be bypassed by a reader that composes it with itself: the qparams on both of
// its sides agree, or it has none of its own.
bool Transparent(const Graph& graph, ValueId value, ValueId operand) {
  const ir::Quantization& own = graph.value(value).quantization;
  return !ir::HasQparams(own) || own == graph.value(operand).quantization;
}

//   reshape(x), transpose(x), slice(x), broadcast_to(x), tile(x), pad(x)  ->  x
//   where nothing moves
absl::StatusOr<bool> DropUnmoved(Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  if (node.inputs.empty()) return false;
  const auto unmoved = [&](const ir::Op& op) {
    if (const auto* transpose = std::get_if<ir::Transpose>(&op)) {
      return std::is_sorted(transpose->perm.begin(), transpose->perm.end());
    }
    if (const auto* slice = std::get_if<ir::Slice>(&op)) {
      // Of a dim of 1 any stride takes the same element.
      for (size_t i = 0; i < slice->stride.size(); ++i) {
        if (slice->stride[i] != 1 && slice->size[i] != 1) return false;
      }
      return true;
    }
    return std::holds_alternative<ir::Reshape>(op) || std::holds_alternative<ir::BroadcastTo>(op) ||
           std::holds_alternative<ir::Tile>(op) || std::holds_alternative<ir::Pad>(op);
  };
  const ValueId x = node.inputs[0];
  const ValueId y = node.outputs[0];
  if (graph.value(x).type != graph.value(y).type || !unmoved(node.op)) return false;
  return ReplaceByEqual(graph, y, x);
}

//   reshape(reshape(x)) -> reshape(x)
absl::StatusOr<bool> MergeReshapes(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  const ValueId inner = OperandOf<ir::Reshape>(graph, y);
  if (inner == ir::kNoValue) return false;
  const ValueId x = OperandOf<ir::Reshape>(graph, inner);
  if (x == ir::kNoValue || !Transparent(graph, inner, x)) return false;
  graph.SetOperand(id, 0, x);
  return true;
}

//   transpose(transpose(x, p), q) -> transpose(x, p[q])
absl::StatusOr<bool> MergeTransposes(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  const ValueId inner = OperandOf<ir::Transpose>(graph, y);
  if (inner == ir::kNoValue) return false;
  const ValueId x = OperandOf<ir::Transpose>(graph, inner);
  if (x == ir::kNoValue || !Transparent(graph, inner, x)) return false;
  const Ints& p = graph.ProducedBy<ir::Transpose>(inner)->perm;
  Ints composed;
  for (int64_t axis : graph.ProducedBy<ir::Transpose>(y)->perm) composed.push_back(p[axis]);
  Become(graph, y, ir::Transpose{std::move(composed)}, {x});
  return true;
}

//   transpose(x) -> reshape(x), where the axes longer than 1 keep their order
absl::StatusOr<bool> TransposeAsReshape(Graph& graph, NodeId id) {
  const auto* transpose = std::get_if<ir::Transpose>(&graph.node(id).op);
  if (transpose == nullptr) return false;
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  if (std::holds_alternative<ir::QuantPerChannel>(graph.value(x).quantization)) return false;
  int64_t last = -1;
  for (int64_t axis : transpose->perm) {
    if (DimsOf(graph, x)[axis] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  Become(graph, y, ir::Reshape{DimsOf(graph, y)}, {x});
  return true;
}

// The axes of `from` that each axis of `to` is the product of, in order; nullopt where `to` is not
// made by joining neighbours. An axis of 1 belongs to the group before it.
absl::optional<std::vector<Ints>> JoinedAxes(const Dims& from, const Dims& to) {
  std::vector<Ints> groups;
  size_t next = 0;
  for (int64_t dim : to) {
    Ints group;
    int64_t product = 1;
    while (next < from.size() && (product < dim || from[next] == 1)) {
      product *= from[next];
      group.push_back(static_cast<int64_t>(next++));
    }
    if (product != dim) return absl::nullopt;
    groups.push_back(std::move(group));
  }
  if (next != from.size()) return absl::nullopt;
  return groups;
}

//   reshape(transpose(reshape(x), p)) -> transpose(x, p'), where the reshapes join neighbouring
//   axes and take them apart again
absl::StatusOr<bool> TransposeApart(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  const ValueId moved = OperandOf<ir::Reshape>(graph, y);
  if (moved == ir::kNoValue) return false;
  const ValueId joined = OperandOf<ir::Transpose>(graph, moved);
  if (joined == ir::kNoValue) return false;
  const ValueId x = OperandOf<ir::Reshape>(graph, joined);
  if (x == ir::kNoValue) return false;
  if (!Transparent(graph, moved, joined) || !Transparent(graph, joined, x)) return false;
  if (DimsOf(graph, x).size() != DimsOf(graph, y).size()) return false;
  const auto groups = JoinedAxes(DimsOf(graph, x), DimsOf(graph, joined));
  if (!groups) return false;
  Ints perm;
  Dims dims;
  for (int64_t axis : graph.ProducedBy<ir::Transpose>(moved)->perm) {
    for (int64_t own : (*groups)[axis]) {
      perm.push_back(own);
      dims.push_back(DimsOf(graph, x)[own]);
    }
  }
  if (dims != DimsOf(graph, y)) return false;
  Become(graph, y, ir::Transpose{std::move(perm)}, {x});
  return true;
}

//   slice(slice(x, b, s), c, t) -> slice(x, b + c s, s t)
//   where nothing else reads the inner one: pieces of a piece that is read as a whole stay nested,
//   and become a split of a split
absl::StatusOr<bool> MergeSlices(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  const ValueId inner = OperandOf<ir::Slice>(graph, y);
  if (inner == ir::kNoValue) return false;
  const ValueId x = OperandOf<ir::Slice>(graph, inner);
  if (x == ir::kNoValue || !Transparent(graph, inner, x) || !graph.HasOneUse(inner)) return false;
  const ir::Slice& first = *graph.ProducedBy<ir::Slice>(inner);
  ir::Slice merged = *graph.ProducedBy<ir::Slice>(y);
  for (size_t i = 0; i < merged.begin.size(); ++i) {
    merged.begin[i] = first.begin[i] + merged.begin[i] * first.stride[i];
    merged.stride[i] = merged.size[i] == 1 ? 1 : merged.stride[i] * first.stride[i];
  }
  Become(graph, y, std::move(merged), {x});
  return true;
}

//   tile(x) -> broadcast_to(x), where only axes of dim 1 are repeated
absl::StatusOr<bool> TileAsBroadcast(Graph& graph, NodeId id) {
  const auto* tile = std::get_if<ir::Tile>(&graph.node(id).op);
  if (tile == nullptr) return false;
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  for (size_t i = 0; i < tile->multiples.size(); ++i) {
    if (tile->multiples[i] != 1 && DimsOf(graph, x)[i] != 1) return false;
  }
  Become(graph, y, ir::BroadcastTo{DimsOf(graph, y)}, {x});
  return true;
}

}  // namespace

absl::Span<const Rewrite> MovementRewrites() {
  static constexpr Rewrite kRewrites[] = {
      {"drop-unmoved", DropUnmoved},          {"merge-reshapes", MergeReshapes},
      {"merge-transposes", MergeTransposes},  {"transpose-as-reshape", TransposeAsReshape},
      {"transpose-apart", TransposeApart},    {"merge-slices", MergeSlices},
      {"tile-as-broadcast", TileAsBroadcast},
  };
  return kRewrites;
}

}  // namespace g4c::passes
