#include "passes/fold_norm_gains.h"

namespace g4c::passes {

using ir::Graph;

std::vector<RewriteSite> FoldNormGains::Find(const Graph& graph) const {
  std::vector<RewriteSite> sites;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (!std::holds_alternative<ir::RmsNorm>(node.op) || !HasOperand(node, 1)) continue;
    if (!IsRealConstant(graph, node.inputs[1])) continue;
    const absl::optional<std::vector<ir::NodeId>> readers = LinearReaders(graph, node.outputs[0]);
    if (!readers) continue;
    RewriteSite site{node.outputs[0], {}};
    for (ir::NodeId reader : *readers) site.operands.push_back({reader, 1, /*axis=*/1});
    sites.push_back(std::move(site));
  }
  return sites;
}

void FoldNormGains::Apply(Graph& graph, const RewriteSite& site, absl::Span<const float>) const {
  const ir::NodeId norm = graph.value(site.value).producer;
  const std::vector<float> gain = graph.value(graph.node(norm).inputs[1]).constant->Floats();
  ScaleOperands(graph, site, gain);
  graph.SetOperands(norm, {graph.node(norm).inputs[0]});
}

}  // namespace g4c::passes
