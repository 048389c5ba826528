#include "quantization/mixed_precision.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "base/text.h"
#include "ir/node_cost.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// Hands its operand's elements on as they are; other operators that move data choose or repeat
// some.
bool OnlyRearranges(const ir::Op& op) {
  return std::holds_alternative<ir::Reshape>(op) || std::holds_alternative<ir::Transpose>(op) ||
         std::holds_alternative<ir::Split>(op) || std::holds_alternative<ir::Concat>(op);
}

int64_t CountedElements(const Graph& graph, ValueId id) {
  if (graph.IsConstant(id) || !IsReal(graph.value(id))) return 0;
  const ir::Node* producer = graph.Producer(id);
  if (producer != nullptr && OnlyRearranges(producer->op)) return 0;
  return ir::NumElements(graph.value(id).type.shape.dims());
}

class Chooser {
 public:
  Chooser(const Graph& graph, const std::vector<GroupError>& errors, const MixedOptions& options,
          const ActivationDTypes& rules)
      : graph_(graph), errors_(errors), options_(options), groups_(errors.size()) {
    std::vector<int> group_of(graph.num_values(), -1);
    for (size_t g = 0; g < errors.size(); ++g) {
      for (ValueId id : errors[g].members) {
        group_of[id] = static_cast<int>(g);
        groups_[g].is_ruled |= rules.exceptions.contains(id);
        groups_[g].is_wide |= groups_[g].is_ruled && rules.Of(id) == options.wide;
      }
    }
    for (NodeId id : graph.TopologicalOrder()) {
      const ir::Node& node = graph.node(id);
      const int result = group_of[node.outputs[0]];
      for (ValueId operand : node.inputs) {
        if (operand == ir::kNoValue || group_of[operand] < 0) continue;
        const int source = group_of[operand];
        if (source == result) continue;  // moved
        if (result < 0) continue;
        groups_[source].readers.push_back(result);
        groups_[result].operands.push_back({source, operand});
      }
      if (result >= 0 && options.of == BudgetOf::kMacs)
        groups_[result].cost += ir::Macs(graph, node);
    }
    for (size_t g = 0; g < groups_.size(); ++g) {
      if (options.of == BudgetOf::kElements) {
        for (ValueId id : errors[g].members) groups_[g].cost += CountedElements(graph, id);
      }
      total_ += groups_[g].cost;
      std::vector<int>& readers = groups_[g].readers;
      std::sort(readers.begin(), readers.end());
      readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
    }
  }

  absl::StatusOr<std::vector<bool>> Choose() {
    std::vector<bool> wide(groups_.size(), false);
    std::vector<bool> refused(groups_.size(), false);
    const double budget = options_.budget * static_cast<double>(total_);
    int64_t cost = 0;
    for (size_t g = 0; g < groups_.size(); ++g) wide[g] = groups_[g].is_wide;
    for (size_t g = 0; g < groups_.size(); ++g) {
      if (wide[g]) cost += groups_[g].cost + ConversionCost(static_cast<int>(g), wide);
    }
    if (static_cast<double>(cost) > budget) {
      return InvalidInput("the rules of --config give ", ir::DTypeName(options_.wide), " to ",
                          FormatDouble(std::round(1000.0 * cost / total_) / 10),
                          " %, more than --budget ", FormatDouble(100 * options_.budget),
                          "%: raise it, or drop a rule");
    }
    for (;;) {
      int best = -1;
      double best_value = 0;
      Step best_step;
      for (size_t g = 0; g < groups_.size(); ++g) {
        if (refused[g] || Saved(static_cast<int>(g), wide)) continue;
        Step step = StepOf(static_cast<int>(g), wide);
        const double value = step.gain / static_cast<double>(std::max<int64_t>(step.cost, 1));
        if (value <= best_value) continue;
        best = static_cast<int>(g);
        best_value = value;
        best_step = std::move(step);
      }
      if (best < 0) return wide;
      if (static_cast<double>(cost + best_step.cost) > budget) {
        refused[best] = true;  // a cheaper one may still fit
        continue;
      }
      cost += best_step.cost;
      for (int g : best_step.added) wide[g] = true;
    }
  }

 private:
  struct Group {
    std::vector<int> readers;                       // the groups of their results
    std::vector<std::pair<int, ValueId>> operands;  // what the group is computed from
    int64_t cost = 0;
    bool is_ruled = false;  // a rule decides its dtype
    bool is_wide = false;   // to the wide one
  };
  struct Step {
    std::vector<int> added;
    double gain = 0;
    int64_t cost = 0;
  };

  // Whether rounding to `narrow` happens nowhere on the way from a group to its readers.
  bool Saved(int g, const std::vector<bool>& wide) const {
    return wide[g] && std::all_of(groups_[g].readers.begin(), groups_[g].readers.end(),
                                  [&](int reader) { return wide[reader]; });
  }

  // Wide results of conversions in front of the operators of group `g`.
  int64_t ConversionCost(int g, const std::vector<bool>& wide) const {
    if (options_.of == BudgetOf::kMacs || !wide[g]) return 0;
    int64_t cost = 0;
    for (const auto& [source, operand] : groups_[g].operands) {
      if (!wide[source]) cost += ir::NumElements(graph_.value(operand).type.shape.dims());
    }
    return cost;
  }

  Step StepOf(int g, std::vector<bool> wide) const {
    Step step;
    std::vector<int> touched = {g};
    touched.insert(touched.end(), groups_[g].readers.begin(), groups_[g].readers.end());
    // Conversions are counted at the groups they feed: those added, and the readers of those.
    std::vector<int> fed = touched;
    for (int added : touched) {
      fed.insert(fed.end(), groups_[added].readers.begin(), groups_[added].readers.end());
    }
    // Errors may be saved for the added groups and for what they are computed from.
    std::vector<int> relieved = touched;
    for (int added : touched) {
      for (const auto& [source, operand] : groups_[added].operands) relieved.push_back(source);
    }
    for (std::vector<int>* list : {&fed, &relieved}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    const auto account = [&](int sign) {
      for (int group : fed) step.cost += sign * ConversionCost(group, wide);
      for (int group : relieved) {
        if (Saved(group, wide)) step.gain += sign * errors_[group].error;
      }
    };
    account(-1);
    for (int added : touched) {
      if (wide[added]) continue;
      if (groups_[added].is_ruled) return {};  // cannot be taken: gains nothing
      wide[added] = true;
      step.added.push_back(added);
      step.cost += groups_[added].cost;
    }
    account(1);
    return step;
  }

  const Graph& graph_;
  const std::vector<GroupError>& errors_;
  const MixedOptions& options_;
  std::vector<Group> groups_;
  int64_t total_ = 0;
};

}  // namespace

absl::StatusOr<ActivationDTypes> ChooseWide(const Graph& graph,
                                            const std::vector<GroupError>& errors,
                                            const MixedOptions& options,
                                            const ActivationDTypes& rules) {
  ASSIGN_OR_RETURN(const std::vector<bool> wide, Chooser(graph, errors, options, rules).Choose());
  ActivationDTypes dtypes(options.narrow);
  dtypes.exceptions = rules.exceptions;
  for (size_t g = 0; g < errors.size(); ++g) {
    if (!wide[g]) continue;
    for (ValueId id : errors[g].members) dtypes.exceptions[id] = options.wide;
  }
  return dtypes;
}

double ShareOf(const Graph& graph, ir::DType wide, BudgetOf of) {
  int64_t part = 0;
  int64_t total = 0;
  const auto add = [&](ValueId id, int64_t cost) {
    total += cost;
    const ir::Quantization& q = graph.value(id).quantization;
    if (ir::HasQparams(q) && ir::QuantDType(q) == wide) part += cost;
  };
  if (of == BudgetOf::kElements) {
    for (ValueId id : graph.inputs()) add(id, CountedElements(graph, id));
  }
  for (NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    for (ValueId result : node.outputs) {
      add(result, of == BudgetOf::kMacs ? ir::Macs(graph, node) : CountedElements(graph, result));
    }
  }
  return total == 0 ? 0 : static_cast<double>(part) / static_cast<double>(total);
}

}  // namespace g4c::quantization
