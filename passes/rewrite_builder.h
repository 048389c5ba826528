// Adds the nodes of a rewrite and puts their result in the place of a value.
#ifndef PASSES_REWRITE_BUILDER_H_
#define PASSES_REWRITE_BUILDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ir/graph.h"

namespace g4c::passes {

// The first error sticks: later calls do nothing and give kNoValue, and status() tells it.
class RewriteBuilder {
 public:
  // New values are named after `replaced`, new nodes have the provenance of its producer.
  RewriteBuilder(ir::Graph& graph, ir::ValueId replaced);

  // A node with one result of inferred type.
  ir::ValueId Add(ir::Op op, std::vector<ir::ValueId> inputs);
  ir::ValueId Number(float number);
  ir::ValueId Constant(ir::Tensor data);

  // No node where nothing would change.
  ir::ValueId Reshape(ir::ValueId x, ir::Dims dims);
  ir::ValueId Transpose(ir::ValueId x, ir::Ints perm);
  // The last two axes swapped.
  ir::ValueId Swap(ir::ValueId x);
  ir::ValueId Broadcast(ir::ValueId x, ir::Dims dims);
  // Elements [begin, begin + size) of one axis.
  ir::ValueId Slice(ir::ValueId x, int axis, int64_t begin, int64_t size);
  // Mul without the multiplication by 1.
  ir::ValueId Scale(ir::ValueId x, float k);

  const ir::Dims& DimsOf(ir::ValueId x) const { return graph_.value(x).type.shape.dims(); }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  const absl::Status& status() const { return status_; }

  // Every user of the replaced value reads `y` instead, which takes its name and qparams. Where `y`
  // is no result of this builder (nothing was added), only the users move. InvalidInput where the
  // types differ.
  absl::Status Finish(ir::ValueId y);

 private:
  ir::Graph& graph_;
  ir::ValueId replaced_;
  std::string name_;
  ir::Provenance provenance_;
  int first_new_;
  absl::Status status_;
};

}  // namespace g4c::passes

#endif  // PASSES_REWRITE_BUILDER_H_
