#include "quantization/observer.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

namespace g4c::quantization {
namespace {

ValueStatistics StatisticsOf(absl::Span<const float> elements) {
  ValueStatistics statistics;
  BlockObserver block;
  block.Add(elements, true);
  statistics.count = elements.size();
  statistics.range = block.range();
  block.MergeInto(statistics.histogram);
  return statistics;
}

// Sums of uniform numbers, near enough to normal, with `outliers` at the end.
std::vector<float> Bell(int count, const std::vector<float>& outliers) {
  std::mt19937 engine(5);
  std::vector<float> elements;
  for (int i = 0; i < count; ++i) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(engine()) / 4294967296.0;
    elements.push_back(static_cast<float>(sum));
  }
  elements.insert(elements.end(), outliers.begin(), outliers.end());
  return elements;
}

double TrueSquaredError(absl::Span<const float> elements, Range range, ir::DType dtype,
                        bool symmetric) {
  const ir::QuantPerTensor q = ChooseQparams(range, dtype, symmetric);
  double error = 0;
  for (float x : elements) {
    const double stored = std::clamp(
        std::nearbyint(static_cast<double>(x) / q.scale) + static_cast<double>(q.zero_point),
        static_cast<double>(ir::MinOf(dtype)), static_cast<double>(ir::MaxOf(dtype)));
    const double real = q.scale * (stored - static_cast<double>(q.zero_point));
    error += (x - real) * (x - real);
  }
  return error / static_cast<double>(elements.size());
}

TEST(Observer, NamesReadBack) {
  for (absl::string_view name : ObserverNames())
    EXPECT_EQ(ObserverName(*ParseObserver(name)), name);
  EXPECT_EQ(ParseObserver("maximum"), absl::nullopt);
}

TEST(Observer, MinMaxIsExact) {
  const ValueStatistics seen = StatisticsOf(Bell(100, {-40, 17}));
  EXPECT_EQ(ObservedRange(seen, Observer::kMinMax, ir::DType::kU8, false), (Range{-40, 17}));
}

TEST(Observer, PercentileLeavesOutOneInTenThousandOnEachSide) {
  std::vector<float> ramp;
  for (int i = 0; i < 100000; ++i) ramp.push_back(static_cast<float>(i - 30000));
  const ValueStatistics seen = StatisticsOf(ramp);
  // Elements -30000 + 10 and 69999 - 10 up to half an element: buckets are evenly filled here.
  const Range both = ObservedRange(seen, Observer::kPercentile, ir::DType::kU8, false);
  EXPECT_NEAR(both.lo, -29990, 1);
  EXPECT_NEAR(both.hi, 69989, 1);
  const Range one = ObservedRange(seen, Observer::kPercentile, ir::DType::kI16, true);
  EXPECT_EQ(one.lo, -one.hi);
  EXPECT_NEAR(one.hi, 69989, 1);
}

TEST(Observer, ExpectedErrorIsTheTrueOne) {
  const std::vector<float> elements = Bell(200000, {-12, 20});
  const ValueStatistics seen = StatisticsOf(elements);
  for (const Range range : {Range{-12, 20}, Range{-3, 3}, Range{-1, 5}, Range{0, 2}}) {
    for (ir::DType dtype : {ir::DType::kU8, ir::DType::kI8, ir::DType::kU4}) {
      const double expected = ExpectedSquaredError(seen, range, dtype, false);
      // 200,000 elements, and a density that is even within a sixteenth of an octave.
      EXPECT_NEAR(expected / TrueSquaredError(elements, range, dtype, false), 1, 0.02);
    }
    EXPECT_NEAR(ExpectedSquaredError(seen, range, ir::DType::kI8, true) /
                    TrueSquaredError(elements, range, ir::DType::kI8, true),
                1, 0.02);
  }
}

TEST(Observer, MseFindsTheLeastError) {
  for (const auto& outliers : {std::vector<float>{}, {30}, {-25, 60}}) {
    const std::vector<float> elements = Bell(20000, outliers);
    const ValueStatistics seen = StatisticsOf(elements);
    for (ir::DType dtype : {ir::DType::kU4, ir::DType::kU8}) {
      const Range found = ObservedRange(seen, Observer::kMse, dtype, false);
      double least = ExpectedSquaredError(seen, seen.range, dtype, false);
      for (int i = 1; i <= 60; ++i) {
        for (int k = 1; k <= 60; ++k) {
          const Range tried = {seen.range.lo * i / 60, seen.range.hi * k / 60};
          least = std::min(least, ExpectedSquaredError(seen, tried, dtype, false));
        }
      }
      // Ends are tried in steps of 2 %.
      EXPECT_LE(ExpectedSquaredError(seen, found, dtype, false), 1.03 * least)
          << ir::DTypeName(dtype) << " with " << outliers.size() << " outliers";
    }
    const Range found = ObservedRange(seen, Observer::kMse, ir::DType::kI8, true);
    EXPECT_EQ(found.lo, -found.hi);
    EXPECT_LE(ExpectedSquaredError(seen, found, ir::DType::kI8, true),
              ExpectedSquaredError(seen, seen.range, ir::DType::kI8, true));
  }
}

TEST(Observer, EntropyClipsOutliersAndKeepsTheBody) {
  const Range clipped =
      ObservedRange(StatisticsOf(Bell(100000, {200})), Observer::kEntropy, ir::DType::kU8, false);
  EXPECT_LT(clipped.hi, 20);
  EXPECT_GT(clipped.hi, 2);
  EXPECT_LT(clipped.lo, -2);
  // What fills its range evenly keeps it.
  std::vector<float> ramp;
  for (int i = 0; i < 100000; ++i) ramp.push_back(static_cast<float>(i) / 1000);
  const Range kept = ObservedRange(StatisticsOf(ramp), Observer::kEntropy, ir::DType::kU8, false);
  EXPECT_GT(kept.hi, 90);
}

TEST(Observer, ConstantsAndSingleElementsKeepTheirRange) {
  for (const std::vector<float>& elements :
       {std::vector<float>(10, 0.0f), {3}, {-2}, std::vector<float>(7, 1e-20f), {-1, 1}, {1e20f}}) {
    const ValueStatistics seen = StatisticsOf(elements);
    for (const Observer observer :
         {Observer::kMinMax, Observer::kPercentile, Observer::kMse, Observer::kEntropy}) {
      for (const bool symmetric : {false, true}) {
        const Range range = ObservedRange(seen, observer, ir::DType::kI8, symmetric);
        EXPECT_FALSE(range.empty());
        Range with_zero = range;
        with_zero.Add(0);
        for (float x : elements) {
          // The percentile of two elements lies a little inside.
          EXPECT_LE(with_zero.lo * 1.001, x) << ObserverName(observer);
          EXPECT_GE(with_zero.hi * 1.001 + 1e-9, x) << ObserverName(observer);
        }
      }
    }
  }
}

TEST(Observer, WithoutAHistogramTheRangeIsExact) {
  ValueStatistics seen;
  seen.count = 3;
  seen.range = {-1, 2};
  EXPECT_EQ(ObservedRange(seen, Observer::kMse, ir::DType::kU8, false), (Range{-1, 2}));
}

}  // namespace
}  // namespace g4c::quantization
