// Runs a whole graph on real numbers.
#ifndef EVALUATOR_EXECUTOR_H_
#define EVALUATOR_EXECUTOR_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "evaluator/fused_step.h"
#include "ir/graph.h"

namespace g4c::evaluator {

// Sees a value once its data is known. The tensor may be any view of its dtype and shape; a copy of
// it keeps the data alive. An error ends the run and is returned as it is.
using Observe = std::function<absl::Status(ir::ValueId, const ir::Tensor&)>;
using Adjust = std::function<absl::Status(ir::ValueId, ir::Tensor&)>;

struct RunOptions {
  // Called for the graph inputs in their order, then for every node result in the order of
  // evaluation, which for a graph without `choose` is Graph::TopologicalOrder(). Always on the
  // thread that called Run.
  Observe observe;
  // Called after `observe` for the same values: may replace the data, which must keep its dtype and
  // shape, before anything reads it. Simulated quantisation is done with it.
  Adjust adjust;
  // Values that `observe` and `adjust` are called for; null: all. Operators with no such value
  // between them may be evaluated as one.
  std::function<bool(ir::ValueId)> wants;
  // Sees the values inside attention in the place of `observe` and `adjust`: attention is then
  // evaluated in tiles (FusedStep::shows). Null: operator by operator, each result whole.
  RowsHook rows;
  // Only EvaluateNode's plain loops, node by node, instead of the fast kernels.
  bool reference = false;
};

// Qparams are ignored: quantize and dequantize pass their operand on. A constant with integer data
// and qparams is dequantised, one with real data is used as its real data. Of a `choose` only the
// chosen branch is evaluated.
//
// A value's data is released after its last use. Where nobody wants what is between them, several
// nodes are evaluated as one (evaluator/fused_step.h), which changes the order of sums. Results are
// the same bytes for any number of threads.
class FloatExecutor {
 public:
  // `graph` must outlive the executor and not change meanwhile. InvalidInput: a cycle.
  static absl::StatusOr<FloatExecutor> Create(const ir::Graph& graph);

  // `inputs` in the order of Graph::inputs(); returns the outputs in the order of Graph::outputs(),
  // row-major. InvalidInput: a wrong number of inputs, an input whose dtype or shape is not that of
  // the graph input, and what EvaluateNode refuses, prefixed by the node's description. f16, bf16
  // and f64 do for an f32 input.
  absl::StatusOr<std::vector<ir::Tensor>> Run(absl::Span<const ir::Tensor> inputs,
                                              const RunOptions& options = {}) const;

 private:
  explicit FloatExecutor(const ir::Graph& graph) : graph_(&graph) {}

  const ir::Graph* graph_;
  std::vector<int> uses_;  // of each value, by the nodes that the outputs need, and by the outputs
  std::vector<FusedStep> fused_;
};

}  // namespace g4c::evaluator

#endif  // EVALUATOR_EXECUTOR_H_
