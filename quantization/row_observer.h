// Adds what values look like to their statistics, some rows at a time.
#ifndef QUANTIZATION_ROW_OBSERVER_H_
#define QUANTIZATION_ROW_OBSERVER_H_

#include <mutex>

#include "quantization/statistics.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {

class RowObserver {
 public:
  // All must outlive this; `statistics` are those of `plan`.
  RowObserver(const ValidRows& valid, const StatisticsPlan& plan, Statistics& statistics)
      : valid_(valid), plan_(plan), statistics_(statistics) {}

  // Whether anything is gathered of a value.
  bool Wants(ir::ValueId id) const {
    return plan_.entries[id].elements || plan_.entries[id].channels;
  }

  // Whole rows of the last axis, `begin` and those behind it in row-major order, of a value of
  // shape `dims`. Sums of channels are rounded once a call. False, and nothing is added, where a
  // valid element is NaN or infinite. May be called on several threads at once.
  bool Add(ir::ValueId id, const ir::Dims& dims, int64_t begin, absl::Span<const float> rows);

  // All rows, in calls whose borders depend on the shape only, on any thread.
  bool AddAll(ir::ValueId id, const ir::Tensor& data);

 private:
  const ValidRows& valid_;
  const StatisticsPlan& plan_;
  std::mutex mutex_;
  Statistics& statistics_;  // guarded by mutex_
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_ROW_OBSERVER_H_
