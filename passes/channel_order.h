// Another order for the channels of an activation: made where they come from, allowed where nobody
// can tell.
#ifndef PASSES_CHANNEL_ORDER_H_
#define PASSES_CHANNEL_ORDER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// What makes channel i of a value what channel order[i] was: the elements of a constant operand,
// along axis 0, in another order.
struct ReorderEdit {
  ir::NodeId node;
  int operand;
  ir::Ints order;
};
struct ReorderPlan {
  std::vector<ReorderEdit> edits;
  std::string obstacle;  // why there is none; empty where there is
};

// The edits that reorder the last axis of x by `order`, whoever reads x. Back to a fully_connected:
//   x = rms_norm(h, gain), clamp(h), reshape(h), transpose(h), a piece of h, h =
//   fully_connected(.., w, b)
//   ->  gain[order], w[order'], b[order'],  order' = the order on the axis that holds x's channels
// Values on the way must have no other reader: they are reordered, too.
ReorderPlan PlanReorder(const ir::Graph& graph, ir::ValueId x, ir::Ints order);

// Applies edits of one graph. A reordered constant is computed (passes/computed_weights.h), one
// tensor for all edits that reorder it in the same way.
class Reorderer {
 public:
  explicit Reorderer(ir::Graph& graph) : graph_(graph) {}
  // Per-channel qparams are reordered with their constant. Returns whether there were any.
  bool Apply(const ReorderPlan& plan);

 private:
  ir::Tensor Reordered(const ir::Tensor& data, const ir::Ints& order);
  // The first constant of the graph that shows the same storage: the source's initialiser.
  ir::ValueId FirstOf(ir::ValueId constant);

  ir::Graph& graph_;
  struct Copy {
    ir::Tensor from;
    ir::Ints order;
    ir::Tensor to;
  };
  absl::flat_hash_map<const void*, std::vector<Copy>> copies_;
  absl::flat_hash_map<const void*, ir::ValueId> first_;
};

// The products that sum over the channels of a value, its last `channel_axes` axes, where nothing
// else can tell their order: every reader joins these axes, moves others, or works channel by
// channel with one number, down to a batch_matmul.
struct Contractions {
  std::vector<ir::Use> products;
  std::string obstacle;  // a reader that can tell; empty where there is none
};
Contractions ContractionsOf(const ir::Graph& graph, ir::ValueId value, int channel_axes);

}  // namespace g4c::passes

#endif  // PASSES_CHANNEL_ORDER_H_
