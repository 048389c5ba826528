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
    WantedRows wanted;        // what the tails read, and what the last block gives
    bool is_sampled = false;  // `whole` and the tails run on the rows of ChooseRows
  };

  // `groups` without qparams or activations have no tail. Where the end of a span has more than
  // kLongSample valid rows and `sampled_rows` is not 0, so many of them are all that it computes
  // there. `graph` must outlive the spans.
  static constexpr int64_t kLongSample = 1024;
  static absl::StatusOr<BlockSpans> Create(const ir::Graph& graph, std::vector<QparamGroup> groups,
                                           int length, int64_t sampled_rows = 0);

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

  // The rows of one sample by which a span judges it, all if it is not sampled. `behind` has the
  // outputs of its own block, the loudest rows of which are among them.
  RowSample ChooseRows(const Span& span, const Activations& behind) const;

  // The sum of squared differences over the valid rows of a value, of which both tensors have all
  // or, for the end of a span, those of `rows`.
  double SquaredError(ir::ValueId id, const ir::Tensor& exact, const ir::Tensor& actual,
                      const RowSample& rows = {}) const;
  // The sum of squares over them.
  double Energy(ir::ValueId id, const ir::Tensor& exact, const RowSample& rows = {}) const;
  // Valid rows of one sample.
  int64_t RowsASample() const;

 private:
  BlockSpans(const ir::Graph& graph, std::vector<QparamGroup> groups, ValidRows valid,
             int64_t sampled_rows)
      : graph_(&graph),
        groups_(std::move(groups)),
        valid_(std::move(valid)),
        sampled_rows_(sampled_rows) {}

  absl::Status FindSpans(int length);
  absl::StatusOr<Span> MakeSpan(BlockRunner own, Block whole, const std::vector<int>& groups) const;
  Block Dependents(const Block& span, const QparamGroup& group) const;
  // The axis of a value that holds its rows: that over patches, without padding the last but one.
  // kAllRows where there is none in front of the last axis.
  int RowAxis(ir::ValueId id) const;
  // By row of a value: whether it is valid. Empty where RowAxis finds none.
  std::vector<bool> ValidAlong(ir::ValueId id) const;
  bool IsSampled(const Block& span) const;
  // The elements of `rows`, row-major.
  ir::Tensor Sampled(ir::ValueId id, const ir::Tensor& data, const RowSample& rows) const;
  // Calls `visit` with runs of valid elements of what Sampled returned, and how many rows each
  // stands for.
  void Visit(ir::ValueId id, const ir::Tensor& sampled, const RowSample& rows,
             absl::FunctionRef<void(absl::Span<const float>, double)> visit) const;

  const ir::Graph* graph_;
  std::vector<QparamGroup> groups_;
  std::vector<int> group_of_;
  absl::flat_hash_set<ir::ValueId> inside_attention_;
  ValidRows valid_;
  int64_t sampled_rows_;
  std::vector<Span> spans_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_BLOCK_SPANS_H_
