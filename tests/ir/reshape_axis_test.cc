#include "ir/reshape_axis.h"

#include <gtest/gtest.h>

namespace g4c::ir {
namespace {

TEST(AxisAfterReshape, FindsAxesThatStayWhole) {
  struct Case {
    Dims from, to;
    int axis, count;
    absl::optional<int> wanted;
  };
  const Case kCases[] = {
      {{1, 6, 4}, {1, 6, 2, 2}, 1, 1, 1},
      {{1, 6, 2, 2}, {1, 6, 4}, 2, 2, 2},
      {{6, 4}, {1, 1, 6, 4}, 1, 1, 3},
      {{1, 6, 4}, {6, 4}, 2, 1, 1},
      {{2, 6}, {12}, 1, 1, absl::nullopt},    // joined with another one
      {{12}, {2, 6}, 0, 1, absl::nullopt},    // split
      {{4, 6}, {6, 4}, 1, 1, absl::nullopt},  // as long, elsewhere
      {{2, 3, 4}, {3, 2, 4}, 0, 2, absl::nullopt},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(AxisAfterReshape(c.from, c.to, c.axis, c.count), c.wanted)
        << c.from.size() << " -> " << c.to.size() << ", axis " << c.axis;
  }
}

}  // namespace
}  // namespace g4c::ir
