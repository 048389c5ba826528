#include "passes/channel_order.h"

#include <numeric>

#include "ir/reshape_axis.h"
#include "passes/computed_weights.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

int64_t Product(const Dims& dims, size_t begin, size_t end) {
  return ir::NumElements(Dims(dims.begin() + begin, dims.begin() + end));
}

// A node that works channel by channel, the same on all.
bool TreatsChannelsAlike(const Graph& graph, const ir::Node& node) {
  if (!IsElementwise(node.op) || node.outputs.size() != 1) return false;
  int activations = 0;
  for (ValueId operand : node.inputs) {
    if (UniformFloat(graph, operand)) continue;
    if (graph.IsConstant(operand)) return false;
    ++activations;
  }
  return activations == 1;
}

// The channels of a value on their way back to where they come from.
class BackTrace {
 public:
  BackTrace(const Graph& graph, ValueId x, Ints order)
      : graph_(graph),
        value_(x),
        axis_(static_cast<int>(DimsOf(graph, x).size()) - 1),
        order_(std::move(order)) {}

  ReorderPlan Run() {
    // Each step goes to a producer, so that the walk ends.
    while (plan_.obstacle.empty()) {
      const NodeId id = graph_.value(value_).producer;
      if (id == ir::kNoNode) {
        plan_.obstacle = absl::StrCat("no weights make '", graph_.value(value_).name, "'");
        break;
      }
      if (Step(id)) break;
    }
    return std::move(plan_);
  }

 private:
  // Whether the weights are reached.
  bool Step(NodeId id) {
    const ir::Node& node = graph_.node(id);
    const Dims& to = DimsOf(graph_, value_);
    const int last = static_cast<int>(to.size()) - 1;
    if (std::holds_alternative<ir::FullyConnected>(node.op) && axis_ == last) {
      Edit(id, 1);
      if (node.inputs.size() > 2 && node.inputs[2] != ir::kNoValue) Edit(id, 2);
      return true;
    }
    if (std::holds_alternative<ir::RmsNorm>(node.op) && axis_ == last) {
      if (node.inputs.size() > 1 && DimsOf(graph_, node.inputs[1]) == Dims{to.back()}) Edit(id, 1);
    } else if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
      axis_ = static_cast<int>(transpose->perm[axis_]);
    } else if (std::holds_alternative<ir::Reshape>(node.op)) {
      if (!BeforeReshape(DimsOf(graph_, node.inputs[0]), to)) return Fail(id);
    } else if (const auto* split = std::get_if<ir::Split>(&node.op)) {
      if (split->axis != axis_) return Fail(id);
      int64_t begin = 0;
      for (int i = 0; i < graph_.value(value_).result_index; ++i) begin += split->sizes[i];
      Ints whole(DimsOf(graph_, node.inputs[0])[axis_]);
      std::iota(whole.begin(), whole.end(), 0);
      for (size_t i = 0; i < order_.size(); ++i) whole[begin + i] = begin + order_[i];
      order_ = std::move(whole);
    } else if (!TreatsChannelsAlike(graph_, node)) {
      return Fail(id);
    }
    ValueId next = ir::kNoValue;
    for (ValueId operand : node.inputs) {
      if (operand != ir::kNoValue && !graph_.IsConstant(operand)) next = operand;
    }
    if (next == ir::kNoValue) return Fail(id);
    if (!graph_.HasOneUse(next)) {
      plan_.obstacle = absl::StrCat("'", graph_.value(next).name, "' is read elsewhere too");
      return false;
    }
    value_ = next;
    return false;
  }

  bool Fail(NodeId id) {
    plan_.obstacle = absl::StrCat("its channels pass ", ir::Describe(graph_, id));
    return false;
  }

  void Edit(NodeId id, int operand) {
    const ValueId constant = graph_.node(id).inputs[operand];
    if (!graph_.IsConstant(constant)) {
      plan_.obstacle = absl::StrCat("'", graph_.value(constant).name, "' is no constant");
    }
    plan_.edits.push_back({id, operand, order_});
  }

  // Goes on to the axis before the reshape that holds the channels' axis as a whole.
  bool BeforeReshape(const Dims& from, const Dims& to) {
    const int64_t outer = Product(to, 0, axis_);
    const int64_t count = to[axis_];
    int64_t before = 1;
    for (int axis = 0; axis < static_cast<int>(from.size()); before *= from[axis++]) {
      if (from[axis] == 1 || before * from[axis] <= outer) continue;
      if (outer % before != 0 || from[axis] % (outer / before * count) != 0) return false;
      const int64_t repeats = outer / before;
      const int64_t inner = from[axis] / (repeats * count);
      Ints joined;
      for (int64_t r = 0; r < repeats; ++r) {
        for (int64_t channel : order_) {
          for (int64_t i = 0; i < inner; ++i) joined.push_back((r * count + channel) * inner + i);
        }
      }
      axis_ = axis;
      order_ = std::move(joined);
      return true;
    }
    return false;
  }

  const Graph& graph_;
  ValueId value_;
  int axis_;
  Ints order_;
  ReorderPlan plan_;
};

// Where `axis` of a node's operand is in its result; nullopt where the node can tell the order of
// the elements along it.
absl::optional<int> AxisAfter(const Graph& graph, const ir::Node& node, ValueId operand,
                              ValueId result, int axis) {
  const Dims& from = DimsOf(graph, operand);
  const Dims& to = DimsOf(graph, result);
  if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
    for (size_t i = 0; i < transpose->perm.size(); ++i) {
      if (transpose->perm[i] == axis) return static_cast<int>(i);
    }
  }
  if (std::holds_alternative<ir::Reshape>(node.op)) return ir::AxisAfterReshape(from, to, axis, 1);
  if (std::holds_alternative<ir::BroadcastTo>(node.op)) {
    const int after = axis + static_cast<int>(to.size() - from.size());
    return to[after] == from[axis] ? absl::optional<int>(after) : absl::nullopt;
  }
  if (const auto* tile = std::get_if<ir::Tile>(&node.op))
    return tile->multiples[axis] == 1 ? absl::optional<int>(axis) : absl::nullopt;
  if (const auto* gather = std::get_if<ir::Gather>(&node.op)) {
    const int indices = static_cast<int>(DimsOf(graph, node.inputs[1]).size());
    if (operand != node.inputs[0] || gather->axis == axis) return absl::nullopt;
    return axis > gather->axis ? axis + indices - 1 : axis;
  }
  if (const auto* split = std::get_if<ir::Split>(&node.op))
    return split->axis == axis ? absl::nullopt : absl::optional<int>(axis);
  if (const auto* slice = std::get_if<ir::Slice>(&node.op)) {
    const bool whole = slice->size[axis] == from[axis] && slice->stride[axis] == 1;
    return whole ? absl::optional<int>(axis) : absl::nullopt;
  }
  if (TreatsChannelsAlike(graph, node) && from == to) return axis;
  return absl::nullopt;
}

// Whether a product sums over `axis` of its operand.
bool SumsOver(const Graph& graph, const ir::Use& use, ValueId operand, int axis) {
  const auto* product = std::get_if<ir::BatchMatMul>(&graph.node(use.node).op);
  if (product == nullptr) return false;
  const int last = static_cast<int>(DimsOf(graph, operand).size()) - 1;
  const bool first = use.operand == 0;
  const bool last_is_summed = first ? !product->adj_x : product->adj_y;
  return axis == (last_is_summed ? last : last - 1);
}

}  // namespace

ReorderPlan PlanReorder(const Graph& graph, ValueId x, Ints order) {
  return BackTrace(graph, x, std::move(order)).Run();
}

Tensor Reorderer::Reordered(const Tensor& data, const Ints& order) {
  std::vector<Copy>& known = copies_[data.storage()];
  for (const Copy& copy : known) {
    if (copy.from.SameView(data) && copy.order == order) return copy.to;
  }
  known.push_back({data, order, TakeRows(data, order)});
  return known.back().to;
}

ValueId Reorderer::FirstOf(ValueId constant) {
  if (first_.empty()) {
    for (ValueId id = 0; id < graph_.num_values(); ++id) {
      if (graph_.IsConstant(id)) first_.try_emplace(graph_.value(id).constant->storage(), id);
    }
  }
  const auto first = first_.find(graph_.value(constant).constant->storage());
  return first == first_.end() ? constant : first->second;
}

bool Reorderer::Apply(const ReorderPlan& plan) {
  bool qparams = false;
  for (const ReorderEdit& edit : plan.edits) {
    const ValueId old = graph_.node(edit.node).inputs[edit.operand];
    const ir::Value value = graph_.value(old);
    ir::Quantization q = value.quantization;
    if (auto* channels = std::get_if<ir::QuantPerChannel>(&q); channels && channels->axis == 0) {
      const ir::QuantPerChannel own = *channels;
      for (size_t i = 0; i < edit.order.size(); ++i) {
        channels->scales[i] = own.scales[edit.order[i]];
        channels->zero_points[i] = own.zero_points[edit.order[i]];
      }
      qparams = true;
    }
    const ValueId reordered =
        graph_.AddConstant(value.name, value.type, Reordered(*value.constant, edit.order));
    graph_.SetQuantization(reordered, std::move(q), value.quant_origin);
    graph_.SwapNames(FirstOf(old), reordered);
    graph_.SetOperand(edit.node, edit.operand, reordered);
  }
  return qparams;
}

Contractions ContractionsOf(const Graph& graph, ValueId value, int channel_axes) {
  struct Place {
    ValueId value;
    int axis;
    int count;
  };
  Contractions found;
  std::vector<Place> places = {
      {value, static_cast<int>(DimsOf(graph, value).size()) - channel_axes, channel_axes}};
  for (size_t next = 0; next < places.size(); ++next) {
    const Place place = places[next];
    if (graph.IsOutput(place.value)) {
      found.obstacle = absl::StrCat("'", graph.value(place.value).name, "' is an output");
      return found;
    }
    for (const ir::Use& use : graph.Uses(place.value)) {
      const ir::Node& node = graph.node(use.node);
      if (place.count == 1 && SumsOver(graph, use, place.value, place.axis)) {
        found.products.push_back(use);
        continue;
      }
      for (ValueId result : node.outputs) {
        absl::optional<int> axis;
        if (place.count == 1) {
          axis = AxisAfter(graph, node, place.value, result, place.axis);
        } else if (std::holds_alternative<ir::Reshape>(node.op)) {
          axis = ir::AxisAfterReshape(DimsOf(graph, place.value), DimsOf(graph, result), place.axis,
                                      place.count);
        }
        if (!axis) {
          found.obstacle = absl::StrCat("it is read by ", ir::Describe(graph, use.node));
          return found;
        }
        places.push_back({result, *axis, 1});
      }
    }
  }
  return found;
}

}  // namespace g4c::passes
