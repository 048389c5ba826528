#include "quantization/observer.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace g4c::quantization {
namespace {

constexpr std::pair<Observer, absl::string_view> kNames[] = {
    {Observer::kMinMax, "minmax"},   {Observer::kPercentile, "percentile"}, {Observer::kMse, "mse"},
    {Observer::kEntropy, "entropy"}, {Observer::kBlock, "block"},
};

// A bucket with elements, cut to the exact range.
struct Bin {
  double lo;
  double hi;
  double count;
  bool zero;  // stands for the number 0, which every grid has
};

std::vector<Bin> BinsOf(const ValueStatistics& statistics) {
  std::vector<Bin> bins;
  const double lowest = statistics.range.lo;
  const double highest = statistics.range.hi;
  for (int i = 0; i < static_cast<int>(statistics.histogram.size()); ++i) {
    if (statistics.histogram[i] == 0) continue;
    // The outermost buckets hold everything beyond them.
    const double lo = i == 0 ? lowest : std::max(BucketEdge(i), lowest);
    const double hi = i == kBuckets - 1 ? highest : std::min(BucketEdge(i + 1), highest);
    bins.push_back({lo, hi, static_cast<double>(statistics.histogram[i]), i == kZeroBucket});
  }
  return bins;
}

// |x| in place of x.
std::vector<Bin> Folded(const std::vector<Bin>& bins) {
  std::vector<Bin> folded;
  for (const Bin& bin : bins) {
    folded.push_back(bin.hi <= 0 && !bin.zero ? Bin{-bin.hi, -bin.lo, bin.count, false} : bin);
  }
  std::stable_sort(folded.begin(), folded.end(),
                   [](const Bin& a, const Bin& b) { return a.lo < b.lo; });
  return folded;
}

// The number below which `share` elements lie.
double Quantile(const std::vector<Bin>& bins, double share) {
  for (const Bin& bin : bins) {
    if (share <= bin.count) return bin.lo + (bin.hi - bin.lo) * std::max(0.0, share) / bin.count;
    share -= bin.count;
  }
  return bins.back().hi;
}

Range PercentileRange(const std::vector<Bin>& bins, double total, bool symmetric) {
  const double outside = total * (100 - kPercentile) / 100;
  if (symmetric) {
    const float reach = static_cast<float>(Quantile(Folded(bins), total - outside));
    return {-reach, reach};
  }
  return {static_cast<float>(Quantile(bins, outside)),
          static_cast<float>(Quantile(bins, total - outside))};
}

// The grid of integers that a range becomes.
struct Grid {
  double step;
  double lo;  // the lowest and the highest number it has
  double hi;
};

Grid GridOf(Range range, ir::DType dtype, bool symmetric) {
  const ir::QuantPerTensor q = ChooseQparams(range, dtype, symmetric);
  const Range covered = RepresentableRange(q);
  return {q.scale, covered.lo, covered.hi};
}

// Integral of (t - round(t))^2 from 0 to u: a whole step gives 1/12.
double RoundingIntegral(double u) {
  const double whole = std::nearbyint(u);
  const double rest = u - whole;
  return whole / 12 + rest * rest * rest / 3;
}

// Integral of the squared error on the grid from a to b.
double ErrorIntegral(const Grid& grid, double a, double b) {
  double error = 0;
  if (a < grid.lo) {
    const double end = std::min(b, grid.lo);
    error += (std::pow(grid.lo - a, 3) - std::pow(grid.lo - end, 3)) / 3;
  }
  if (b > grid.hi) {
    const double begin = std::max(a, grid.hi);
    error += (std::pow(b - grid.hi, 3) - std::pow(begin - grid.hi, 3)) / 3;
  }
  const double begin = std::max(a, grid.lo);
  const double end = std::min(b, grid.hi);
  if (begin < end) {
    error += std::pow(grid.step, 3) *
             (RoundingIntegral(end / grid.step) - RoundingIntegral(begin / grid.step));
  }
  return error;
}

double SquaredErrorAt(const Grid& grid, double x) {
  const double stored = std::clamp(std::nearbyint(x / grid.step) * grid.step, grid.lo, grid.hi);
  return (x - stored) * (x - stored);
}

double SquaredError(const std::vector<Bin>& bins, const Grid& grid) {
  double error = 0;
  for (const Bin& bin : bins) {
    if (bin.zero) continue;
    const double width = bin.hi - bin.lo;
    // So narrow a bin, e.g. of one repeated number, is a point: the difference of two integrals
    // would be noise.
    error += bin.count * (width < 1e-6 * grid.step ? SquaredErrorAt(grid, bin.lo)
                                                   : ErrorIntegral(grid, bin.lo, bin.hi) / width);
  }
  return error;
}

double Divergence(const std::vector<Bin>& bins, const Grid& grid) {
  // Bins in the range; p has the clipped elements at its ends, q has not.
  double clipped_low = 0;
  double clipped_high = 0;
  std::vector<Bin> inside;
  for (const Bin& bin : bins) {
    const double middle = (bin.lo + bin.hi) / 2;
    if (middle < grid.lo) {
      clipped_low += bin.count;
    } else if (middle > grid.hi) {
      clipped_high += bin.count;
    } else {
      inside.push_back(bin);
    }
  }
  if (inside.empty()) return std::numeric_limits<double>::infinity();
  std::vector<double> q(inside.size());
  double total_q = 0;
  for (size_t begin = 0; begin < inside.size();) {
    // Bins whose middles round to one number of the grid.
    const auto step_of = [&](const Bin& bin) {
      return std::nearbyint((bin.lo + bin.hi) / 2 / grid.step);
    };
    size_t end = begin + 1;
    double count = inside[begin].count;
    double width = inside[begin].hi - inside[begin].lo;
    while (!inside[begin].zero && end < inside.size() && !inside[end].zero &&
           step_of(inside[end]) == step_of(inside[begin])) {
      count += inside[end].count;
      width += inside[end].hi - inside[end].lo;
      ++end;
    }
    for (size_t i = begin; i < end; ++i) {
      q[i] = end - begin == 1 ? count : count * (inside[i].hi - inside[i].lo) / width;
      total_q += q[i];
    }
    begin = end;
  }
  inside.front().count += clipped_low;
  inside.back().count += clipped_high;
  double total_p = 0;
  for (const Bin& bin : inside) total_p += bin.count;
  double divergence = 0;
  for (size_t i = 0; i < inside.size(); ++i) {
    const double p = inside[i].count / total_p;
    if (q[i] > 0) divergence += p * std::log(p / (q[i] / total_q));
  }
  return divergence;
}

using Cost = std::function<double(const Range&)>;

// The search: ends shrink from the exact ones in quarters of an octave down to 1/64 of them, then
// move by 1/32 of an octave around what was found; each alone and both together, until no move
// helps.
class RangeSearch {
 public:
  RangeSearch(Range exact, bool symmetric, const Cost& cost) : symmetric_(symmetric), cost_(cost) {
    // qparams hold 0 in any case.
    exact.Add(0);
    if (symmetric) exact = {-Reach(exact), Reach(exact)};
    exact_ = best_ = exact;
    least_ = cost(exact);
  }

  Range Run() {
    for (const int steps_an_octave : {4, 32}) {
      for (int round = 0; round < kMostRounds; ++round) {
        const Range before = best_;
        // Coarse steps go inwards from the exact range, fine ones both ways from the best.
        const bool coarse = steps_an_octave == 4;
        const Range from = coarse ? exact_ : best_;
        for (const auto& [low, high] : {std::pair(true, true), {false, true}, {true, false}}) {
          if (symmetric_ && !(low && high)) continue;
          for (int step = coarse ? 0 : -8; step <= (coarse ? 24 : 8); ++step) {
            const double factor = std::exp2(-static_cast<double>(step) / steps_an_octave);
            Try(low ? from.lo * factor : best_.lo, high ? from.hi * factor : best_.hi);
          }
        }
        if (best_ == before) break;
      }
    }
    return best_;
  }

 private:
  static constexpr int kMostRounds = 8;

  static float Reach(Range range) { return std::max(-range.lo, range.hi); }

  void Try(double lo, double hi) {
    const Range tried = {std::max(static_cast<float>(lo), exact_.lo),
                         std::min(static_cast<float>(hi), exact_.hi)};
    const double found = cost_(tried);
    if (!(found < least_)) return;
    best_ = tried;
    least_ = found;
  }

  const bool symmetric_;
  const Cost& cost_;
  Range exact_;
  Range best_;
  double least_;
};

}  // namespace

absl::string_view ObserverName(Observer observer) {
  for (const auto& [known, name] : kNames) {
    if (known == observer) return name;
  }
  return "";
}

absl::optional<Observer> ParseObserver(absl::string_view name) {
  for (const auto& [observer, known] : kNames) {
    if (known == name) return observer;
  }
  return absl::nullopt;
}

std::vector<absl::string_view> ObserverNames() {
  std::vector<absl::string_view> names;
  for (const auto& [observer, name] : kNames) names.push_back(name);
  return names;
}

Range ObservedRange(const ValueStatistics& statistics, Observer observer, ir::DType dtype,
                    bool symmetric) {
  const bool exact = observer == Observer::kMinMax || observer == Observer::kBlock;
  if (exact || statistics.histogram.empty()) {
    return statistics.range;
  }
  const std::vector<Bin> bins = BinsOf(statistics);
  if (observer == Observer::kPercentile) {
    return PercentileRange(bins, static_cast<double>(statistics.count), symmetric);
  }
  const Cost cost = [&](const Range& range) {
    const Grid grid = GridOf(range, dtype, symmetric);
    return observer == Observer::kMse ? SquaredError(bins, grid) : Divergence(bins, grid);
  };
  return RangeSearch(statistics.range, symmetric, cost).Run();
}

double ExpectedSquaredError(const ValueStatistics& statistics, Range range, ir::DType dtype,
                            bool symmetric) {
  if (statistics.count == 0) return 0;
  return SquaredError(BinsOf(statistics), GridOf(range, dtype, symmetric)) /
         static_cast<double>(statistics.count);
}

}  // namespace g4c::quantization
