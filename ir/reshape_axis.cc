#include "ir/reshape_axis.h"

namespace g4c::ir {

absl::optional<int> AxisAfterReshape(const Dims& from, const Dims& to, int axis, int count) {
  const auto begin = from.begin() + axis;
  const int64_t outer = NumElements(Dims(from.begin(), begin));
  const int64_t size = NumElements(Dims(begin, begin + count));
  int64_t before = 1;
  for (size_t i = 0; i < to.size() && before <= outer; before *= to[i++]) {
    if (before == outer && to[i] == size) return static_cast<int>(i);
  }
  return absl::nullopt;
}

}  // namespace g4c::ir
