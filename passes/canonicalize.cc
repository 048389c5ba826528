#include "passes/canonicalize.h"

#include <algorithm>

#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

// A node that is rewritten more often than this in one visit would be two rewrites that undo each other.
constexpr int kMaxRewritesOfNode = 50;

bool IsStatic(const ir::Graph& graph, const ir::Node& node) {
  const auto is_static = [&](ir::ValueId value) {
    return value == ir::kNoValue || graph.value(value).type.shape.IsStatic();
  };
  return std::all_of(node.inputs.begin(), node.inputs.end(), is_static) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), is_static);
}

bool IsRead(const ir::Graph& graph, const ir::Node& node) {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ir::ValueId value) {
    return !graph.Uses(value).empty() || graph.IsOutput(value);
  });
}

// Applies the first rewrite that changes something; false when none does.
absl::StatusOr<bool> RewriteOnce(ir::Graph& graph, ir::NodeId id, Report& report) {
  for (const absl::Span<const Rewrite> rewrites :
       {ArithmeticRewrites(), MovementRewrites(), PieceRewrites(), OperandRewrites()}) {
    for (const Rewrite& rewrite : rewrites) {
      absl::StatusOr<bool> changed = rewrite.run(graph, id);
      if (!changed.ok()) {
        return Prefixed(changed.status(), absl::StrCat(rewrite.name, ": ", ir::Describe(graph, id), ": "));
      }
      if (*changed) {
        report.Count(rewrite.name);
        return true;
      }
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<bool> Canonicalize::Run(ir::Graph& graph, Report& report) {
  bool changed = graph.EraseDead() > 0;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    for (int i = 0; i < kMaxRewritesOfNode; ++i) {
      const ir::Node& node = graph.node(id);
      if (node.erased || !IsRead(graph, node) || !IsStatic(graph, node)) break;
      ASSIGN_OR_RETURN(const bool rewritten, RewriteOnce(graph, id, report));
      if (!rewritten) break;
      changed = true;
    }
  }
  graph.EraseDead();
  return changed;
}

}  // namespace g4c::passes
