// Nodes that the float executor evaluates together where nobody wants to see the values between
// them.
#ifndef EVALUATOR_FUSED_STEP_H_
#define EVALUATOR_FUSED_STEP_H_

#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "ir/graph.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// Looks at whole rows of the last axis of a value, and may change them before anything reads them:
// row `row` and those behind it, counted in row-major order. Different rows on different threads.
using RowsHook = std::function<void(ir::ValueId, int64_t row, absl::Span<float> rows)>;

// Computes the one result of node `last` from `inputs`, which are what the nodes of the step read
// from outside, each as often as they read it. A value between two of its nodes has no other reader
// and is no output. An operand whose storage nobody else shares may be overwritten.
struct FusedStep {
  ir::NodeId last;
  std::vector<ir::ValueId> inputs;
  // The values between its nodes.
  std::vector<ir::ValueId> inside;
  // Whether a hook can see their rows.
  bool shows = false;
  // `hook` may be null, and is where not `shows`.
  std::function<ir::Tensor(absl::Span<ir::Tensor* const> operands, const RowsHook& hook)> run;
};

// The steps of a graph, no node in two of them; only nodes that the outputs need and whose types
// are static and f32:
//   attention   batch_matmul [-> add] -> softmax -> batch_matmul, in tiles (fast_attention.h); each
//               value between them may go through a hook
//   chain       a product, or any value, then operators that work element by element or, where
//               whole rows are at hand, rms_norm, each on the one before: a tile goes through all
//               of them while it is in the cache. The same bits as one after the other.
std::vector<FusedStep> FindFusedSteps(const ir::Graph& graph);

// Its two parts. `taken`: of each node, whether it is in a step.
void AppendAttentionSteps(const ir::Graph& graph, const std::vector<ir::NodeId>& order,
                          std::vector<bool>& taken, std::vector<FusedStep>& steps);
void AppendChainSteps(const ir::Graph& graph, const std::vector<ir::NodeId>& order,
                      std::vector<bool>& taken, std::vector<FusedStep>& steps);

// Whether a value is f32 and of a static shape.
bool IsStaticF32(const ir::Value& value);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_FUSED_STEP_H_
