#include "passes/fold_position_embeddings.h"

#include <algorithm>

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// Values that depend on constants only, and those of them that come from a position table.
struct Tables {
  std::vector<bool> constant;
  std::vector<bool> table;
};

Tables FindTables(const Graph& graph, const std::vector<NodeId>& order) {
  Tables found{std::vector<bool>(graph.num_values(), false),
               std::vector<bool>(graph.num_values(), false)};
  for (NodeId id : order) {
    const ir::Node& node = graph.node(id);
    // Pairs are for import-qdq, and a choose that is left has a condition that is not known.
    bool constant = !std::holds_alternative<ir::QuantizeLinear>(node.op) &&
                    !std::holds_alternative<ir::DequantizeLinear>(node.op) &&
                    !std::holds_alternative<ir::Choose>(node.op);
    bool table = IsPositionTable(graph, node);
    for (ValueId input : node.inputs) {
      if (input == ir::kNoValue) continue;
      constant = constant && (graph.IsConstant(input) || found.constant[input]);
      table = table || found.table[input];
    }
    for (ValueId output : node.outputs) {
      found.constant[output] = constant;
      found.table[output] = constant && table;
    }
  }
  return found;
}

}  // namespace

absl::StatusOr<bool> FoldPositionEmbeddings::Run(Graph& graph, Report& report) {
  const std::vector<NodeId> order = graph.TopologicalOrder();
  const Tables tables = FindTables(graph, order);
  std::vector<ValueId> roots;
  for (NodeId id : order) {
    for (ValueId value : graph.node(id).outputs) {
      if (!tables.table[value]) continue;
      const std::vector<ir::Use>& uses = graph.Uses(value);
      const bool read =
          graph.IsOutput(value) || std::any_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
            const std::vector<ValueId>& results = graph.node(use.node).outputs;
            return results.empty() || !tables.constant[results[0]];
          });
      if (read) roots.push_back(value);
    }
  }
  ConstantFolder folder(graph, report, std::string(name()), options_);
  RETURN_IF_ERROR(folder.Fold(roots));
  return folder.Finish();
}

}  // namespace g4c::passes
