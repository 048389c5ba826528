// Where a value is known to be zero at padded patches, so that a sum over patches does not see
// them.
#ifndef PASSES_PADDING_ZEROS_H_
#define PASSES_PADDING_ZEROS_H_

#include <cstdint>
#include <vector>

#include "ir/graph.h"
#include "quantization/valid_rows.h"

namespace g4c::passes {

// One run of patches, [begin, end).
struct PatchRun {
  int64_t begin;
  int64_t end;
};

// Follows zeros from the constants that hold them and from masked softmaxes through operators that
// keep them: those that move data, map 0 to 0, multiply, or are linear. Whatever is not known to be
// zero counts as arbitrary but finite. Linear in the graph.
class PaddingZeros {
 public:
  // `kept`: the patches that are not padding in every batch row.
  PaddingZeros(const ir::Graph& graph, const quantization::ValidRows& rows, PatchRun kept);

  // Whether all elements of `value` outside `kept` along `axis`, one of its patch axes, are zero.
  bool IsZero(ir::ValueId value, int axis) const { return (zeros_[value] >> axis) & 1; }

 private:
  using AxisMask = uint64_t;  // bit i: axis i
  static constexpr AxisMask kEverywhere = ~AxisMask{0};

  AxisMask OfConstant(ir::ValueId id) const;
  AxisMask OfResult(const ir::Node& node, ir::ValueId result) const;
  AxisMask OfSelect(const ir::Node& node, int rank) const;
  AxisMask OfProduct(const ir::Node& node, const ir::BatchMatMul& product, int rank) const;
  // An operand's axes in a result of `rank`, aligned at the last one.
  AxisMask Aligned(ir::ValueId operand, int rank) const;
  bool IsMaskedSum(ir::ValueId id) const;

  const ir::Graph& graph_;
  const quantization::ValidRows& rows_;
  PatchRun kept_;
  std::vector<bool> masked_sums_;  // by value
  std::vector<AxisMask> zeros_;    // by value
};

}  // namespace g4c::passes

#endif  // PASSES_PADDING_ZEROS_H_
