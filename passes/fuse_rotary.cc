#include "passes/fuse_rotary.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "passes/channel_order.h"
#include "passes/channel_terms.h"
#include "passes/matchers.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

// The partner of each channel and its two factors; a partner of -1 where it does not turn.
struct Pairing {
  Ints partner;
  std::vector<absl::optional<ChannelTerm>> self;
  std::vector<absl::optional<ChannelTerm>> other;
};

// y = x turned: a match.
struct Rotation {
  ValueId x;
  ValueId y;
  std::vector<NodeId> nodes;
  ValueId leak;         // an inner value that is read elsewhere too, or kNoValue
  ValueId source_leak;  // the same, x included
  Ints order;
  Pairing pairing;
  bool keeps_order = false;
  bool declined = false;
};

absl::optional<Pairing> PairingOf(ChannelSums sums) {
  Pairing pairing;
  const int count = static_cast<int>(sums.size());
  bool turns = false;
  for (int c = 0; c < count; ++c) {
    absl::optional<ChannelTerm> self;
    absl::optional<ChannelTerm> other;
    for (ChannelTerm& term : sums[c]) (term.source == c ? self : other) = std::move(term);
    const bool kept = sums[c].size() == 1 && self && !self->table && self->sign == 1;
    const bool turned = sums[c].size() == 2 && self && other;
    if (!kept && !turned) return absl::nullopt;
    turns |= turned;
    pairing.partner.push_back(turned ? other->source : -1);
    pairing.self.push_back(std::move(self));
    pairing.other.push_back(std::move(other));
  }
  for (int c = 0; c < count; ++c) {
    if (pairing.partner[c] >= 0 && pairing.partner[pairing.partner[c]] != c) return absl::nullopt;
  }
  if (!turns) return absl::nullopt;
  return pairing;
}

// The first half of the order, then the partners; empty where the channels do not pair up.
Ints OrderOf(const Ints& partner) {
  Ints first;
  Ints second;
  Ints still;
  for (int64_t c = 0; c < static_cast<int64_t>(partner.size()); ++c) {
    if (partner[c] < 0) still.push_back(c);
    if (partner[c] <= c) continue;
    first.push_back(c);
    second.push_back(partner[c]);
  }
  if (still.size() % 2 != 0) return {};
  const auto middle = still.begin() + still.size() / 2;
  first.insert(first.end(), still.begin(), middle);
  second.insert(second.end(), middle, still.end());
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The factors of all channels as one table [the leading axes that any of them varies over, or 1,
// channels]; `absent` where there is no term.
Tensor TableOf(const std::vector<absl::optional<ChannelTerm>>& terms, const Ints& order,
               int lead_rank, float absent) {
  Dims dims(lead_rank, 1);
  for (const absl::optional<ChannelTerm>& term : terms) {
    if (!term || !term->table) continue;
    for (int i = 0; i < lead_rank; ++i) dims[i] = std::max(dims[i], term->table->dims()[i]);
  }
  const int64_t rows = ir::NumElements(dims);
  const int64_t channels = static_cast<int64_t>(order.size());
  Dims table_dims = dims;
  table_dims.push_back(channels);
  Tensor table = Tensor::Allocate(ir::DType::kF32, table_dims);
  float* out = table.mutable_data<float>();
  std::vector<float> column(rows);
  for (int64_t i = 0; i < channels; ++i) {
    const absl::optional<ChannelTerm>& term = terms[order[i]];
    if (!term || !term->table) {
      std::fill(column.begin(), column.end(), term ? term->sign : absent);
    } else {
      term->table->BroadcastTo(dims).ReadFloats(0, absl::MakeSpan(column));
      for (float& number : column) number *= term->sign;
    }
    for (int64_t row = 0; row < rows; ++row) out[row * channels + i] = column[row];
  }
  return table;
}

// Tables by what they are made of: most layers turn by the same numbers, so that each table is made
// once and all show the same storage.
class Tables {
 public:
  const Tensor& Of(const std::vector<absl::optional<ChannelTerm>>& terms, const Ints& order,
                   int lead_rank, float absent) {
    std::string key;
    const auto append = [&](const auto& number) {
      key.append(reinterpret_cast<const char*>(&number), sizeof(number));
    };
    append(absent);
    append(lead_rank);
    for (int64_t channel : order) {
      const absl::optional<ChannelTerm>& term = terms[channel];
      append(term ? term->sign : 0.0f);
      key.push_back(term && term->table ? 't' : '-');
      if (!term || !term->table) continue;
      const Tensor& table = *term->table;
      append(table.storage());
      for (int axis = 0; axis < table.rank(); ++axis) {
        append(table.dims()[axis]);
        append(table.strides()[axis]);
      }
    }
    const auto [it, inserted] = tables_.try_emplace(std::move(key));
    if (inserted) {
      it->second = TableOf(terms, order, lead_rank, absent);
      // A table that was made on the way lives as long as its key.
      for (const absl::optional<ChannelTerm>& term : terms) {
        if (term && term->table) sources_.push_back(*term->table);
      }
    }
    return it->second;
  }

 private:
  absl::flat_hash_map<std::string, Tensor> tables_;
  std::vector<Tensor> sources_;
};

class RotaryFuser {
 public:
  RotaryFuser(Graph& graph, Report& report) : graph_(graph), report_(report) {}

  absl::StatusOr<bool> Run() {
    Find();
    for (Rotation& rotation : rotations_) {
      rotation.keeps_order = std::is_sorted(rotation.order.begin(), rotation.order.end());
      if (!rotation.keeps_order) reordered_.push_back(&rotation);
    }
    DeclineUnpaired();
    bool changed = false;
    Reorderer reorderer(graph_);
    for (Rotation& rotation : rotations_) {
      if (rotation.declined) continue;
      if (!rotation.keeps_order) {
        // Another rotation may have changed the weights that both come from.
        const bool qparams = reorderer.Apply(PlanReorder(graph_, rotation.x, rotation.order));
        report_.Count("reorder-channels");
        if (qparams) {
          report_.Note(
              absl::StrCat("'", graph_.value(rotation.x).name,
                           "': the channels of each head were reordered, per-channel qparams "
                           "of its weights with them"));
        }
      }
      RETURN_IF_ERROR(Rewrite(rotation));
      report_.Count("fuse-rotary");
      changed = true;
    }
    return changed;
  }

 private:
  // Consumers first, so that a rotation is seen from its end.
  void Find() {
    const std::vector<NodeId> order = graph_.TopologicalOrder();
    const std::vector<int> positions = PositionsOf(graph_);
    absl::flat_hash_set<NodeId> taken;
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
      const ir::Op& op = graph_.node(*id).op;
      const bool ends =
          IsPlain<ir::Add>(op) || IsPlain<ir::Sub>(op) || std::holds_alternative<ir::Concat>(op);
      if (!ends || taken.contains(*id)) continue;
      const absl::optional<Rotation> rotation = RotationAt(graph_.node(*id).outputs[0], positions);
      if (!rotation) continue;
      taken.insert(rotation->nodes.begin(), rotation->nodes.end());
      if (!IsFused(*rotation) && MayFuse(*rotation)) rotations_.push_back(*rotation);
    }
    std::reverse(rotations_.begin(), rotations_.end());
  }

  // The widest rotation that ends in y: of the sources that it can be seen from, the one farthest
  // away, since movement between them goes.
  absl::optional<Rotation> RotationAt(ValueId y, const std::vector<int>& positions) const {
    Region region(graph_, y, positions, OperandsOfChannelSum);
    absl::optional<Rotation> widest;
    while (region.NextSource()) {
      absl::optional<Rotation> rotation = RotationFrom(region, y);
      if (rotation) widest = std::move(rotation);
    }
    return widest;
  }

  absl::optional<Rotation> RotationFrom(const Region& region, ValueId y) const {
    const Dims& from = graph_.value(region.source()).type.shape.dims();
    const Dims& to = graph_.value(y).type.shape.dims();
    // y has x's axes; those of its channels may still be apart, as pairs are.
    if (from.empty() || to.size() < from.size() || ir::NumElements(from) != ir::NumElements(to) ||
        !std::equal(from.begin(), from.end() - 1, to.begin()))
      return absl::nullopt;
    absl::optional<ChannelSums> sums = ChannelSumsOf(graph_, y, region);
    if (!sums) return absl::nullopt;
    absl::optional<Pairing> pairing = PairingOf(*std::move(sums));
    if (!pairing) return absl::nullopt;
    const Ints order = OrderOf(pairing->partner);
    if (order.empty()) return absl::nullopt;
    const int lead = static_cast<int>(from.size()) - 1;
    if (to.size() > from.size() &&
        TurnsAlikeAlong(*pairing, lead, Dims(to.begin() + lead, to.end())))
      return absl::nullopt;
    return Rotation{region.source(),
                    y,
                    region.nodes(),
                    region.Leak(/*with_source=*/false),
                    region.Leak(/*with_source=*/true),
                    order,
                    *std::move(pairing)};
  }

  // Whether all of the first axis of `block` turns by the same numbers: it is an axis of heads, not
  // of channels.
  static bool TurnsAlikeAlong(const Pairing& pairing, int lead, const Dims& block) {
    Ints same(pairing.partner.size());
    std::iota(same.begin(), same.end(), 0);
    for (const auto* terms : {&pairing.self, &pairing.other}) {
      Tensor table = TableOf(*terms, same, lead, 0);
      Dims dims(table.dims().begin(), table.dims().end() - 1);
      dims.insert(dims.end(), block.begin(), block.end());
      table = Compacted(table.Reshaped(dims));
      if (block[0] > 1 && table.strides()[lead] != 0) return false;
    }
    return true;
  }

  // Whether it is written as the rewrite writes it.
  bool IsFused(const Rotation& rotation) const {
    const ValueId x = rotation.x;
    const absl::optional<Operands> sum = OperandsOf<ir::Add>(graph_, rotation.y);
    if (!sum) return false;
    const absl::optional<Operands> straight = OperandsOf<ir::Mul>(graph_, sum->a);
    const absl::optional<Operands> crossed = OperandsOf<ir::Mul>(graph_, sum->b);
    if (!straight || !crossed || straight->a != x || !graph_.IsConstant(straight->b)) return false;
    const auto* concat = graph_.ProducedBy<ir::Concat>(crossed->a);
    if (concat == nullptr || !graph_.IsConstant(crossed->b)) return false;
    const std::vector<ValueId>& halves = graph_.Producer(crossed->a)->inputs;
    if (halves.size() != 2 || OperandOf<ir::Split>(graph_, halves[0]) != x) return false;
    return graph_.value(halves[0]).producer == graph_.value(halves[1]).producer &&
           graph_.value(halves[0]).result_index == 1 &&
           graph_.Producer(halves[0])->outputs.size() == 2;
  }

  // Whether the inner values may go.
  bool MayFuse(const Rotation& rotation) {
    if (rotation.leak != ir::kNoValue) {
      return Decline(rotation, absl::StrCat("'", graph_.value(rotation.leak).name,
                                            "' inside it is read elsewhere too"));
    }
    const ir::Quantization& q = graph_.value(rotation.x).quantization;
    for (NodeId id : rotation.nodes) {
      for (ValueId operand : graph_.node(id).inputs) {
        if (!graph_.IsConstant(operand) || !ir::HasQparams(graph_.value(operand).quantization))
          continue;
        return Decline(rotation, absl::StrCat("its table '", graph_.value(operand).name,
                                              "' has qparams, which hold for one sign"));
      }
      for (ValueId value : graph_.node(id).outputs) {
        const ir::Quantization& own = graph_.value(value).quantization;
        if (value == rotation.y || !ir::HasQparams(own) || own == q) continue;
        return Decline(rotation, absl::StrCat("'", graph_.value(value).name,
                                              "' inside it has qparams of its own"));
      }
    }
    return true;
  }

  bool Decline(const Rotation& rotation, absl::string_view reason) {
    report_.Declined("fuse-rotary", ir::Describe(graph_, graph_.value(rotation.y).producer),
                     reason);
    return false;
  }

  // Of the rotations that need their channels reordered, keeps those whose products all have a
  // partner that turns in the same order.
  void DeclineUnpaired() {
    absl::flat_hash_map<NodeId, std::array<Rotation*, 2>> products;
    absl::flat_hash_map<const Rotation*, std::vector<NodeId>> read_by;
    const auto decline = [&](Rotation* rotation, absl::string_view reason) {
      rotation->declined = true;
      Decline(*rotation, absl::StrCat("its channels cannot be reordered: ", reason));
    };
    for (Rotation* rotation : reordered_) {
      const int channel_axes = graph_.value(rotation->y).type.shape.rank() -
                               graph_.value(rotation->x).type.shape.rank() + 1;
      const Contractions found = ContractionsOf(graph_, rotation->y, channel_axes);
      const std::string& obstacle = found.obstacle.empty() ? Source(*rotation) : found.obstacle;
      if (!obstacle.empty()) {
        decline(rotation, obstacle);
        continue;
      }
      for (const ir::Use& use : found.products) {
        products[use.node][use.operand] = rotation;
        read_by[rotation].push_back(use.node);
      }
    }
    // Declining one takes the other side of its products along.
    for (bool again = true; again;) {
      again = false;
      for (Rotation* rotation : reordered_) {
        if (rotation->declined) continue;
        for (NodeId id : read_by[rotation]) {
          const auto& [a, b] = products[id];
          const bool alike =
              a != nullptr && b != nullptr && !a->declined && !b->declined && a->order == b->order;
          if (alike) continue;
          decline(rotation, absl::StrCat(ir::Describe(graph_, id),
                                         " multiplies it with what does not turn alike"));
          again = true;
          break;
        }
      }
    }
  }

  // Why the channels of x cannot be reordered; empty where they can.
  std::string Source(const Rotation& rotation) const {
    if (rotation.source_leak != ir::kNoValue) {
      return absl::StrCat("'", graph_.value(rotation.source_leak).name, "' is read elsewhere too");
    }
    return PlanReorder(graph_, rotation.x, rotation.order).obstacle;
  }

  absl::Status Rewrite(const Rotation& rotation) {
    const ValueId x = rotation.x;
    const int axis = graph_.value(x).type.shape.rank() - 1;
    const int64_t half = graph_.value(x).type.shape.dim(axis) / 2;
    const ir::Provenance own = graph_.Producer(rotation.y)->provenance;
    RewriteBuilder build(graph_, rotation.y);
    const ir::Quantization q = graph_.value(x).quantization;
    const ir::QuantOrigin origin = graph_.value(x).quant_origin;
    const NodeId split =
        graph_.AddNode(ir::Split{axis, {half, half}}, {x}, {HalfName(x, 1), HalfName(x, 2)},
                       {HalfType(x, half), HalfType(x, half)}, own);
    const std::vector<ValueId> halves = graph_.node(split).outputs;
    const ValueId swapped = build.Add(ir::Concat{axis}, {halves[1], halves[0]});
    RETURN_IF_ERROR(build.status());
    for (ValueId moved : {halves[0], halves[1], swapped}) graph_.SetQuantization(moved, q, origin);
    const ValueId straight = build.Add(
        ir::Mul{},
        {x, Table("rotary_cos", tables_.Of(rotation.pairing.self, rotation.order, axis, 1))});
    const ValueId crossed = build.Add(
        ir::Mul{}, {swapped, Table("rotary_sin",
                                   tables_.Of(rotation.pairing.other, rotation.order, axis, 0))});
    const ValueId sum = build.Add(ir::Add{}, {straight, crossed});
    RETURN_IF_ERROR(build.status());
    const Dims dims = graph_.value(rotation.y).type.shape.dims();
    RETURN_IF_ERROR(build.Finish(build.Reshape(sum, dims)));
    for (NodeId id : rotation.nodes) {
      const ir::Provenance provenance = graph_.node(id).provenance;
      graph_.MergeProvenance(graph_.value(sum).producer, provenance);
    }
    return absl::OkStatus();
  }

  ValueId Table(absl::string_view name, const Tensor& data) {
    const Tensor table = DistinctPart(Compacted(data));
    const ValueId constant = graph_.AddConstant(name, table);
    report_.Folded("fuse-rotary", graph_.value(constant).name, DistinctBytes(table));
    return constant;
  }

  std::string HalfName(ValueId x, int number) const {
    return absl::StrCat(graph_.value(x).name, "_half_", number);
  }
  ir::Type HalfType(ValueId x, int64_t half) const {
    Dims dims = graph_.value(x).type.shape.dims();
    dims.back() = half;
    return {graph_.value(x).type.dtype, ir::Shape(std::move(dims))};
  }

  Graph& graph_;
  Report& report_;
  Tables tables_;
  std::vector<Rotation> rotations_;
  std::vector<Rotation*> reordered_;
};

}  // namespace

absl::StatusOr<bool> FuseRotary::Run(Graph& graph, Report& report) {
  ASSIGN_OR_RETURN(const bool changed, RotaryFuser(graph, report).Run());
  if (changed) graph.EraseDead();
  return changed;
}

}  // namespace g4c::passes
