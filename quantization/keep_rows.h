// Blocks of which only some rows are wanted.
#ifndef QUANTIZATION_KEEP_ROWS_H_
#define QUANTIZATION_KEEP_ROWS_H_

#include "absl/container/flat_hash_map.h"
#include "quantization/blocks.h"

namespace g4c::quantization {

// Of a value: the axis along which only sampled indices are wanted, or all of it.
inline constexpr int kAllRows = -1;
// By value of the source.
using WantedRows = absl::flat_hash_map<ir::ValueId, int>;

// Notes that a value is wanted along `axis`; of two different ones all of it is.
void Want(WantedRows& wanted, ir::ValueId id, int axis);

struct RowBlock {
  // Inputs: the block's, then the sampled indices, i64[count]. Values have their source where they
  // are it, or its sampled rows; gathers in between have none (kNoValue).
  ExtractedBlock extracted;
  std::vector<int> input_axes;  // by input of the block: how much of it the graph takes
};

// A block that computes of each value only what `wanted` needs, `count` of the rows along the given
// axes. Rows go back through operators that treat each alone; where one mixes them, as attention
// does keys and values, what it reads is computed whole and its rows are taken behind it. All
// shapes must be static; outputs must be wanted. Linear.
absl::StatusOr<RowBlock> KeepRows(const ExtractedBlock& block, const WantedRows& wanted,
                                  int64_t count);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_KEEP_ROWS_H_
