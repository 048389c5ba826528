#include "passes/pieces.h"

namespace g4c::passes {

using ir::Graph;
using ir::ValueId;

absl::optional<Piece> PieceOfSlice(const Graph& graph, const ir::Node& node) {
  const auto* slice = std::get_if<ir::Slice>(&node.op);
  if (slice == nullptr) return absl::nullopt;
  absl::optional<Piece> piece;
  for (size_t i = 0; i < slice->size.size(); ++i) {
    if (slice->size[i] == graph.value(node.inputs[0]).type.shape.dim(static_cast<int>(i)) &&
        slice->stride[i] == 1)
      continue;
    if (piece || slice->stride[i] != 1) return absl::nullopt;
    piece = Piece{node.inputs[0], static_cast<int64_t>(i), slice->begin[i], slice->size[i]};
  }
  return piece;
}

absl::optional<Piece> PieceOf(const Graph& graph, ValueId value) {
  const ir::Node* node = graph.Producer(value);
  if (node == nullptr) return absl::nullopt;
  absl::optional<Piece> piece = PieceOfSlice(graph, *node);
  if (const auto* split = std::get_if<ir::Split>(&node->op)) {
    const int index = graph.value(value).result_index;
    int64_t begin = 0;
    for (int i = 0; i < index; ++i) begin += split->sizes[i];
    piece = Piece{node->inputs[0], split->axis, begin, split->sizes[index]};
  }
  if (!piece) return absl::nullopt;
  const ir::Quantization& own = graph.value(value).quantization;
  if (ir::HasQparams(own) && own != graph.value(piece->source).quantization) return absl::nullopt;
  return piece;
}

}  // namespace g4c::passes
