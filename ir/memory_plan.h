// Where activations lie while a graph runs node by node.
#ifndef IR_MEMORY_PLAN_H_
#define IR_MEMORY_PLAN_H_

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace g4c::ir {

struct MemoryPlan {
  // By value: the byte at which it begins; -1 for constants and what no output needs.
  std::vector<int64_t> offsets;
  int64_t peak = 0;  // bytes from 0 to the end of the highest buffer
};

inline constexpr int64_t kPlanAlignment = 16;

// Nodes run in topological order. Graph inputs lie there from the beginning, outputs to the end,
// any other result from its node to its last reader; each is put at the lowest place that is free
// for its size. Operands and results never share bytes, not even of a reshape. One pass over the
// nodes.
MemoryPlan PlanMemory(const Graph& graph);

}  // namespace g4c::ir

#endif  // IR_MEMORY_PLAN_H_
