// Which elements of a value are meaningful: those of padded patches are not, and no observer may
// see them.
#ifndef QUANTIZATION_VALID_ROWS_H_
#define QUANTIZATION_VALID_ROWS_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/graph.h"

namespace g4c::quantization {

// An attention mask as this graph adds it: add(logits, constant) in front of a softmax, where the
// constant has two numbers, 0 and a negative fill.
struct MaskedLogits {
  ir::NodeId add;
  ir::ValueId logits;
  ir::ValueId mask;
  ir::ValueId sum;
};

// All of them, in topological order.
std::vector<MaskedLogits> FindMaskedLogits(const ir::Graph& graph);

// The valid patches come from the masks (what a softmax never looks at is padding); which axes run
// over patches from AxisClasses. A graph without masks has no padding.
class ValidRows {
 public:
  // InvalidInput when two masks of the graph contradict each other.
  static absl::StatusOr<ValidRows> Find(const ir::Graph& graph);

  bool has_padding() const { return !patch_axes_.empty(); }
  // Valid patches, of all batch rows together.
  int64_t num_valid() const;
  // By patch: whether it is valid in any batch row. Empty without padding.
  std::vector<bool> ValidInAnyBatch() const;
  // The axes of a value that run over patches, ascending. Requires padding, and a value that the
  // graph had when Find looked at it.
  const std::vector<int>& PatchAxes(ir::ValueId value) const { return patch_axes_[value]; }

  // Calls `visit` with runs of valid elements of `data`, a contiguous row-major f32 tensor of this
  // value's shape; a run lies in one row of the last axis.
  void Visit(ir::ValueId value, const ir::Tensor& data,
             absl::FunctionRef<void(absl::Span<const float>)> visit) const;

  // The valid rows of the last axis, [rows, columns]. Where that axis runs over patches, too, the
  // columns of padded ones are zeros.
  ir::Tensor Rows(ir::ValueId value, const ir::Tensor& data) const;

  // As Visit for rows [begin, end) of the last axis, counted in row-major order; a scalar is one
  // row. Without padding a run is all of them. Different threads may visit different rows.
  static int64_t NumRows(const ir::Tensor& data);
  void VisitRows(ir::ValueId value, const ir::Tensor& data, int64_t begin, int64_t end,
                 absl::FunctionRef<void(absl::Span<const float>)> visit) const;
  // The same for consecutive rows, of which the first is row `begin` of a value of shape `dims`.
  void VisitRows(ir::ValueId value, const ir::Dims& dims, int64_t begin,
                 absl::Span<const float> rows,
                 absl::FunctionRef<void(absl::Span<const float>)> visit) const;

 private:
  struct Run {
    int64_t begin;
    int64_t end;
  };

  // valid_[batch][patch]; one batch row when all are equal.
  std::vector<std::vector<bool>> valid_;
  std::vector<std::vector<Run>> runs_;  // the same as stretches of valid patches
  // By value: its axes over patches, and over the batch (-1: none).
  std::vector<std::vector<int>> patch_axes_;
  std::vector<int> batch_axis_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_VALID_ROWS_H_
