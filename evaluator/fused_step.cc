#include "evaluator/fused_step.h"

namespace g4c::evaluator {

bool IsStaticF32(const ir::Value& value) {
  return value.type.dtype == ir::DType::kF32 && value.type.shape.IsStatic();
}

std::vector<FusedStep> FindFusedSteps(const ir::Graph& graph) {
  const std::vector<ir::NodeId> order = graph.TopologicalOrder();
  std::vector<bool> taken(graph.num_nodes(), false);
  std::vector<FusedStep> steps;
  AppendAttentionSteps(graph, order, taken, steps);
  AppendChainSteps(graph, order, taken, steps);
  return steps;
}

}  // namespace g4c::evaluator
