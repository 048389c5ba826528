#include "passes/restore_ranks.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "ir/circle_name.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// Values that have fewer dims at run time than the file says, and the reshapes that give them back.
class RankRestorer {
 public:
  RankRestorer(Graph& graph, const ir::Target& target) : graph_(graph), target_(target) {}

  int Run() {
    const std::vector<NodeId> order = graph_.TopologicalOrder();
    flat_.resize(graph_.num_values(), false);
    for (NodeId id : order) {
      if (!TakesFlat(id)) {
        for (size_t i = 0; i < graph_.node(id).inputs.size(); ++i) {
          const ValueId operand = graph_.node(id).inputs[i];
          if (operand != ir::kNoValue && IsFlat(operand)) {
            graph_.SetOperand(id, static_cast<int>(i), Restored(operand));
          }
        }
      }
      for (ValueId output : graph_.node(id).outputs) flat_[output] = GivesFlat(id);
    }
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      const ValueId value = graph_.outputs()[i].value;
      if (IsFlat(value)) graph_.SetOutput(static_cast<int>(i), Restored(value));
    }
    return added_;
  }

 private:
  bool IsFlat(ValueId value) const {
    return value < static_cast<ValueId>(flat_.size()) && flat_[value];
  }

  // The rank that the node's result has at run time, where the target says one.
  absl::optional<int> FlatRank(const ir::Node& node) const {
    const auto entry = target_.operators.find(ir::CircleName(graph_, node));
    if (entry == target_.operators.end()) return absl::nullopt;
    return entry->second.front().result_rank;
  }

  // Whether every operand with more than one dim of a node is flat, or so small that broadcasting
  // puts it right.
  bool OperandsAgree(const ir::Node& node) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId operand) {
      return operand == ir::kNoValue || IsFlat(operand) || DimsOf(graph_, operand).size() <= 1;
    });
  }

  bool TakesFlat(NodeId id) const {
    const ir::Node& node = graph_.node(id);
    if (FlatRank(node) || std::holds_alternative<ir::Reshape>(node.op)) return true;
    const bool pointwise =
        IsElementwise(node.op) || ir::InfoOf(node.op).rule == ir::QparamRule::kConverts;
    return pointwise && OperandsAgree(node);
  }

  bool GivesFlat(NodeId id) const {
    const ir::Node& node = graph_.node(id);
    if (const absl::optional<int> rank = FlatRank(node)) {
      return static_cast<int>(DimsOf(graph_, node.outputs[0]).size()) > *rank;
    }
    if (std::holds_alternative<ir::Reshape>(node.op)) return false;
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId operand) { return operand != ir::kNoValue && IsFlat(operand); });
  }

  ValueId Restored(ValueId value) {
    const auto [it, inserted] = restored_.try_emplace(value, ir::kNoValue);
    if (!inserted) return it->second;
    const ir::Type type = graph_.value(value).type;
    const ir::Provenance provenance = graph_.Producer(value)->provenance;
    const NodeId node =
        graph_.AddNode(ir::Reshape{type.shape.dims()}, {value},
                       {absl::StrCat(graph_.value(value).name, "_shaped")}, {type}, provenance);
    it->second = graph_.node(node).outputs[0];
    graph_.SetQuantization(it->second, graph_.value(value).quantization,
                           graph_.value(value).quant_origin);
    ++added_;
    return it->second;
  }

  Graph& graph_;
  const ir::Target& target_;
  std::vector<bool> flat_;
  absl::flat_hash_map<ValueId, ValueId> restored_;
  int added_ = 0;
};

}  // namespace

int RestoreRanks(Graph& graph, const ir::Target& target) {
  const bool flattens =
      std::any_of(target.operators.begin(), target.operators.end(),
                  [](const auto& entry) { return entry.second.front().result_rank.has_value(); });
  return flattens ? RankRestorer(graph, target).Run() : 0;
}

}  // namespace g4c::passes
