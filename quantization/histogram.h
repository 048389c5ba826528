// Histograms on one fixed grid, so that adding them up does not depend on any order.
//
// The grid is logarithmic: 16 buckets an octave from 2^-32 to 2^32 on both sides of zero, which are
// the sign, the exponent and the first 4 mantissa bits of a float. What is smaller is in the bucket
// of zero, what is larger in the outermost one. The data that is seen never moves a border.
#ifndef QUANTIZATION_HISTOGRAM_H_
#define QUANTIZATION_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "quantization/qparams.h"

namespace g4c::quantization {

inline constexpr int kBucketsPerOctave = 16;
inline constexpr int kFirstOctave = -32;
inline constexpr int kOctaves = 64;
inline constexpr int kBucketsPerSide = kBucketsPerOctave * kOctaves;
inline constexpr int kZeroBucket = kBucketsPerSide;
inline constexpr int kBuckets = 2 * kBucketsPerSide + 1;

// The bucket of a finite number; buckets ascend with the numbers.
int BucketOf(float x);
// The finite interval that a bucket stands for: [BucketEdge(i), BucketEdge(i + 1)].
double BucketEdge(int index);

// Counts by bucket: none at all, or kBuckets of them.
using Histogram = std::vector<uint64_t>;

// What one thread saw of one value. Cheap to make, added up by MergeInto.
class BlockObserver {
 public:
  BlockObserver();

  // Minimum, maximum and whether all are finite; with `buckets` also the counts. At most 2^32
  // elements in all. Returns the largest of these elements; -0 is 0.
  float Add(absl::Span<const float> elements, bool buckets);

  bool finite() const { return finite_; }
  // Empty where nothing was added; -0 is 0.
  Range range() const;
  // `histogram` gets kBuckets counts where it has none.
  void MergeInto(Histogram& histogram) const;

 private:
  // Neighbouring elements count in different tables: the next increment need not wait for the last.
  static constexpr int kTables = 2;

  bool finite_ = true;
  int32_t lowest_;  // as keys that order as floats do
  int32_t highest_;
  std::vector<uint32_t> counts_;  // kTables x kBuckets, or none yet
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_HISTOGRAM_H_
