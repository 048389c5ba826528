#include "passes/canonicalize.h"

#include <algorithm>

#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

// A node that is rewritten more often than this in one visit would be two rewrites that undo each
// other.
constexpr int kMaxRewritesOfNode = 50;
constexpr int kMaxSweeps = 10;

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

// Erases a node that nothing reads, and of its operands' producers those that only it needed: a
// dead reader would make a value look shared.
void EraseUnread(ir::Graph& graph, ir::NodeId id) {
  std::vector<ir::NodeId> stack = {id};
  while (!stack.empty()) {
    const ir::NodeId next = stack.back();
    stack.pop_back();
    if (next == ir::kNoNode || graph.node(next).erased || IsRead(graph, graph.node(next))) continue;
    graph.EraseNode(next);
    for (ir::ValueId operand : graph.node(next).inputs) {
      if (operand != ir::kNoValue) stack.push_back(graph.value(operand).producer);
    }
  }
}

// Applies the first rewrite that changes something; false when none does.
absl::StatusOr<bool> RewriteOnce(ir::Graph& graph, ir::NodeId id, Report& report) {
  for (const absl::Span<const Rewrite> rewrites :
       {ArithmeticRewrites(), MovementRewrites(), PieceRewrites(), OperandRewrites()}) {
    for (const Rewrite& rewrite : rewrites) {
      absl::StatusOr<bool> changed = rewrite.run(graph, id);
      if (!changed.ok()) {
        return Prefixed(changed.status(),
                        absl::StrCat(rewrite.name, ": ", ir::Describe(graph, id), ": "));
      }
      if (*changed) {
        report.Count(rewrite.name);
        return true;
      }
    }
  }
  return false;
}

// One visit of every node; whether any changed.
absl::StatusOr<bool> Sweep(ir::Graph& graph, Report& report) {
  bool changed = false;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    for (int i = 0; i < kMaxRewritesOfNode; ++i) {
      if (graph.node(id).erased || !IsStatic(graph, graph.node(id))) break;
      const std::vector<ir::ValueId> operands = graph.node(id).inputs;
      ASSIGN_OR_RETURN(const bool rewritten, RewriteOnce(graph, id, report));
      if (!rewritten) break;
      changed = true;
      EraseUnread(graph, id);
      for (ir::ValueId operand : operands) {
        if (operand != ir::kNoValue) EraseUnread(graph, graph.value(operand).producer);
      }
    }
  }
  return changed;
}

}  // namespace

absl::StatusOr<bool> Canonicalize::Run(ir::Graph& graph, Report& report) {
  bool changed = graph.EraseDead() > 0;
  // A rewrite may open another one at a node that was visited before; the runner repeats the group.
  for (int i = 0; i < kMaxSweeps; ++i) {
    ASSIGN_OR_RETURN(const bool swept, Sweep(graph, report));
    if (!swept) break;
    changed = true;
  }
  graph.EraseDead();
  return changed;
}

}  // namespace g4c::passes
