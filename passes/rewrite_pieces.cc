#include <algorithm>

#include "passes/matchers.h"
#include "passes/pieces.h"
#include "passes/rewrite_builder.h"
#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::ValueId;

template <typename OpType>
bool CountFromFront(Graph& graph, NodeId id, int64_t rank) {
  const auto* op = std::get_if<OpType>(&graph.node(id).op);
  if (op == nullptr || op->axis >= 0) return false;
  OpType counted = *op;
  counted.axis += rank;
  graph.SetOp(id, std::move(counted));
  return true;
}

//   concat(.., axis: -1) -> concat(.., axis: rank - 1), and the same for split, gather, pack,
//   unpack
absl::StatusOr<bool> CountAxisFromFront(Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  if (node.inputs.empty() || node.outputs.empty()) return false;
  const int64_t rank = static_cast<int64_t>(DimsOf(graph, node.inputs[0]).size());
  const int64_t packed = static_cast<int64_t>(DimsOf(graph, node.outputs[0]).size());
  return CountFromFront<ir::Concat>(graph, id, rank) ||
         CountFromFront<ir::Split>(graph, id, rank) ||
         CountFromFront<ir::Gather>(graph, id, rank) ||
         CountFromFront<ir::Unpack>(graph, id, rank) || CountFromFront<ir::Pack>(graph, id, packed);
}

struct Found {
  Piece piece;
  ValueId value;
};

// The slices of `source` along `axis`, by where they begin, the longest first.
std::vector<Found> SlicesOf(const Graph& graph, ValueId source, int64_t axis) {
  std::vector<Found> found;
  for (const ir::Use& use : graph.Uses(source)) {
    const ir::Node& user = graph.node(use.node);
    const absl::optional<Piece> piece = PieceOfSlice(graph, user);
    if (piece && piece->axis == axis) found.push_back({*piece, user.outputs[0]});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.piece.begin != b.piece.begin ? a.piece.begin < b.piece.begin
                                          : a.piece.size > b.piece.size;
  });
  return found;
}

//   slice(x, 0, 8), slice(x, 0, 4), slice(x, 4, 8)  ->  a = slice(x, 0, 8), slice(a, 0, 4), ...
//   where one slice lies in another: together they may then be splits
absl::StatusOr<bool> NestSlices(Graph& graph, NodeId id) {
  const absl::optional<Piece> first = PieceOfSlice(graph, graph.node(id));
  if (!first || first->begin != 0) return false;
  bool changed = false;
  std::vector<Found> around;  // the slices that the current place lies in, outermost first
  for (const Found& f : SlicesOf(graph, first->source, first->axis)) {
    const int64_t end = f.piece.begin + f.piece.size;
    while (!around.empty() && around.back().piece.begin + around.back().piece.size < end) {
      around.pop_back();
    }
    const ir::Quantization& source = graph.value(first->source).quantization;
    const auto same_numbers = [&](ValueId value) {
      const ir::Quantization& own = graph.value(value).quantization;
      return !ir::HasQparams(own) || own == source;
    };
    if (!around.empty() && around.back().piece.size > f.piece.size &&
        same_numbers(around.back().value)) {
      const NodeId inner = graph.value(f.value).producer;
      ir::Slice slice = std::get<ir::Slice>(graph.node(inner).op);
      slice.begin[first->axis] -= around.back().piece.begin;
      graph.SetOp(inner, std::move(slice));
      graph.SetOperand(inner, 0, around.back().value);
      changed = true;
    }
    around.push_back(f);
  }
  return changed;
}

//   slice(x, 0, a), slice(x, a, b), ...  ->  split(x)
//   where the slices are all of one axis, without overlap
absl::StatusOr<bool> SlicesAsSplit(Graph& graph, NodeId id) {
  const absl::optional<Piece> first = PieceOfSlice(graph, graph.node(id));
  if (!first || first->begin != 0) return false;
  const std::vector<Found> found = SlicesOf(graph, first->source, first->axis);
  int64_t end = 0;
  for (const Found& f : found) {
    if (f.piece.begin != end) return false;
    end += f.piece.size;
  }
  if (end != DimsOf(graph, first->source)[first->axis]) return false;

  ir::Split split{first->axis, {}};
  std::vector<std::string> names;
  std::vector<ir::Type> types;
  ir::Provenance provenance;
  for (const Found& f : found) {
    split.sizes.push_back(f.piece.size);
    names.push_back(graph.value(f.value).name);
    types.push_back(graph.value(f.value).type);
    provenance.Merge(graph.Producer(f.value)->provenance);
  }
  const NodeId node = graph.AddNode(std::move(split), {first->source}, names, types, provenance);
  const std::vector<ValueId> results = graph.node(node).outputs;
  for (size_t i = 0; i < found.size(); ++i) {
    graph.SetQuantization(results[i], graph.value(found[i].value).quantization,
                          graph.value(found[i].value).quant_origin);
    RETURN_IF_ERROR(graph.ReplaceAllUses(found[i].value, results[i]));
    graph.SwapNames(found[i].value, results[i]);
    graph.EraseNode(graph.value(found[i].value).producer);
  }
  return true;
}

//   split(x) with one piece that is read  ->  slice(x)        with one piece in all  ->  x
absl::StatusOr<bool> OnePieceAsSlice(Graph& graph, NodeId id) {
  const auto* split = std::get_if<ir::Split>(&graph.node(id).op);
  if (split == nullptr) return false;
  const std::vector<ValueId> pieces = graph.node(id).outputs;
  const ValueId x = graph.node(id).inputs[0];
  if (pieces.size() == 1) return ReplaceByEqual(graph, pieces[0], x);
  int read = -1;
  int64_t begin = 0;
  int64_t read_begin = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!graph.Uses(pieces[i]).empty() || graph.IsOutput(pieces[i])) {
      if (read >= 0) return false;
      read = static_cast<int>(i);
      read_begin = begin;
    }
    begin += split->sizes[i];
  }
  if (read < 0) return false;
  const int axis = static_cast<int>(split->axis);
  const int64_t size = split->sizes[read];
  RewriteBuilder build(graph, pieces[read]);
  RETURN_IF_ERROR(build.Finish(build.Slice(x, axis, read_begin, size)));
  return true;
}

//   concat(x) -> x        concat(.., concat(a, b), ..) -> concat(.., a, b, ..), along one axis
absl::StatusOr<bool> FlattenConcat(Graph& graph, NodeId id) {
  const auto* concat = std::get_if<ir::Concat>(&graph.node(id).op);
  if (concat == nullptr) return false;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() == 1) return ReplaceByEqual(graph, graph.node(id).outputs[0], inputs[0]);
  std::vector<ValueId> flat;
  for (ValueId input : inputs) {
    const auto* inner = graph.ProducedBy<ir::Concat>(input);
    const bool open = inner != nullptr && inner->axis == concat->axis && graph.HasOneUse(input) &&
                      !ir::HasQparams(graph.value(input).quantization);
    if (!open) {
      flat.push_back(input);
      continue;
    }
    const std::vector<ValueId>& pieces = graph.Producer(input)->inputs;
    flat.insert(flat.end(), pieces.begin(), pieces.end());
  }
  if (flat.size() == inputs.size()) return false;
  graph.SetOperands(id, std::move(flat));
  return true;
}

//   concat(.., x[a : b], x[b : c], ..) -> concat(.., x[a : c], ..)
absl::StatusOr<bool> JoinPieces(Graph& graph, NodeId id) {
  const auto* concat = std::get_if<ir::Concat>(&graph.node(id).op);
  if (concat == nullptr) return false;
  const int64_t axis = concat->axis;
  const ValueId y = graph.node(id).outputs[0];
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  RewriteBuilder build(graph, y);
  std::vector<ValueId> joined;
  for (size_t i = 0; i < inputs.size();) {
    const absl::optional<Piece> first = PieceOf(graph, inputs[i]);
    size_t next = i + 1;
    if (!first || first->axis != axis) {
      joined.push_back(inputs[i]);
      i = next;
      continue;
    }
    int64_t end = first->begin + first->size;
    while (next < inputs.size()) {
      const absl::optional<Piece> piece = PieceOf(graph, inputs[next]);
      if (!piece || piece->source != first->source || piece->axis != axis || piece->begin != end)
        break;
      end += piece->size;
      ++next;
    }
    if (next == i + 1) {
      joined.push_back(inputs[i]);
    } else {
      const ValueId piece =
          build.Slice(first->source, static_cast<int>(axis), first->begin, end - first->begin);
      RETURN_IF_ERROR(build.status());
      if (piece != first->source) {
        graph.SetQuantization(piece, graph.value(inputs[i]).quantization,
                              graph.value(inputs[i]).quant_origin);
      }
      joined.push_back(piece);
    }
    i = next;
  }
  if (joined.size() == inputs.size()) return false;
  graph.SetOperands(id, std::move(joined));
  return true;
}

// begin, begin + stride, ...: the indices as a slice of a dim; negative ones count from the end.
struct Progression {
  int64_t begin;
  int64_t stride;
};
absl::optional<Progression> ProgressionOf(const Ints& indices, int64_t dim) {
  if (indices.empty()) return absl::nullopt;
  for (int64_t index : indices) {
    if (index < 0 || index >= dim) return absl::nullopt;
  }
  const int64_t stride = indices.size() > 1 ? indices[1] - indices[0] : 1;
  if (stride == 0) return absl::nullopt;
  for (size_t i = 1; i < indices.size(); ++i) {
    if (indices[i] - indices[i - 1] != stride) return absl::nullopt;
  }
  return Progression{indices[0], stride};
}

// The rows of axis `axis` that `indices` name, as a slice where they are evenly spaced, else as a
// gather.
ValueId TakeRows(RewriteBuilder& build, ValueId x, int axis, const Ints& indices) {
  if (!build.status().ok()) return x;
  const Dims dims = build.DimsOf(x);
  if (const absl::optional<Progression> rows = ProgressionOf(indices, dims[axis])) {
    ir::Slice slice{Ints(dims.size(), 0), dims, Ints(dims.size(), 1)};
    slice.begin[axis] = rows->begin;
    slice.size[axis] = static_cast<int64_t>(indices.size());
    slice.stride[axis] = rows->stride;
    return build.Add(std::move(slice), {x});
  }
  return build.Add(ir::Gather{axis}, {x, build.Constant(ir::Tensor::I64(indices))});
}

//   gather(x, k) -> reshape(slice(x)), where the constant indices are evenly spaced
absl::StatusOr<bool> GatherAsSlice(Graph& graph, NodeId id) {
  const auto* gather = std::get_if<ir::Gather>(&graph.node(id).op);
  if (gather == nullptr || !graph.IsConstant(graph.node(id).inputs[1])) return false;
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  const int axis = static_cast<int>(gather->axis);
  const int64_t dim = DimsOf(graph, x)[axis];
  Ints indices = graph.value(graph.node(id).inputs[1]).constant->Ints();
  for (int64_t& index : indices) index += index < 0 ? dim : 0;
  if (!ProgressionOf(indices, dim)) return false;
  const Dims dims = DimsOf(graph, y);
  RewriteBuilder build(graph, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(TakeRows(build, x, axis, indices), dims)));
  return true;
}

//   gather_nd(x, k) -> reshape(take(reshape(x, [product of the indexed axes, ...]), row numbers))
absl::StatusOr<bool> GatherNdAsRows(Graph& graph, NodeId id) {
  const auto* gather = std::get_if<ir::GatherNd>(&graph.node(id).op);
  if (gather == nullptr || gather->batch_dims != 0 || !graph.IsConstant(graph.node(id).inputs[1]))
    return false;
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  const ir::Tensor& data = *graph.value(graph.node(id).inputs[1]).constant;
  const Dims dims = DimsOf(graph, x);
  const Dims result = DimsOf(graph, y);
  const int64_t width = data.dims().back();
  if (data.NumElements() == 0 || width == 0) return false;
  const Ints coordinates = data.Ints();
  Ints rows(coordinates.size() / width, 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (int64_t k = 0; k < width; ++k) {
      int64_t index = coordinates[i * width + k];
      index += index < 0 ? dims[k] : 0;
      if (index < 0 || index >= dims[k])
        return InvalidInput("index ", index, " is outside of dim ", dims[k]);
      rows[i] = rows[i] * dims[k] + index;
    }
  }
  Dims flat = {ir::NumElements(Dims(dims.begin(), dims.begin() + width))};
  flat.insert(flat.end(), dims.begin() + width, dims.end());
  RewriteBuilder build(graph, y);
  RETURN_IF_ERROR(
      build.Finish(build.Reshape(TakeRows(build, build.Reshape(x, flat), 0, rows), result)));
  return true;
}

}  // namespace

absl::Span<const Rewrite> PieceRewrites() {
  static constexpr Rewrite kRewrites[] = {
      {"count-axis-from-front", CountAxisFromFront},
      {"nest-slices", NestSlices},
      {"slices-as-split", SlicesAsSplit},
      {"one-piece-as-slice", OnePieceAsSlice},
      {"flatten-concat", FlattenConcat},
      {"join-pieces", JoinPieces},
      {"gather-as-slice", GatherAsSlice},
      {"gather-nd-as-rows", GatherNdAsRows},
  };
  return kRewrites;
}

}  // namespace g4c::passes
