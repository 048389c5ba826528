// The `block` observer: among candidate ranges of a value, the one with the least error where it
// matters, at the output of the blocks that compute with it.
#ifndef QUANTIZATION_BLOCK_SEARCH_H_
#define QUANTIZATION_BLOCK_SEARCH_H_

#include "quantization/block_spans.h"
#include "quantization/calibrate.h"

namespace g4c::quantization {

struct BlockSearchOptions {
  // Samples, spread evenly over all, until this many valid rows are seen.
  int64_t rows = 4096;
  // Errors are taken at the end of this many blocks (quantization/blocks.h), the own one counted.
  int span = 2;
};

// Candidate ranges a value: both ends of the observed range, or one, scaled down. A block is
// evaluated at most this often for each sample and group of values, `span` blocks each time, and
// only from the group on; behind a quarter of the samples only for the best kBlockSearchFinalists.
inline constexpr int kBlockSearchCandidates = 16;
inline constexpr int kBlockSearchFinalists = 4;
// Where one sample has more valid rows than BlockSpans::kLongSample, few samples are run: the first
// one with these candidates, the others with the best two, and errors are taken on so many of the
// rows.
inline constexpr int kBlockSearchLongCandidates = 4;
inline constexpr int kBlockSearchLongFinalists = 2;
inline constexpr int64_t kBlockSearchSampledRows = 128;

// Samples, spread evenly over all, that have this many valid rows together.
std::vector<int64_t> SamplesForRows(const Samples& samples, const BlockSpans& spans, int64_t rows);

// What rounding and clipping one group of values causes alone.
struct GroupError {
  std::vector<ir::ValueId> members;  // as QparamGroup; Grouped::kAll
  // Squared error at the end of the group's span, over the squared values there: a share of noise.
  double error = 0;
};

struct RangeSearch {
  Observations observations;
  std::vector<GroupError> errors;  // in the narrowed ranges; empty if nothing was searched
};

// Narrows the observed ranges of activations of 8 bits and less. Each sample is taken through the
// blocks as the quantised model computes it (activations simulated in `activation`, constants
// real). Within a block, each group of values that share qparams is alone given each candidate
// range in turn, all other values being exact: what counts is the squared error over valid rows at
// the end of the span, whose float result from the same inputs is the reference. With the noise of
// the others in it, the errors of single candidates would drown in their products with that noise.
//
// Memory: weights, the activations of one span for one sample and each thread, and the errors.
absl::StatusOr<RangeSearch> SearchRanges(const ir::Graph& graph, const Samples& samples,
                                         Observations observations, ir::DType activation,
                                         const BlockSearchOptions& options = {});

}  // namespace g4c::quantization

#endif  // QUANTIZATION_BLOCK_SEARCH_H_
