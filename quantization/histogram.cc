#include "quantization/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "evaluator/vector.h"

namespace g4c::quantization {
namespace {

constexpr int kMantissaBits = 4;  // log2(kBucketsPerOctave)
constexpr int kShift = 23 - kMantissaBits;
constexpr int32_t kMagnitude = 0x7fffffff;
constexpr int32_t kInfinity = 0x7f800000;
// One less than the shifted bits of 2^kFirstOctave, so that the first bucket is 1 and zero is 0.
constexpr int32_t kBase = ((127 + kFirstOctave) << kMantissaBits) - 1;

G4C_INLINE int32_t BucketOfBits(int32_t bits) {
  const int32_t side = ((bits & kMagnitude) >> kShift) - kBase;
  const int32_t limited = std::min(std::max(side, 0), kBucketsPerSide);
  const int32_t sign = bits >> 31;  // 0 or -1
  return ((limited ^ sign) - sign) + kZeroBucket;
}

// Bits of a float as an integer that orders as floats do; its own inverse.
G4C_INLINE int32_t OrderedKey(int32_t bits) { return bits ^ ((bits >> 31) & kMagnitude); }

constexpr int kBlock = 1024;

struct BlockSummary {
  int32_t lowest;
  int32_t highest;
  int32_t largest_magnitude;
};

// Integer minima and maxima, since compilers do not vectorise those of floats.
G4C_VECTORISED BlockSummary Summarise(const float* elements, int count) {
  BlockSummary summary = {std::numeric_limits<int32_t>::max(),
                          std::numeric_limits<int32_t>::lowest(), 0};
  for (int i = 0; i < count; ++i) {
    int32_t bits;
    std::memcpy(&bits, elements + i, sizeof(bits));
    const int32_t key = OrderedKey(bits);
    summary.lowest = std::min(summary.lowest, key);
    summary.highest = std::max(summary.highest, key);
    summary.largest_magnitude = std::max(summary.largest_magnitude, bits & kMagnitude);
  }
  return summary;
}

G4C_VECTORISED void FindBuckets(const float* elements, int count, int32_t* buckets) {
  for (int i = 0; i < count; ++i) {
    int32_t bits;
    std::memcpy(&bits, elements + i, sizeof(bits));
    buckets[i] = BucketOfBits(bits);
  }
}

float FloatOfKey(int32_t key) {
  const int32_t bits = OrderedKey(key);
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x == 0 ? 0.0f : x;
}

}  // namespace

int BucketOf(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return BucketOfBits(bits);
}

double BucketEdge(int index) {
  // Edge kZeroBucket ends the negative side at -2^kFirstOctave, the next one begins the positive.
  const int step = index > kZeroBucket ? index - kZeroBucket - 1 : kZeroBucket - index;
  const double fraction = 1.0 + static_cast<double>(step % kBucketsPerOctave) / kBucketsPerOctave;
  const double edge = std::ldexp(fraction, kFirstOctave + step / kBucketsPerOctave);
  return index > kZeroBucket ? edge : -edge;
}

BlockObserver::BlockObserver()
    : lowest_(std::numeric_limits<int32_t>::max()),
      highest_(std::numeric_limits<int32_t>::lowest()) {}

float BlockObserver::Add(absl::Span<const float> elements, bool buckets) {
  if (buckets && counts_.empty()) counts_.resize(kTables * kBuckets);
  int32_t highest = std::numeric_limits<int32_t>::lowest();
  int32_t found[kBlock];
  const int64_t total = static_cast<int64_t>(elements.size());
  for (int64_t begin = 0; begin < total; begin += kBlock) {
    const int count = static_cast<int>(std::min<int64_t>(kBlock, total - begin));
    const float* block = elements.data() + begin;
    const BlockSummary summary = Summarise(block, count);
    lowest_ = std::min(lowest_, summary.lowest);
    highest = std::max(highest, summary.highest);
    finite_ = finite_ && summary.largest_magnitude < kInfinity;
    if (!buckets) continue;
    FindBuckets(block, count, found);
    uint32_t* even = counts_.data();
    uint32_t* odd = even + kBuckets;
    int i = 0;
    for (; i + 1 < count; i += 2) {
      ++even[found[i]];
      ++odd[found[i + 1]];
    }
    if (i < count) ++even[found[i]];
  }
  highest_ = std::max(highest_, highest);
  return FloatOfKey(highest);
}

Range BlockObserver::range() const {
  if (lowest_ > highest_) return {};
  return {FloatOfKey(lowest_), FloatOfKey(highest_)};
}

void BlockObserver::MergeInto(Histogram& histogram) const {
  if (counts_.empty()) return;
  histogram.resize(kBuckets);
  for (int table = 0; table < kTables; ++table) {
    for (int i = 0; i < kBuckets; ++i) histogram[i] += counts_[table * kBuckets + i];
  }
}

}  // namespace g4c::quantization
