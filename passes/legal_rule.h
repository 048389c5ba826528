// The named rewrites by which the legaliser makes a node legal for a target.
//
// A rule sees one node alone: passes/legalize.h puts it into a graph whose inputs are the node's
// operands. It need not give a legal result: what it adds is made legal in turn. Which rule is
// taken is decided by cost, so that a rule states only what is equal to what.
#ifndef PASSES_LEGAL_RULE_H_
#define PASSES_LEGAL_RULE_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ir/graph.h"
#include "ir/target.h"

namespace g4c::passes {

struct RuleContext {
  const ir::Target& target;
  const ir::Violation& violation;  // what is wrong with the node
};

struct LegalRule {
  absl::string_view name;  // in target files and reports
  // Whether it was applied: false where it does not fit the node. The graph's outputs keep type and
  // qparams. An error says why it fits but cannot be done.
  absl::StatusOr<bool> (*apply)(ir::Graph& graph, ir::NodeId node, const RuleContext& context);
};

// passes/legal_shapes.cc: other ranks, swapped operands, pieces
absl::Span<const LegalRule> ShapeRules();
// passes/legal_formulas.cc: one operator in terms of others
absl::Span<const LegalRule> FormulaRules();
// passes/legal_weights.cc: weights of another dtype or granularity, a bias where one is needed
absl::Span<const LegalRule> WeightRules();
// passes/legal_qparams.cc: requantisation, zero-point shift, float islands
absl::Span<const LegalRule> QparamRules();

}  // namespace g4c::passes

#endif  // PASSES_LEGAL_RULE_H_
