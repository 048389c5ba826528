// Executes a quantised graph on integers: a file read back computes what docs/integer_semantics.md
// says, bit for bit.
//
// A node whose f32 operands and results all have qparams computes on stored integers. A node none
// of whose f32 values has qparams runs in float (a float island between dequantize and quantize),
// and so do nodes on plain integers and Booleans. A node with float activations and quantised
// constants runs in float on the dequantised constants. Any other mixture is refused.
#ifndef EVALUATOR_INTEGER_EXECUTOR_H_
#define EVALUATOR_INTEGER_EXECUTOR_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "evaluator/executor.h"
#include "evaluator/integer_node.h"
#include "ir/graph.h"

namespace g4c::evaluator {

class IntegerExecutor {
 public:
  // Precomputes tables and multipliers. The graph must be static (ir::VerifyStatic) and outlive the
  // executor. Unsupported lists every node that has no rule, each with the dtypes of its operands
  // and results.
  static absl::StatusOr<IntegerExecutor> Create(const ir::Graph& graph,
                                                Rounding rounding = Rounding::kExact);

  // `inputs` in the order of Graph::inputs(), as stored: integers of the qparams' dtype where a
  // value has qparams, else elements of its type. Returns the stored outputs in order, row-major.
  // InvalidInput: a wrong number, dtype or shape of inputs; NaN before a quantize. Observers see
  // stored tensors: the graph inputs, then every node's results in topological order; `adjust` may
  // replace them. The result is the same for any number of threads.
  absl::StatusOr<std::vector<ir::Tensor>> Run(absl::Span<const ir::Tensor> inputs,
                                              const RunOptions& options = {}) const;

 private:
  struct Step {
    ir::NodeId node;
    IntegerKernel kernel;  // none: the node computes on reals or plain integers
    // Of a node without a kernel: its quantised constants as reals, by operand; empty tensors for
    // the others.
    std::vector<ir::Tensor> reals;
    std::vector<ir::ValueId> last_used;  // freed behind the step
  };

  absl::StatusOr<std::vector<ir::Tensor>> RunStep(const Step& step,
                                                  const std::vector<ir::Tensor>& values,
                                                  const RunOptions& options) const;

  explicit IntegerExecutor(const ir::Graph& graph) : graph_(&graph) {}

  const ir::Graph* graph_;
  std::vector<Step> steps_;
  std::vector<ir::Tensor> constants_;  // stored; indexed by value id, empty for others
};

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_EXECUTOR_H_
