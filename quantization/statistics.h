// What one pass over the samples gathers about each value of the float model.
//
// Everything here is an integer, a minimum or a maximum, so that adding up is associative and
// commutative: the statistics of all samples are the merged statistics of any parts of them, bit by
// bit, whatever the order.
#ifndef QUANTIZATION_STATISTICS_H_
#define QUANTIZATION_STATISTICS_H_

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "quantization/histogram.h"
#include "quantization/qparams.h"

namespace g4c::quantization {

using Int128 = __int128;

// Sums over the rows of a value, one for each index of its last axis.
//
// Fixed point: a sum of x or of x^2 is an integer times 2^-kSumFraction. Rows are summed in double
// over tiles whose borders depend on the shape only, each tile is rounded once (relative error
// below 2^-45 for tiles of 256 rows) and limited to +-2^56. Sums wrap around beyond +-2^79.
struct ChannelSums {
  uint64_t rows = 0;
  std::vector<Int128> sum;
  std::vector<Int128> square;  // of x^2

  bool empty() const { return sum.empty(); }
  double Mean(int64_t channel) const;
  double MeanSquare(int64_t channel) const;
  void Merge(const ChannelSums& other);
  bool operator==(const ChannelSums&) const = default;
};
inline constexpr int kSumFraction = 48;
// To fixed point and back, and its sum, which wraps around.
Int128 ToFixed(double real);
double FromFixed(Int128 fixed);
inline Int128 FixedSum(Int128 a, Int128 b) {
  return static_cast<Int128>(static_cast<unsigned __int128>(a) + static_cast<unsigned __int128>(b));
}

struct ValueStatistics {
  uint64_t count = 0;  // of valid elements
  Range range;         // exact
  // Of logits in front of an attention mask: the smallest maximum of any valid row.
  float lowest_row_max = std::numeric_limits<float>::infinity();
  Histogram histogram;
  // Of values that a fully connected layer reads or writes.
  ChannelSums channels;

  void Merge(const ValueStatistics& other);
  bool operator==(const ValueStatistics&) const = default;
};

struct Statistics {
  // By value id. A value that only reorders the elements of another one (reshape, transpose) has no
  // elements of its own here: ask Of().
  std::vector<ValueStatistics> values;
  // By value id: the value whose elements it has, mostly itself; kNoValue where nothing is
  // gathered.
  std::vector<ir::ValueId> sources;
  // How often each sample was counted, by the digest of its content.
  std::map<std::string, int64_t> samples;

  // Count, range and histogram of a value's elements; null where nothing was gathered.
  const ValueStatistics* Of(ir::ValueId id) const;
  int64_t num_samples() const;
  int64_t MemoryBytes() const;
  // Adds what other samples of the same graph gave.
  void Merge(const Statistics& other);
  bool operator==(const Statistics&) const = default;
};

// What is gathered of which value. Constants, integers, sums of masked logits (they hold the mask's
// fill) and results with a fixed range are left out.
struct StatisticsPlan {
  struct Entry {
    ir::ValueId source = ir::kNoValue;
    bool elements = false;  // count, range, histogram
    bool row_maxima = false;
    bool channels = false;
  };
  std::vector<Entry> entries;  // by value id

  explicit StatisticsPlan(const ir::Graph& graph);
  // Statistics of no sample.
  Statistics Empty() const;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_STATISTICS_H_
