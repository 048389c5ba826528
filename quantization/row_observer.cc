#include "quantization/row_observer.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "base/parallel.h"

namespace g4c::quantization {
namespace {

// A tile is this many elements, in whole rows.
constexpr int64_t kTileElements = 1 << 16;

// Sums of one tile. Elements of one channel are added in the order of the rows.
class TileSums {
 public:
  TileSums(const float* base, int64_t width)
      : base_(base), width_(width), sum_(width, 0.0), square_(width, 0.0) {}

  // Consecutive elements that may begin in the middle of a row.
  void Add(absl::Span<const float> run) {
    const float* p = run.data();
    const float* end = p + run.size();
    while (p < end) {
      const int64_t channel = (p - base_) % width_;
      const int64_t count = std::min<int64_t>(width_ - channel, end - p);
      for (int64_t i = 0; i < count; ++i) {
        const double x = p[i];
        sum_[channel + i] += x;
        square_[channel + i] += x * x;
      }
      p += count;
    }
  }

  // Rounds to fixed point.
  ChannelSums Rounded(uint64_t count) const {
    ChannelSums sums{count / width_, std::vector<Int128>(width_), std::vector<Int128>(width_)};
    for (int64_t i = 0; i < width_; ++i) {
      sums.sum[i] = ToFixed(sum_[i]);
      sums.square[i] = ToFixed(square_[i]);
    }
    return sums;
  }

 private:
  const float* base_;
  int64_t width_;
  std::vector<double> sum_;
  std::vector<double> square_;
};

// The smallest maximum of the rows that lie in consecutive elements. A row may come in several
// runs, which follow each other.
class RowMaxima {
 public:
  // A run of row `row` and its largest element.
  void Add(int64_t row, float most) {
    if (row != row_) Close();
    row_max_ = row == row_ ? std::max(row_max_, most) : most;
    row_ = row;
  }

  float Lowest() {
    Close();
    row_ = -1;
    return lowest_;
  }

 private:
  void Close() {
    if (row_ >= 0) lowest_ = std::min(lowest_, row_max_);
  }

  int64_t row_ = -1;
  float row_max_ = 0;
  float lowest_ = std::numeric_limits<float>::infinity();
};

}  // namespace

bool RowObserver::Add(ir::ValueId id, const ir::Dims& dims, int64_t begin,
                      absl::Span<const float> rows) {
  if (!Wants(id)) return true;
  const StatisticsPlan::Entry& entry = plan_.entries[id];
  const int64_t width = dims.empty() ? 1 : dims.back();
  BlockObserver block;
  RowMaxima maxima;
  TileSums sums(rows.data(), entry.channels ? width : 0);
  uint64_t count = 0;
  valid_.VisitRows(id, dims, begin, rows, [&](absl::Span<const float> run) {
    count += run.size();
    if (entry.channels) sums.Add(run);
    if (!entry.row_maxima) {
      block.Add(run, entry.elements);
      return;
    }
    while (!run.empty()) {
      const int64_t row = (run.data() - rows.data()) / width;
      const size_t rest = static_cast<size_t>(rows.data() + (row + 1) * width - run.data());
      maxima.Add(row, block.Add(run.subspan(0, rest), entry.elements));
      run.remove_prefix(std::min(rest, run.size()));
    }
  });
  if (count == 0) return true;
  if (!block.finite()) return false;
  ValueStatistics& statistics = statistics_.values[id];
  std::lock_guard<std::mutex> lock(mutex_);
  if (entry.elements) {
    statistics.count += count;
    statistics.range.Add(block.range());
    block.MergeInto(statistics.histogram);
  }
  if (entry.row_maxima) {
    statistics.lowest_row_max = std::min(statistics.lowest_row_max, maxima.Lowest());
  }
  if (entry.channels) statistics.channels.Merge(sums.Rounded(count));
  return true;
}

bool RowObserver::AddAll(ir::ValueId id, const ir::Tensor& data) {
  if (!Wants(id)) return true;
  const ir::Tensor whole = data.Contiguous();
  const int64_t width = whole.rank() == 0 ? 1 : whole.dims().back();
  const int64_t tile_rows = std::max<int64_t>(1, kTileElements / std::max<int64_t>(1, width));
  std::atomic<bool> finite = true;
  ParallelForRange(ValidRows::NumRows(whole), tile_rows, [&](int64_t begin, int64_t end) {
    const absl::Span<const float> rows(whole.data<float>() + begin * width,
                                       static_cast<size_t>((end - begin) * width));
    if (!Add(id, whole.dims(), begin, rows)) finite = false;
  });
  return finite;
}

}  // namespace g4c::quantization
