#include "quantization/block_search.h"

#include <gmock/gmock.h>

#include "base/parallel.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

// Rows of four channels: three of about one, the last of 40 in one row.
class OutlierSamples : public Samples {
 public:
  explicit OutlierSamples(int64_t rows) : rows_(rows) {}
  int64_t size() const override { return 8; }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    std::vector<float> rows;
    for (int64_t i = 0; i < rows_; ++i) {
      const float x = static_cast<float>((i * 37 + index * 11) % 64) / 32.0f - 1.0f;
      rows.insert(rows.end(), {x, -x, 0.5f * x, i == 7 ? 40.0f : 2 * x});
    }
    return std::vector<ir::Tensor>{ir::Tensor::Of<float>(ir::DType::kF32, {rows_, 4}, rows)};
  }

 private:
  int64_t rows_;
};

// What the block makes of the channels is `weights`.
ir::Graph GraphWithWeights(const std::string& weights, int64_t rows = 32) {
  const std::string type = absl::StrCat(": f32[", rows, ", 4]\n");
  return ParseOrDie("graph g {\n  in %x" + type + "  k %w: f32[1, 4] = [" + weights +
                    "]\n  %y = mul(%x, %w)" + type + "  out %y\n}");
}

Observations Search(const ir::Graph& graph, ir::DType dtype = ir::DType::kU8) {
  const OutlierSamples samples(graph.value(graph.inputs()[0]).type.shape.dim(0));
  absl::StatusOr<Observations> observed = Calibrate(graph, samples);
  EXPECT_OK(observed.status());
  absl::StatusOr<RangeSearch> searched = SearchRanges(graph, samples, *observed, dtype);
  EXPECT_OK(searched.status());
  return searched->observations;
}

TEST(SearchRanges, ClipsAnOutlierThatNothingUses) {
  const ir::Graph graph = GraphWithWeights("1, 1, 1, 0");
  // Which of the small factors wins is a matter of how their grids meet the samples.
  EXPECT_LT(Search(graph)[graph.inputs()[0]].range.hi, 40 * 0.5);
}

TEST(SearchRanges, KeepsAnOutlierThatCounts) {
  // By its own squared error the range of x would be clipped here too: one element of 128.
  const ir::Graph graph = GraphWithWeights("0.01, 0.01, 0.01, 1");
  EXPECT_GT(Search(graph)[graph.inputs()[0]].range.hi, 39);
}

// Longer than what is evaluated whole: the row with the outlier is among those that are looked at,
// with the weight of one row.
TEST(SearchRanges, OfLongSamplesSeesTheLoudestRow) {
  const ir::Graph counts = GraphWithWeights("0.01, 0.01, 0.01, 1", 2000);
  EXPECT_GT(Search(counts)[counts.inputs()[0]].range.hi, 39);
  const ir::Graph unused = GraphWithWeights("1, 1, 1, 0", 2000);
  EXPECT_LT(Search(unused)[unused.inputs()[0]].range.hi, 40 * 0.6);
}

TEST(SearchRanges, LeavesWideDTypesAlone) {
  const ir::Graph graph = GraphWithWeights("1, 1, 1, 0");
  EXPECT_EQ(Search(graph, ir::DType::kI16)[graph.inputs()[0]].range.hi, 40);
}

TEST(SearchRanges, IsTheSameForAnyNumberOfThreads) {
  const ir::Graph graph = GraphWithWeights("1, 0.5, 1, 0.02");
  const int before = NumThreads();
  SetNumThreads(1);
  const Observations one = Search(graph);
  SetNumThreads(3);
  EXPECT_EQ(Search(graph), one);
  SetNumThreads(before);
}

}  // namespace
}  // namespace g4c::quantization
