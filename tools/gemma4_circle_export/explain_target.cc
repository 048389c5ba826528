#include "gemma4_circle_export/explain_target.h"

#include <map>
#include <numeric>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "base/text.h"
#include "ir/memory_plan.h"
#include "ir/node_cost.h"
#include "quantization/shared_qparams.h"

namespace g4c::tools {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

bool ComputesInFloat(const Graph& graph, const ir::Node& node) {
  const ir::Value& result = graph.value(node.outputs[0]);
  return ir::InfoOf(node.op).rule != ir::QparamRule::kConverts && quantization::IsReal(result) &&
         !ir::HasQparams(result.quantization);
}

bool ComputesOnIntegers(const Graph& graph, const ir::Node& node) {
  return ir::InfoOf(node.op).rule != ir::QparamRule::kConverts &&
         ir::HasQparams(graph.value(node.outputs[0]).quantization);
}

struct Regions {
  int islands = 0;     // connected groups of float operators between integer ones
  int partitions = 0;  // runs of one kind in the order of execution
};

Regions CountRegions(const Graph& graph) {
  const std::vector<NodeId> order = graph.TopologicalOrder();
  Regions regions;
  // Islands: float nodes joined along their edges.
  std::vector<NodeId> group(graph.num_nodes());
  std::iota(group.begin(), group.end(), 0);
  const auto root = [&](NodeId id) {
    while (group[id] != id) id = group[id] = group[group[id]];
    return id;
  };
  bool integers = false;
  bool last_is_float = false;
  absl::flat_hash_set<NodeId> roots;
  for (NodeId id : order) {
    const ir::Node& node = graph.node(id);
    const bool is_float = ComputesInFloat(graph, node);
    const bool is_integer = ComputesOnIntegers(graph, node);
    integers |= is_integer;
    if (!is_float && !is_integer) continue;
    if (regions.partitions == 0 || is_float != last_is_float) ++regions.partitions;
    last_is_float = is_float;
    if (!is_float) continue;
    for (ValueId operand : node.inputs) {
      const ir::Node* producer = operand == ir::kNoValue ? nullptr : graph.Producer(operand);
      if (producer == nullptr || !ComputesInFloat(graph, *producer)) continue;
      group[root(id)] = root(graph.value(operand).producer);
    }
  }
  for (NodeId id : order) {
    if (ComputesInFloat(graph, graph.node(id))) roots.insert(root(id));
  }
  regions.islands = integers ? static_cast<int>(roots.size()) : 0;
  return regions;
}

int64_t ConstantBytes(const Graph& graph) {
  absl::flat_hash_set<ValueId> seen;
  int64_t bytes = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    for (ValueId operand : graph.node(id).inputs) {
      if (graph.IsConstant(operand) && seen.insert(operand).second) {
        bytes += ir::StoredSize(graph.value(operand));
      }
    }
  }
  return bytes;
}

std::string Bytes(double bytes) { return HumanBytes(static_cast<uint64_t>(bytes)); }

}  // namespace

std::string ExplainTarget(const Graph& graph, const ir::Target& target,
                          const passes::LegalizeReport& legalized) {
  std::string text =
      absl::StrCat("target ", target.name, target.about.empty() ? "" : ": ", target.about, "\n");
  for (const auto& [name, count] : legalized.native) {
    absl::StrAppendFormat(&text, "  native      %4d %s\n", count, name);
  }
  for (const passes::Replacement& replacement : legalized.replacements) {
    absl::StrAppendFormat(&text, "  rewritten   %4d %s by %s, cost %s -> %s (%s)\n",
                          replacement.nodes, replacement.op, replacement.rules,
                          Bytes(replacement.cost_before), Bytes(replacement.cost_after),
                          replacement.clause);
  }
  if (legalized.shifted)
    absl::StrAppend(&text, "  rewritten   all zero points, by shift-zero-points\n");
  if (legalized.restored_ranks > 0) {
    absl::StrAppendFormat(&text, "  reshaped    %4d results of another rank at run time\n",
                          legalized.restored_ranks);
  }
  const Regions regions = CountRegions(graph);
  int64_t macs = 0;
  int64_t traffic = 0;
  const std::vector<NodeId> order = graph.TopologicalOrder();
  for (NodeId id : order) {
    macs += ir::Macs(graph, graph.node(id));
    traffic += ir::ActivationTraffic(graph, graph.node(id));
  }
  absl::StrAppendFormat(&text, "  operators   %d in %d partitions, %d float islands\n",
                        order.size(), regions.partitions, regions.islands);
  absl::StrAppendFormat(&text, "  products    %.4g M multiply-accumulates\n",
                        static_cast<double>(macs) / 1e6);
  absl::StrAppendFormat(&text, "  constants   %s\n",
                        Bytes(static_cast<double>(ConstantBytes(graph))));
  absl::StrAppendFormat(&text, "  activations %s read and written, %s at the peak\n",
                        Bytes(static_cast<double>(traffic)),
                        Bytes(static_cast<double>(ir::PlanMemory(graph).peak)));
  return text;
}

}  // namespace g4c::tools
