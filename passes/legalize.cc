#include "passes/legalize.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/text.h"
#include "ir/circle_name.h"
#include "ir/node_cost.h"
#include "ir/quantize_constant.h"
#include "passes/common_subexpressions.h"
#include "passes/isolate.h"
#include "passes/legal_rule.h"
#include "passes/restore_ranks.h"
#include "passes/shift_zero_points.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;
using ir::Violation;

// A float island, a formula in it, an operator of the formula in terms of others, its rank.
constexpr int kDepth = 4;

constexpr absl::string_view kFloatIsland = "float-island";
constexpr absl::string_view kShiftGraph = "shift-zero-points";

std::vector<LegalRule> AllRules() {
  std::vector<LegalRule> rules;
  for (absl::Span<const LegalRule> some :
       {ShapeRules(), FormulaRules(), WeightRules(), QparamRules()}) {
    rules.insert(rules.end(), some.begin(), some.end());
  }
  return rules;
}

double CostOf(const Graph& graph, const ir::Node& node) {
  const ir::Value& first = graph.value(node.inputs.empty() ? node.outputs[0] : node.inputs[0]);
  const double element = ir::BitWidth(ir::StoredDType(first)) / 8.0;
  double cost = static_cast<double>(ir::ActivationTraffic(graph, node)) +
                static_cast<double>(ir::Macs(graph, node)) * element;
  for (ValueId id : node.inputs) {
    if (graph.IsConstant(id)) cost += static_cast<double>(ir::StoredSize(graph.value(id)));
  }
  return cost;
}

// A graph of legal operators in the place of one node.
struct Plan {
  Graph graph;
  double cost = 0;
  std::vector<std::string> rules;
};

class Search {
 public:
  Search(const ir::Target& target, const LegalizeOptions& options) : target_(target) {
    for (const LegalRule& rule : AllRules()) {
      if (!options.float_islands && rule.name == kFloatIsland) continue;
      if (std::find(target.rules.begin(), target.rules.end(), rule.name) != target.rules.end()) {
        rules_.push_back(rule);
      }
    }
  }

  // The cheapest plan for the one node of an isolated graph; nullopt where no rule leads to one.
  // Of plans of one cost the one whose rule is listed first.
  absl::optional<Plan> Cheapest(const Graph& alone, const Violation& violation, int depth) {
    absl::optional<Plan> best;
    const NodeId node = alone.TopologicalOrder().front();
    for (const LegalRule& rule : rules_) {
      Plan plan{alone, 0, {std::string(rule.name)}};
      const absl::StatusOr<bool> applied = rule.apply(plan.graph, node, {target_, violation});
      if (!applied.ok())
        refusals_.emplace_back(
            absl::StrCat(rule.name, ": ", std::string(applied.status().message())));
      if (!applied.ok() || !*applied) continue;
      plan.graph.EraseDead();
      if (!MakeLegal(plan, depth - 1)) continue;
      if (!best || plan.cost < best->cost) best = std::move(plan);
    }
    return best;
  }

  // Why rules that would have fitted were not applied, since the last call.
  std::vector<std::string> TakeRefusals() {
    std::sort(refusals_.begin(), refusals_.end());
    refusals_.erase(std::unique(refusals_.begin(), refusals_.end()), refusals_.end());
    return std::exchange(refusals_, {});
  }

 private:
  bool MakeLegal(Plan& plan, int depth) {
    for (NodeId id : plan.graph.TopologicalOrder()) {
      const absl::optional<Violation> violation =
          ir::FindViolation(target_, plan.graph, plan.graph.node(id));
      if (!violation) {
        plan.cost += CostOf(plan.graph, plan.graph.node(id));
        continue;
      }
      if (depth == 0) return false;
      absl::optional<Plan> inner = Cheapest(Isolated(plan.graph, id), *violation, depth);
      if (!inner) return false;
      plan.cost += inner->cost;
      for (std::string& rule : inner->rules) {
        if (std::find(plan.rules.begin(), plan.rules.end(), rule) == plan.rules.end()) {
          plan.rules.push_back(std::move(rule));
        }
      }
      Splice(plan.graph, id, inner->graph);
    }
    plan.graph.EraseDead();
    return true;
  }

  const ir::Target& target_;
  std::vector<LegalRule> rules_;
  std::vector<std::string> refusals_;
};

// The plans for a whole graph.
struct Outcome {
  Graph graph;
  double cost = 0;
  bool changed = false;
  bool shifted = false;
  std::vector<std::string> problems;
  std::map<std::string, int> native;
  std::map<std::pair<std::string, std::string>, Replacement> replacements;
};

Outcome LegalizeGraph(const Graph& source, const ir::Target& target,
                      const LegalizeOptions& options) {
  Search search(target, options);
  Outcome outcome{source, 0, false, false, {}, {}, {}};
  Graph& graph = outcome.graph;
  for (NodeId id : graph.TopologicalOrder()) {
    const absl::optional<Violation> violation = ir::FindViolation(target, graph, graph.node(id));
    const double cost = CostOf(graph, graph.node(id));
    const std::string name = ir::CircleName(graph, graph.node(id));
    if (!violation) {
      outcome.cost += cost;
      ++outcome.native[name];
      continue;
    }
    const absl::optional<Plan> plan = search.Cheapest(Isolated(graph, id), *violation, kDepth);
    const std::vector<std::string> refusals = search.TakeRefusals();
    if (!plan) {
      outcome.problems.push_back(absl::StrCat(
          ir::Describe(graph, id), ": ", name, " breaks ", violation->clause, ": ", violation->text,
          violation->why.empty() ? "" : absl::StrCat(" (", violation->why, ")"),
          refusals.empty() ? "" : absl::StrCat("; ", absl::StrJoin(refusals, "; "))));
      continue;
    }
    outcome.cost += plan->cost;
    outcome.changed = true;
    const std::string rules = absl::StrJoin(plan->rules, ", ");
    Replacement& replacement = outcome.replacements[{name, rules}];
    if (replacement.nodes == 0) replacement = {name, rules, violation->clause, 0, 0, 0};
    replacement.nodes += 1;
    replacement.cost_before += cost;
    replacement.cost_after += plan->cost;
    Splice(graph, id, plan->graph);
  }
  graph.EraseDead();
  return outcome;
}

int CountViolations(const Graph& graph, const ir::Target& target) {
  const std::vector<NodeId> order = graph.TopologicalOrder();
  return static_cast<int>(std::count_if(order.begin(), order.end(), [&](NodeId id) {
    return ir::FindViolation(target, graph, graph.node(id)).has_value();
  }));
}

}  // namespace

absl::StatusOr<bool> Legalize::Run(Graph& graph, Report& report) {
  Outcome best = LegalizeGraph(graph, target_, options_);
  const bool may_shift =
      std::find(target_.rules.begin(), target_.rules.end(), kShiftGraph) != target_.rules.end();
  if (may_shift && (best.changed || !best.problems.empty())) {
    for (const auto& [from, to] :
         {std::pair{ir::DType::kU8, ir::DType::kI8}, std::pair{ir::DType::kI8, ir::DType::kU8}}) {
      Graph shifted = graph;
      if (!ShiftZeroPoints(shifted, from, to)) continue;
      // Searching costs more than counting: weights may be quantised anew on the way.
      if (CountViolations(shifted, target_) >= CountViolations(graph, target_)) continue;
      Outcome outcome = LegalizeGraph(shifted, target_, options_);
      outcome.shifted = true;
      // Problems are told of the graph as it was quantised.
      if (outcome.problems.empty() && (!best.problems.empty() || outcome.cost < best.cost)) {
        best = std::move(outcome);
      }
    }
  }
  for (std::string& line : ir::FindInterfaceViolations(target_, graph)) {
    best.problems.push_back(std::move(line));
  }
  if (!best.problems.empty()) {
    return Unsupported(
        best.problems.size(), best.problems.size() == 1 ? " violation" : " violations",
        " of --target ", target_.name, " that no rule of it repairs\n  ",
        absl::StrJoin(best.problems, "\n  "),
        options_.float_islands ? "" : "\nWithout --no-float-islands they may compute in float.");
  }
  graph = std::move(best.graph);
  *out_ = {};
  out_->native = std::move(best.native);
  out_->shifted = best.shifted;
  for (auto& [key, replacement] : best.replacements) {
    report.Note(absl::StrCat(replacement.nodes, " ", replacement.op, " by ", replacement.rules,
                             ", cost ", HumanBytes(static_cast<uint64_t>(replacement.cost_before)),
                             " -> ", HumanBytes(static_cast<uint64_t>(replacement.cost_after)),
                             " (", replacement.clause, ")"));
    out_->replacements.push_back(std::move(replacement));
  }
  const bool changed = best.changed || best.shifted;
  if (changed) {
    ASSIGN_OR_RETURN(const bool merged, CommonSubexpressions().Run(graph, report));
    (void)merged;
  }
  out_->restored_ranks = RestoreRanks(graph, target_);
  report.Count("restore-rank", out_->restored_ranks);
  return changed || out_->restored_ranks > 0;
}

absl::Status CheckRules(const ir::Target& target) {
  std::vector<std::string> known = {std::string(kShiftGraph)};
  for (const LegalRule& rule : AllRules()) known.emplace_back(rule.name);
  for (const std::string& rule : target.rules) {
    if (std::find(known.begin(), known.end(), rule) == known.end()) {
      std::sort(known.begin(), known.end());
      return InvalidInput("rules: unknown rule '", rule, "'; known are ",
                          absl::StrJoin(known, ", "));
    }
  }
  return absl::OkStatus();
}

}  // namespace g4c::passes
