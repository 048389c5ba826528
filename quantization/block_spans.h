// Runs of successive blocks, and what of them depends on single values: for judging what a change
// of those values does further on.
#ifndef QUANTIZATION_BLOCK_SPANS_H_
#define QUANTIZATION_BLOCK_SPANS_H_

#include <vector>

#include "quantization/block_runner.h"
#include "quantization/qparam_groups.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {

class BlockSpans {
 public:
  // The nodes from a group of values to the end of the span in which it begins, and those that
  // compute what they read inside attention, which is never kept whole.
  struct Tail {
    int group;  // index into groups()
    BlockRunner runner;
  };
  struct Span {
    BlockRunner own;          // one block
    BlockRunner whole;        // it and the blocks behind it, `length` in all
    std::vector<Tail> tails;  // of the groups that begin in the own block
    // What the tails read, and what both blocks give.
    absl::flat_hash_set<ir::ValueId> wanted;
  };

  // `groups` without qparams or activations have no tail. `graph` must outlive the spans.
  static absl::StatusOr<BlockSpans> Create(const ir::Graph& graph, std::vector<QparamGroup> groups,
                                           int length);

  const ir::Graph& graph() const { return *graph_; }
  const std::vector<Span>& spans() const { return spans_; }
  const std::vector<QparamGroup>& groups() const { return groups_; }
  // kNoGroup for values of no group.
  int GroupOf(ir::ValueId id) const { return group_of_[id]; }
  static constexpr int kNoGroup = -1;
  // The first member that is no constant and has qparams; kNoValue if there is none.
  ir::ValueId FirstActivation(int group) const;

  // The activations of one sample before the first block.
  Activations Start(const std::vector<ir::Tensor>& inputs) const;

  // The sum of squared differences over the valid rows of a value.
  double SquaredError(ir::ValueId id, const ir::Tensor& exact, const ir::Tensor& actual) const;
  // The sum of squares over them.
  double Energy(ir::ValueId id, const ir::Tensor& exact) const;
  // Valid rows of one sample.
  int64_t RowsASample() const;

 private:
  BlockSpans(const ir::Graph& graph, std::vector<QparamGroup> groups, ValidRows valid)
      : graph_(&graph), groups_(std::move(groups)), valid_(std::move(valid)) {}

  absl::Status FindSpans(int length);
  Block Dependents(const Block& span, const QparamGroup& group) const;

  const ir::Graph* graph_;
  std::vector<QparamGroup> groups_;
  std::vector<int> group_of_;
  absl::flat_hash_set<ir::ValueId> inside_attention_;
  ValidRows valid_;
  std::vector<Span> spans_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_BLOCK_SPANS_H_
