#include "base/parallel.h"

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace g4c {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

class Parallel : public ::testing::Test {
 protected:
  ~Parallel() override { SetNumThreads(before_); }

 private:
  int before_ = NumThreads();
};

TEST_F(Parallel, DefaultsToAtLeastOneThread) { EXPECT_GE(NumThreads(), 1); }

TEST_F(Parallel, RunsEachTileOnce) {
  for (const int threads : {1, 2, 3, 8, 2}) {
    SetNumThreads(threads);
    EXPECT_EQ(NumThreads(), threads);
    for (const int64_t tiles : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(tiles);
      ParallelFor(tiles, [&](int64_t tile) { ++runs[tile]; });
      EXPECT_THAT(std::vector<int>(runs.begin(), runs.end()), Each(1)) << threads << " " << tiles;
    }
  }
}

TEST_F(Parallel, ANegativeCountIsNone) {
  ParallelFor(-1, [](int64_t) { FAIL(); });
  ParallelForRange(-1, 4, [](int64_t, int64_t) { FAIL(); });
}

TEST_F(Parallel, UsesSeveralThreads) {
  SetNumThreads(2);
  // Both tiles wait for each other, which ends only when they run at the same time.
  std::atomic<int> arrived = 0;
  ParallelFor(2, [&](int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST_F(Parallel, OneThreadGoesInOrder) {
  SetNumThreads(1);
  std::vector<int64_t> order;
  ParallelFor(4, [&](int64_t tile) { order.push_back(tile); });
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST_F(Parallel, ANestedLoopRunsInOrderOnItsThread) {
  SetNumThreads(4);
  std::vector<std::vector<int64_t>> orders(8);
  ParallelFor(8, [&](int64_t outer) {
    const std::thread::id self = std::this_thread::get_id();
    ParallelFor(4, [&](int64_t inner) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      orders[outer].push_back(inner);
    });
  });
  EXPECT_THAT(orders, Each(ElementsAre(0, 1, 2, 3)));
}

TEST_F(Parallel, LoopsOfSeveralCallersRunBesideEachOther) {
  SetNumThreads(3);
  std::atomic<int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) ParallelFor(10, [&](int64_t tile) { sum += tile; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 4 * 50 * 45);
}

TEST_F(Parallel, RangesCoverAllOnceWithoutRegardToThreads) {
  struct Case {
    int64_t count, grain;
    std::vector<std::pair<int64_t, int64_t>> ranges;
  };
  const Case cases[] = {
      {0, 4, {}},
      {1, 4, {{0, 1}}},
      {8, 4, {{0, 4}, {4, 8}}},
      {9, 4, {{0, 4}, {4, 8}, {8, 9}}},
      {3, INT64_MAX, {{0, 3}}},
  };
  for (const int threads : {1, 2, 5}) {
    SetNumThreads(threads);
    for (const Case& c : cases) {
      std::vector<std::pair<int64_t, int64_t>> ranges(c.ranges.size());
      ParallelForRange(c.count, c.grain, [&](int64_t begin, int64_t end) {
        ranges.at(begin / c.grain) = {begin, end};
      });
      EXPECT_EQ(ranges, c.ranges);
    }
  }
}

}  // namespace
}  // namespace g4c
