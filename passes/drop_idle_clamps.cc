#include "passes/drop_idle_clamps.h"

#include "passes/matchers.h"

namespace g4c::passes {

using ir::Graph;
using ir::ValueId;

std::vector<RewriteSite> DropIdleClamps::Find(const Graph& graph) const {
  std::vector<RewriteSite> sites;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (!std::holds_alternative<ir::Clamp>(node.op) || graph.IsOutput(node.outputs[0])) continue;
    sites.push_back({node.outputs[0], {}});
  }
  return sites;
}

absl::optional<std::vector<float>> DropIdleClamps::Choose(const Graph& graph,
                                                          const RewriteSite& site,
                                                          const RewriteLog& log) const {
  const ir::Node& node = *graph.Producer(site.value);
  const auto& clamp = std::get<ir::Clamp>(node.op);
  // What only reorders another value's elements has no statistics of its own.
  ValueId x = node.inputs[0];
  while (graph.ProducedBy<ir::Reshape>(x) != nullptr ||
         graph.ProducedBy<ir::Transpose>(x) != nullptr)
    x = graph.Producer(x)->inputs[0];
  const absl::optional<quantization::Range> seen = log.Seen(x);
  if (!seen) return absl::nullopt;
  const double margin = kMargin * (static_cast<double>(seen->hi) - seen->lo);
  if (!(seen->lo - margin > clamp.min && seen->hi + margin < clamp.max)) return absl::nullopt;
  return std::vector<float>();
}

void DropIdleClamps::Apply(Graph& graph, const RewriteSite& site, absl::Span<const float>) const {
  graph.ReplaceAllUsesAcrossTypes(site.value, graph.Producer(site.value)->inputs[0]);
}

absl::StatusOr<bool> DropIdleClamps::Run(Graph& graph, Report& report) {
  const std::vector<RewriteSite> sites = Find(graph);
  ASSIGN_OR_RETURN(const bool changed, FloatRewrite::Run(graph, report));
  for (const RewriteSite& site : sites) {
    // What was seen of the result holds for what is now read instead.
    if (graph.Uses(site.value).empty())
      log().SeenAlsoAs(graph.Producer(site.value)->inputs[0], site.value);
  }
  if (changed) graph.EraseDead();
  return changed;
}

}  // namespace g4c::passes
