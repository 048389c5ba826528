#include "passes/batch_heads.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "passes/matchers.h"
#include "passes/pieces.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

// What a head does is not deeper than this: it bounds the recursion.
constexpr int kMaxDepth = 40;

// One value of each head.
using Lanes = std::vector<ValueId>;

// Where the heads' axis is in the batched value: at `axis`, beside the axes of a lane, or in the
// place of an axis of 1 that lanes have there.
struct Place {
  int axis;
  bool added;
  bool operator<(const Place& other) const {
    return std::pair(axis, added) < std::pair(other.axis, other.added);
  }
};

// Batches the lanes of one concatenation.
class Batcher {
 public:
  Batcher(Graph& graph, ValueId y) : graph_(graph), y_(y), build_(graph, y) {}

  // Whether all lanes do the same, a product among it, with the heads at `place`. Then obstacle()
  // tells why they stay all the same; empty where they need not.
  bool Check(const Lanes& lanes, Place place) {
    if (!Visit(lanes, place, 0) || !has_product_) return false;
    if (obstacle_.empty()) obstacle_ = Leak();
    return true;
  }
  const std::string& obstacle() const { return obstacle_; }

  ValueId Build(const Lanes& lanes, Place place) {
    const auto known = built_.find({lanes, place});
    if (known != built_.end()) return known->second;
    const ValueId batched = BuildNew(lanes, place);
    built_[{lanes, place}] = batched;
    return batched;
  }
  RewriteBuilder& build() { return build_; }

 private:
  const Dims& DimsOf(ValueId value) const { return graph_.value(value).type.shape.dims(); }

  Dims BatchedDims(const Lanes& lanes, Place place) const {
    Dims dims = DimsOf(lanes[0]);
    const int64_t heads = static_cast<int64_t>(lanes.size());
    if (place.added) {
      dims.insert(dims.begin() + place.axis, heads);
    } else {
      dims[place.axis] = heads;
    }
    return dims;
  }

  static bool AllEqual(const Lanes& lanes) {
    return std::all_of(lanes.begin(), lanes.end(), [&](ValueId v) { return v == lanes[0]; });
  }

  // Lanes of which each is there several times in a row: the ones that differ; else nothing.
  static Lanes Distinct(const Lanes& lanes) {
    const size_t copies =
        std::find_if(lanes.begin(), lanes.end(), [&](ValueId lane) { return lane != lanes[0]; }) -
        lanes.begin();
    if (copies < 2 || lanes.size() % copies != 0) return {};
    Lanes distinct;
    for (size_t i = 0; i < lanes.size(); ++i) {
      if (i % copies == 0) distinct.push_back(lanes[i]);
      if (lanes[i] != distinct.back()) return {};
    }
    return distinct;
  }

  // Lanes that are pieces of one value in order.
  struct Pieces {
    ValueId source;
    int axis;
    int64_t size;
  };
  absl::optional<Pieces> PiecesOf(const Lanes& lanes) const {
    const absl::optional<Piece> first = PieceOf(graph_, lanes[0]);
    if (!first) return absl::nullopt;
    const int64_t heads = static_cast<int64_t>(lanes.size());
    if (DimsOf(first->source)[first->axis] != first->size * heads) return absl::nullopt;
    for (int64_t i = 0; i < heads; ++i) {
      const absl::optional<Piece> piece = PieceOf(graph_, lanes[i]);
      if (!piece || piece->source != first->source || piece->axis != first->axis ||
          piece->size != first->size || piece->begin != i * first->size)
        return absl::nullopt;
    }
    return Pieces{first->source, static_cast<int>(first->axis), first->size};
  }

  // The place of the heads in an operand of a reshape of lanes; nullopt where it cuts across.
  absl::optional<Place> BeforeReshape(const Dims& from, const Dims& to, Place place) const {
    const int64_t outer = ir::NumElements(Dims(to.begin(), to.begin() + place.axis));
    int64_t before = 1;
    for (size_t axis = 0; axis <= from.size(); ++axis) {
      if (before == outer) {
        const int own = static_cast<int>(axis);
        // Axes of 1 may lie on either side; the heads take the place of one where there is one.
        if (axis < from.size() && from[axis] == 1) return Place{own, false};
        return Place{own, true};
      }
      if (axis < from.size()) before *= from[axis];
    }
    return absl::nullopt;
  }

  // The place in each operand of the lanes' producers; nullopt where the operator does not work on
  // each head by itself.
  absl::optional<Place> PlaceBefore(const ir::Node& node, const Lanes& lanes, Place place) const {
    const Dims& dims = DimsOf(lanes[0]);
    const int rank = static_cast<int>(dims.size());
    if (IsElementwise(node.op)) return place;
    const bool last_axis = std::holds_alternative<ir::RmsNorm>(node.op) ||
                           std::holds_alternative<ir::Softmax>(node.op) ||
                           std::holds_alternative<ir::FullyConnected>(node.op);
    if (last_axis) return place.axis < rank - 1 ? absl::optional<Place>(place) : absl::nullopt;
    if (std::holds_alternative<ir::BatchMatMul>(node.op)) {
      const bool batch = place.added ? place.axis <= rank - 2 : place.axis < rank - 2;
      return batch ? absl::optional<Place>(place) : absl::nullopt;
    }
    if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
      if (place.added) return place;
      return Place{static_cast<int>(transpose->perm[place.axis]), false};
    }
    if (std::holds_alternative<ir::Reshape>(node.op))
      return BeforeReshape(DimsOf(node.inputs[0]), dims, place);
    const auto along = [&](int64_t axis) {
      return !place.added && axis == place.axis ? absl::nullopt : absl::optional<Place>(place);
    };
    if (const auto* split = std::get_if<ir::Split>(&node.op)) return along(split->axis);
    if (const auto* concat = std::get_if<ir::Concat>(&node.op)) return along(concat->axis);
    if (std::holds_alternative<ir::Slice>(node.op)) return place;
    return absl::nullopt;
  }

  // The lanes of operand `index`.
  Lanes OperandLanes(const Lanes& lanes, size_t index) const {
    Lanes operands;
    for (ValueId lane : lanes) operands.push_back(graph_.Producer(lane)->inputs[index]);
    return operands;
  }

  // Whether the producers do the same, and give lanes of the same type and qparams.
  bool SameWork(const Lanes& lanes) {
    const ir::Value& first = graph_.value(lanes[0]);
    const ir::Node* node = graph_.Producer(lanes[0]);
    if (node == nullptr) return false;
    absl::flat_hash_set<NodeId> seen;
    for (ValueId lane : lanes) {
      const ir::Value& value = graph_.value(lane);
      const ir::Node* other = graph_.Producer(lane);
      if (other == nullptr || value.type != first.type || other->op != node->op ||
          other->inputs.size() != node->inputs.size() || value.result_index != first.result_index ||
          !seen.insert(value.producer).second)
        return false;
    }
    for (ValueId lane : lanes) {
      if (graph_.value(lane).quantization == first.quantization) continue;
      if (!obstacle_.empty()) break;
      obstacle_ = absl::StrCat("the qparams of '", first.name, "' and '", graph_.value(lane).name,
                               "' differ");
    }
    return true;
  }

  // Why what lanes compute on the way must stay: somebody else reads it.
  std::string Leak() const {
    const NodeId root = graph_.value(y_).producer;
    for (NodeId id : nodes_) {
      for (ValueId value : graph_.node(id).outputs) {
        const std::vector<ir::Use>& uses = graph_.Uses(value);
        const bool inside = std::all_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
          return use.node == root || nodes_.contains(use.node);
        });
        if (!inside || graph_.IsOutput(value))
          return absl::StrCat("'", graph_.value(value).name, "' is read elsewhere too");
      }
    }
    return "";
  }

  bool Visit(const Lanes& lanes, Place place, int depth) {
    if (depth > kMaxDepth) return false;
    if (visited_.contains({lanes, place})) return true;
    if (const Lanes distinct = Distinct(lanes); !distinct.empty())
      return Visit(distinct, place, depth + 1);
    if (!PiecesOf(lanes)) {
      if (!SameWork(lanes)) return false;
      const ir::Node& node = *graph_.Producer(lanes[0]);
      const absl::optional<Place> before = PlaceBefore(node, lanes, place);
      if (!before) return false;
      const int rank = static_cast<int>(DimsOf(lanes[0]).size());
      bool differ = false;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const Lanes operands = OperandLanes(lanes, i);
        if (AllEqual(operands)) continue;
        differ = true;
        const bool broadcasts =
            IsElementwise(node.op) || std::holds_alternative<ir::BatchMatMul>(node.op);
        if (broadcasts && static_cast<int>(DimsOf(operands[0]).size()) != rank) return false;
        if (i > 0 && !broadcasts && !std::holds_alternative<ir::Concat>(node.op)) return false;
        if (!Visit(operands, *before, depth + 1)) return false;
      }
      if (!differ) return false;
      for (ValueId lane : lanes) nodes_.insert(graph_.value(lane).producer);
      has_product_ |= std::holds_alternative<ir::BatchMatMul>(node.op);
    }
    visited_.insert({lanes, place});
    return true;
  }

  // The one value of all lanes, as an operand that broadcasts over the heads.
  ValueId Shared(ValueId value, Place place, int lane_rank) {
    if (value == ir::kNoValue || !place.added) return value;
    Dims dims = DimsOf(value);
    const int own = place.axis - (lane_rank - static_cast<int>(dims.size()));
    if (own <= 0) return value;
    dims.insert(dims.begin() + own, 1);
    return Reshaped(value, dims);
  }

  ValueId Reshaped(ValueId value, const Dims& dims) {
    const ValueId reshaped = build_.Reshape(value, dims);
    return Inherit(reshaped, value);
  }

  ValueId Inherit(ValueId moved, ValueId from) {
    if (build_.status().ok() && moved != from) {
      const ir::Quantization q = graph_.value(from).quantization;
      graph_.SetQuantization(moved, q, graph_.value(from).quant_origin);
    }
    return moved;
  }

  ValueId BuildPieces(const Pieces& pieces, const Lanes& lanes, Place place) {
    if (!place.added && pieces.axis == place.axis) return pieces.source;
    Dims apart = DimsOf(pieces.source);
    apart[pieces.axis] = pieces.size;
    apart.insert(apart.begin() + pieces.axis, static_cast<int64_t>(lanes.size()));
    ValueId heads = Reshaped(pieces.source, apart);
    Ints perm(apart.size());
    std::iota(perm.begin(), perm.end(), 0);
    perm.erase(perm.begin() + pieces.axis);
    perm.insert(perm.begin() + place.axis, pieces.axis);
    heads = Inherit(build_.Transpose(heads, perm), pieces.source);
    return Reshaped(heads, BatchedDims(lanes, place));
  }

  // Each head several times in a row.
  ValueId Repeated(ValueId heads, const Lanes& lanes, Place place) {
    if (!build_.status().ok()) return heads;
    Dims wide = DimsOf(heads);
    wide.insert(wide.begin() + place.axis + 1, 1);
    const ValueId apart = Reshaped(heads, wide);
    wide[place.axis + 1] = static_cast<int64_t>(lanes.size()) / wide[place.axis];
    const ValueId copied = Inherit(build_.Broadcast(apart, wide), heads);
    return Reshaped(copied, BatchedDims(lanes, place));
  }

  // The operator with the heads' axis in.
  Op Batched(const Op& op, const Lanes& lanes, Place place, Place before) const {
    const auto shifted = [&](int64_t axis) {
      return place.added && axis >= place.axis ? axis + 1 : axis;
    };
    Op batched = op;
    if (std::holds_alternative<ir::Reshape>(op)) return ir::Reshape{BatchedDims(lanes, place)};
    if (auto* concat = std::get_if<ir::Concat>(&batched)) concat->axis = shifted(concat->axis);
    if (auto* transpose = std::get_if<ir::Transpose>(&batched); transpose && place.added) {
      for (int64_t& axis : transpose->perm) axis = axis >= before.axis ? axis + 1 : axis;
      transpose->perm.insert(transpose->perm.begin() + place.axis, before.axis);
    }
    if (auto* slice = std::get_if<ir::Slice>(&batched)) {
      const int64_t heads = static_cast<int64_t>(lanes.size());
      if (place.added) {
        slice->begin.insert(slice->begin.begin() + place.axis, 0);
        slice->size.insert(slice->size.begin() + place.axis, heads);
        slice->stride.insert(slice->stride.begin() + place.axis, 1);
      } else {
        slice->size[place.axis] = heads;
      }
    }
    return batched;
  }

  ValueId BuildNew(const Lanes& lanes, Place place) {
    if (const Lanes distinct = Distinct(lanes); !distinct.empty())
      return Repeated(Build(distinct, place), lanes, place);
    if (const absl::optional<Pieces> pieces = PiecesOf(lanes))
      return BuildPieces(*pieces, lanes, place);
    const ir::Node node = *graph_.Producer(lanes[0]);
    const Place before = *PlaceBefore(node, lanes, place);
    const int rank = static_cast<int>(DimsOf(lanes[0]).size());
    const bool broadcasts =
        IsElementwise(node.op) || std::holds_alternative<ir::BatchMatMul>(node.op);
    std::vector<ValueId> operands;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Lanes own = OperandLanes(lanes, i);
      if (!AllEqual(own)) {
        operands.push_back(Build(own, before));
      } else if (broadcasts) {
        operands.push_back(Shared(own[0], before, rank));
      } else {
        operands.push_back(own[0]);  // weights and gains
      }
    }
    ValueId batched;
    if (const auto* split = std::get_if<ir::Split>(&node.op)) {
      // The piece alone; canonicalize makes a split of all pieces again.
      const int index = graph_.value(lanes[0]).result_index;
      const int64_t begin =
          std::accumulate(split->sizes.begin(), split->sizes.begin() + index, int64_t{0});
      const bool after = before.added && split->axis >= before.axis;
      batched = build_.Slice(operands[0], static_cast<int>(split->axis) + after, begin,
                             split->sizes[index]);
    } else {
      batched = build_.Add(Batched(node.op, lanes, place, before), std::move(operands));
    }
    if (!build_.status().ok()) return ir::kNoValue;
    const ir::Quantization q = graph_.value(lanes[0]).quantization;
    graph_.SetQuantization(batched, q, graph_.value(lanes[0]).quant_origin);
    for (ValueId lane : lanes) {
      const ir::Provenance provenance = graph_.Producer(lane)->provenance;
      graph_.MergeProvenance(graph_.value(batched).producer, provenance);
    }
    return batched;
  }

  Graph& graph_;
  const ValueId y_;
  RewriteBuilder build_;
  std::map<std::pair<Lanes, Place>, ValueId> built_;
  std::set<std::pair<Lanes, Place>> visited_;
  absl::flat_hash_set<NodeId> nodes_;
  std::string obstacle_;
  bool has_product_ = false;
};

class Unroller {
 public:
  Unroller(Graph& graph, Report& report) : graph_(graph), report_(report) {}

  absl::StatusOr<bool> BatchAt(NodeId id) {
    const ir::Node& node = graph_.node(id);
    const auto* concat = std::get_if<ir::Concat>(&node.op);
    const auto* pack = std::get_if<ir::Pack>(&node.op);
    if ((concat == nullptr && pack == nullptr) || node.inputs.size() < 2) return false;
    const Lanes lanes = node.inputs;
    const ValueId y = node.outputs[0];
    if (graph_.Uses(y).empty() && !graph_.IsOutput(y)) return false;  // within heads batched before
    const int axis = static_cast<int>(concat != nullptr ? concat->axis : pack->axis);
    for (Place place : PlacesFor(lanes, axis, pack != nullptr)) {
      Batcher batcher(graph_, y);
      if (!batcher.Check(lanes, place)) continue;
      std::string obstacle = batcher.obstacle();
      const ir::Quantization q = graph_.value(lanes[0]).quantization;
      const ir::QuantOrigin origin = graph_.value(lanes[0]).quant_origin;
      const ir::Quantization own = graph_.value(y).quantization;
      if (obstacle.empty() && ir::HasQparams(own) && own != q)
        obstacle = "what they are put together to has qparams of its own";
      if (!obstacle.empty()) {
        report_.Declined("batch-heads", ir::Describe(graph_, id), obstacle);
        return false;
      }
      const ValueId heads = batcher.Build(lanes, place);
      const ValueId joined = Joined(batcher.build(), heads, lanes, place, axis, y, pack != nullptr);
      RETURN_IF_ERROR(batcher.build().Finish(joined));
      graph_.SetQuantization(joined, q, origin);
      return true;
    }
    return false;
  }

 private:
  const Dims& DimsOf(ValueId value) const { return graph_.value(value).type.shape.dims(); }

  // Where the heads' axis may go, the best place first.
  std::vector<Place> PlacesFor(const Lanes& lanes, int axis, bool packed) const {
    const Dims& dims = DimsOf(lanes[0]);
    const int rank = static_cast<int>(dims.size());
    std::vector<Place> places;
    if (packed) places.push_back({axis, true});
    if (!packed && dims[axis] == 1) places.push_back({axis, false});
    if (rank >= 4 && dims[rank - 3] == 1) places.push_back({rank - 3, false});
    if (rank >= 2) places.push_back({rank - 2, true});
    return places;
  }

  // The batched heads as the concatenation had them.
  ValueId Joined(RewriteBuilder& build, ValueId heads, const Lanes& lanes, Place place, int axis,
                 ValueId y, bool packed) const {
    const Dims dims = DimsOf(y);
    if (!packed && !place.added && place.axis == axis) return heads;
    Dims apart = DimsOf(lanes[0]);
    apart.insert(apart.begin() + place.axis, static_cast<int64_t>(lanes.size()));
    Ints perm(apart.size());
    std::iota(perm.begin(), perm.end(), 0);
    perm.erase(perm.begin() + place.axis);
    perm.insert(perm.begin() + axis, place.axis);
    return build.Reshape(build.Transpose(build.Reshape(heads, apart), perm), dims);
  }

  Graph& graph_;
  Report& report_;
};

}  // namespace

absl::StatusOr<bool> BatchHeads::Run(Graph& graph, Report& report) {
  Unroller unroller(graph, report);
  int batched = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    absl::StatusOr<bool> done = unroller.BatchAt(id);
    if (!done.ok()) return Prefixed(done.status(), absl::StrCat(ir::Describe(graph, id), ": "));
    batched += *done;
  }
  report.Count(name(), batched);
  if (batched > 0) graph.EraseDead();
  return batched > 0;
}

}  // namespace g4c::passes
