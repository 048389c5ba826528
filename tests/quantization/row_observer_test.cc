#include "quantization/row_observer.h"

#include <gmock/gmock.h>

#include "attention_graph.h"
#include "ir/seeded.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

class RowObserverTest : public ::testing::Test {
 protected:
  // Of one value, seen in calls of so many rows.
  ValueStatistics Seen(ir::ValueId id, const ir::Tensor& data, int64_t rows_a_call) const {
    Statistics statistics = plan_.Empty();
    const ValidRows valid = *ValidRows::Find(graph_);
    RowObserver observer(valid, plan_, statistics);
    const int64_t width = data.dims().back();
    for (int64_t row = 0; row < ValidRows::NumRows(data); row += rows_a_call) {
      const int64_t count = std::min(rows_a_call, ValidRows::NumRows(data) - row);
      EXPECT_TRUE(
          observer.Add(id, data.dims(), row,
                       {data.data<float>() + row * width, static_cast<size_t>(count * width)}));
    }
    return statistics.values[id];
  }

  ir::Graph graph_ = ParseOrDie(kAttention);
  StatisticsPlan plan_{graph_};
};

TEST_F(RowObserverTest, PiecesDoNotShow) {
  const ir::ValueId logits = ValueNamed(graph_, "logits");
  const ir::Tensor data = ir::SeededTensor(ir::DType::kF32, {1, 1, 4, 4}, 1);
  const ValueStatistics whole = Seen(logits, data, 4);
  for (const int64_t rows : {1, 2, 3}) EXPECT_EQ(Seen(logits, data, rows), whole) << rows;
  // Two valid queries see two valid keys.
  EXPECT_EQ(whole.count, 4u);
  const std::vector<float> x = data.Floats();
  EXPECT_EQ(whole.lowest_row_max, std::min(std::max(x[0], x[1]), std::max(x[4], x[5])));
}

TEST_F(RowObserverTest, LeavesOutWhatIsNotPlanned) {
  const ir::ValueId weights = ValueNamed(graph_, "p");
  const ir::Tensor data = ir::SeededTensor(ir::DType::kF32, {1, 1, 4, 4}, 1);
  EXPECT_EQ(Seen(weights, data, 4), ValueStatistics());
}

TEST_F(RowObserverTest, RefusesNanInValidRowsOnly) {
  Statistics statistics = plan_.Empty();
  const ValidRows valid = *ValidRows::Find(graph_);
  RowObserver observer(valid, plan_, statistics);
  const ir::ValueId x = ValueNamed(graph_, "x");
  EXPECT_TRUE(observer.Add(x, {1, 4, 2}, 1, {{1, 2, NAN, NAN}}));
  EXPECT_FALSE(observer.Add(x, {1, 4, 2}, 1, {{1, NAN, 3, 4}}));
  EXPECT_EQ(statistics.values[x].count, 2u);
}

}  // namespace
}  // namespace g4c::quantization
