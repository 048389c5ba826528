#include <algorithm>

#include "passes/matchers.h"
#include "passes/relayout.h"
#include "passes/rewrite_builder.h"
#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::ValueId;

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

// Longer ones are shortened piece by piece.
constexpr size_t kMaxChain = 8;

bool IsRelayout(const Graph& graph, ValueId value) {
  return graph.ProducedBy<ir::Reshape>(value) != nullptr ||
         graph.ProducedBy<ir::Transpose>(value) != nullptr;
}

//   f(g(.. x)), each a reshape or a transpose  ->  the shortest chain that does the same
//   (passes/relayout.h). A value on the way that has other readers stays; then only a chain of one
//   is worth it.
absl::StatusOr<bool> ShortenChain(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  if (!IsRelayout(graph, y)) return false;
  // From the last operator back: what it reads, and whether that is read by it alone.
  std::vector<ValueId> sources = {graph.node(id).inputs[0]};
  std::vector<bool> alone = {true};
  while (sources.size() < kMaxChain && IsRelayout(graph, sources.back())) {
    const ValueId operand = graph.Producer(sources.back())->inputs[0];
    if (!Transparent(graph, sources.back(), operand)) break;
    alone.push_back(alone.back() && graph.HasOneUse(sources.back()));
    sources.push_back(operand);
  }
  for (size_t length = sources.size(); length > 0; --length) {
    const ValueId x = sources[length - 1];
    if (std::holds_alternative<ir::QuantPerChannel>(graph.value(x).quantization)) continue;
    std::vector<ir::Op> chain;
    for (size_t i = length - 1; i > 0; --i) chain.push_back(graph.Producer(sources[i - 1])->op);
    chain.push_back(graph.node(id).op);
    const absl::optional<std::vector<ir::Op>> shortest = ShortestChain(DimsOf(graph, x), chain);
    if (!shortest || shortest->size() > (alone[length - 1] ? length : 1)) continue;
    if (*shortest == chain) return false;
    if (shortest->empty()) {
      if (ReplaceByEqual(graph, y, x)) return true;
      continue;
    }
    const ir::Quantization q = graph.value(x).quantization;
    const ir::QuantOrigin origin = graph.value(x).quant_origin;
    RewriteBuilder build(graph, y);
    ValueId moved = x;
    for (size_t i = 0; i + 1 < shortest->size(); ++i) {
      moved = build.Add((*shortest)[i], {moved});
      RETURN_IF_ERROR(build.status());
      graph.SetQuantization(moved, q, origin);
    }
    Become(graph, y, shortest->back(), {moved});
    return true;
  }
  return false;
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
      {"drop-unmoved", DropUnmoved},
      {"shorten-chain", ShortenChain},
      {"merge-slices", MergeSlices},
      {"tile-as-broadcast", TileAsBroadcast},
  };
  return kRewrites;
}

}  // namespace g4c::passes
