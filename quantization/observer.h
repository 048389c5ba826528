// Which range of a value its qparams are to cover, judged from the value's own statistics.
#ifndef QUANTIZATION_OBSERVER_H_
#define QUANTIZATION_OBSERVER_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "quantization/statistics.h"

namespace g4c::quantization {

enum class Observer : uint8_t {
  kMinMax,      // the exact minimum and maximum
  kPercentile,  // what kPercentile percent of the elements lie in
  kMse,         // the range with the least squared error
  kEntropy,     // the range with the least Kullback-Leibler divergence
  kBlock,       // the exact range, which quantization/block_search.h then narrows
};
absl::string_view ObserverName(Observer observer);  // "minmax", "percentile", ...
absl::optional<Observer> ParseObserver(absl::string_view name);
std::vector<absl::string_view> ObserverNames();

// Of a symmetric range: this share of |x| lies in it. Of an asymmetric one: 100 - kPercentile
// percent lie below it and as many above it.
inline constexpr double kPercentile = 99.99;

// A range within the exact one, which it is for kMinMax, kBlock and without a histogram. Between
// its borders, a bucket of the histogram is taken to be evenly filled.
//
// kMse: the expected squared error over the histogram, exactly for evenly filled buckets: in the
// range the rounding error on the grid of `dtype` (which has 0), outside the distance to its end.
// kEntropy: sum p log(p / q) over the buckets in the range, where the outermost ones get in p what
// lies outside, and q spreads what falls into one step of the grid evenly over its buckets with
// elements (Migacz, "8-bit inference with TensorRT", 2017, on a logarithmic grid). Zeros are exact.
// Both search among ends that shrink from the exact ones in steps of 2 % at the finest, down to
// 1/64 of them.
Range ObservedRange(const ValueStatistics& statistics, Observer observer, ir::DType dtype,
                    bool symmetric);

// The mean squared error that kMse minimises, of the range that ChooseQparams makes of `range`.
double ExpectedSquaredError(const ValueStatistics& statistics, Range range, ir::DType dtype,
                            bool symmetric);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_OBSERVER_H_
