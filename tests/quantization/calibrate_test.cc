#include "quantization/calibrate.h"

#include <gmock/gmock.h>

#include <cmath>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "attention_graph.h"
#include "base/parallel.h"
#include "evaluator/executor.h"
#include "quantization/row_observer.h"
#include "quantization/valid_rows.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ::testing::HasSubstr;

class GivenSamples : public Samples {
 public:
  explicit GivenSamples(std::vector<ir::Tensor> samples) : samples_(std::move(samples)) {}
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    return std::vector<ir::Tensor>{samples_[index]};
  }

 private:
  std::vector<ir::Tensor> samples_;
};

ir::Tensor Patches(const std::vector<float>& elements) {
  return ir::Tensor::Of<float>(ir::DType::kF32, {1, 4, 2}, elements);
}

const GivenSamples& Loud() {
  static const GivenSamples samples({Patches({1, 0, 0, 2, 100, 100, -100, 100})});
  return samples;
}

Statistics Gather(const ir::Graph& graph, const Samples& samples) {
  Statistics statistics = StatisticsPlan(graph).Empty();
  EXPECT_OK(GatherStatistics(graph, samples, {}, statistics).status());
  return statistics;
}

TEST(Calibrate, IgnoresPaddingAndRecordsRowMaxima) {
  const ir::Graph graph = ParseOrDie(kAttention);
  ASSERT_OK_AND_ASSIGN(const Observations seen, Calibrate(graph, Loud()));
  EXPECT_EQ(seen[ValueNamed(graph, "x")].range, (Range{0, 2}));
  // What only reorders has the range of what it reorders.
  EXPECT_EQ(seen[ValueNamed(graph, "q")].range, (Range{0, 2}));
  // q q^T over the valid rows: [[1, 0], [0, 4]].
  EXPECT_EQ(seen[ValueNamed(graph, "logits")].range, (Range{0, 4}));
  EXPECT_EQ(seen[ValueNamed(graph, "logits")].lowest_row_max, 1);
  EXPECT_TRUE(seen[ValueNamed(graph, "sum")].range.empty());
}

TEST(GatherStatistics, CountsAndSumsValidRowsOnly) {
  const ir::Graph graph = ParseOrDie(kAttention);
  const Statistics seen = Gather(graph, Loud());
  EXPECT_EQ(seen.num_samples(), 1);
  const ValueStatistics& x = *seen.Of(ValueNamed(graph, "x"));
  EXPECT_EQ(x.count, 4u);
  EXPECT_EQ(x.histogram[BucketOf(0)], 2u);
  EXPECT_EQ(x.histogram[BucketOf(2)], 1u);
  EXPECT_EQ(x.histogram[BucketOf(100)], 0u);
  ASSERT_EQ(x.channels.rows, 2u);
  EXPECT_EQ(x.channels.Mean(0), 0.5);
  EXPECT_EQ(x.channels.Mean(1), 1);
  EXPECT_EQ(x.channels.MeanSquare(0), 0.5);
  EXPECT_EQ(x.channels.MeanSquare(1), 2);
  EXPECT_EQ(seen.values[ValueNamed(graph, "fc")].channels, x.channels);
  EXPECT_TRUE(seen.values[ValueNamed(graph, "v")].channels.empty());
  EXPECT_EQ(seen.Of(ValueNamed(graph, "p")), nullptr);  // a fixed range
}

TEST(GatherStatistics, NamesTheSampleAndTheValueThatIsNotFinite) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  %y = log(%x): f32[1, 2]
  out %y
})");
  const auto sample = [](float x) {
    return ir::Tensor::Of<float>(ir::DType::kF32, {1, 2}, {1, x});
  };
  const GivenSamples samples({sample(1), sample(-1)});
  Statistics statistics = StatisticsPlan(graph).Empty();
  EXPECT_THAT(GatherStatistics(graph, samples, {}, statistics).status(),
              IsInvalidInput(HasSubstr("sample 1 makes value 'y' NaN or infinite, at log")));
}

// A model with padding in all of whose values something differs from sample to sample.
struct Fixture {
  ir::Graph graph = ParseOrDie(kAttention);
  std::vector<ir::Tensor> samples;
  Fixture() {
    for (int seed = 0; seed < 6; ++seed) samples.push_back(SeededInputs(graph, seed)[0]);
  }
  Statistics Of(const std::vector<int>& chosen) const {
    std::vector<ir::Tensor> tensors;
    for (int i : chosen) tensors.push_back(samples[i]);
    return Gather(graph, GivenSamples(tensors));
  }
};

TEST(Statistics, MergingGivesThoseOfOneRunInAnyOrder) {
  const Fixture fixture;
  const Statistics all = fixture.Of({0, 1, 2, 3, 4, 5});
  const std::vector<std::vector<std::vector<int>>> kSplits = {
      {{0, 1, 2}, {3, 4, 5}}, {{5}, {3, 1}, {0, 4, 2}}, {{4}, {5}, {0}, {2}, {1}, {3}}};
  for (const auto& split : kSplits) {
    Statistics merged = fixture.Of(split.front());
    for (size_t i = 1; i < split.size(); ++i) merged.Merge(fixture.Of(split[i]));
    EXPECT_EQ(merged, all);
    // Associative: the rest first.
    Statistics rest = fixture.Of(split.back());
    for (size_t i = split.size() - 1; i-- > 1;) rest.Merge(fixture.Of(split[i]));
    rest.Merge(fixture.Of(split.front()));
    EXPECT_EQ(rest, all);
  }
}

TEST(Statistics, AreTheSameForAnyNumberOfThreads) {
  // Larger than one tile.
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 3000, 48]
  k   %w: f32[24, 48] = seeded(3)
  %y = fully_connected(%x, %w, -): f32[1, 3000, 24]
  out %y
})");
  const GivenSamples samples({SeededInputs(graph, 1)[0], SeededInputs(graph, 2)[0]});
  const int threads = NumThreads();
  SetNumThreads(1);
  const Statistics one = Gather(graph, samples);
  for (int jobs : {2, 3}) {
    SetNumThreads(jobs);
    EXPECT_EQ(Gather(graph, samples), one) << jobs;
  }
  SetNumThreads(threads);
  const ValueStatistics& x = *one.Of(0);
  EXPECT_EQ(x.count, 2u * 3000 * 48);
  double sum = 0;
  double square = 0;
  for (int i : {0, 1}) {
    ASSERT_OK_AND_ASSIGN(const auto inputs, samples.Get(i));
    const std::vector<float> elements = inputs[0].Floats();
    for (size_t k = 7; k < elements.size(); k += 48) {
      sum += elements[k];
      square += double{elements[k]} * elements[k];
    }
  }
  // Two orders of adding 6000 doubles near 1.
  EXPECT_NEAR(x.channels.Mean(7), sum / 6000, 1e-12);
  EXPECT_NEAR(x.channels.MeanSquare(7), square / 6000, 1e-12);
}

// Two heads over 100 keys, of which 90 are valid: more rows than a tile of attention has.
constexpr char kTiles[] = R"(graph g {
  in  %q: f32[1, 2, 100, 8]
  in  %k: f32[1, 2, 8, 100]
  in  %v: f32[1, 2, 100, 8]
  k   %mask: f32[1, 1, 1, 100] = MASK
  %logits = batch_matmul(%q, %k): f32[1, 2, 100, 100]
  %sum = add(%logits, %mask): f32[1, 2, 100, 100]
  %p = softmax(%sum): f32[1, 2, 100, 100]
  %o = batch_matmul(%p, %v): f32[1, 2, 100, 8]
  out %o
})";

class SeededSamples : public Samples {
 public:
  explicit SeededSamples(const ir::Graph& graph) : graph_(graph) {}
  int64_t size() const override { return 2; }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    return SeededInputs(graph_, index);
  }

 private:
  const ir::Graph& graph_;
};

TEST(GatherStatistics, SeesAttentionInTilesAsItSeesWholeValues) {
  std::vector<int> mask(100, 0);
  for (int i = 90; i < 100; ++i) mask[i] = -100;
  const ir::Graph graph = ParseOrDie(
      absl::StrReplaceAll(kTiles, {{"MASK", absl::StrCat("[", absl::StrJoin(mask, ", "), "]")}}));
  const SeededSamples samples(graph);
  const Statistics gathered = Gather(graph, samples);

  // The same values, pieced together and observed as wholes.
  const StatisticsPlan plan(graph);
  Statistics whole = plan.Empty();
  ASSERT_OK_AND_ASSIGN(const ValidRows valid, ValidRows::Find(graph));
  RowObserver observer(valid, plan, whole);
  const ir::ValueId logits = ValueNamed(graph, "logits");
  ir::Tensor pieces;
  evaluator::RunOptions options;
  options.rows = [&](ir::ValueId id, int64_t row, absl::Span<float> rows) {
    if (id == logits) std::copy(rows.begin(), rows.end(), pieces.mutable_data<float>() + row * 100);
  };
  options.observe = [&](ir::ValueId id, const ir::Tensor& data) {
    EXPECT_TRUE(observer.AddAll(id, data));
    return absl::OkStatus();
  };
  for (int64_t i = 0; i < samples.size(); ++i) {
    pieces = ir::Tensor::Allocate(ir::DType::kF32, {1, 2, 100, 100});
    ASSERT_OK_AND_ASSIGN(const auto inputs, samples.Get(i));
    EXPECT_OK(evaluator::FloatExecutor::Create(graph)->Run(inputs, options).status());
    EXPECT_TRUE(observer.AddAll(logits, pieces));
  }
  whole.samples = gathered.samples;
  EXPECT_EQ(gathered, whole);
  EXPECT_EQ(gathered.Of(logits)->count, 2u * 2 * 100 * 90);  // queries are no patches here
  EXPECT_TRUE(std::isfinite(gathered.Of(logits)->lowest_row_max));
}

TEST(GatherStatistics, NamesTheLogitsThatAreNotFinite) {
  std::vector<int> mask(100, 0);
  mask[99] = -100;
  const ir::Graph graph = ParseOrDie(
      absl::StrReplaceAll(kTiles, {{"MASK", absl::StrCat("[", absl::StrJoin(mask, ", "), "]")}}));
  class Large : public SeededSamples {
   public:
    using SeededSamples::SeededSamples;
    absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t) const override {
      const auto splat = [](ir::Dims dims) {
        const std::vector<float> elements(ir::NumElements(dims), 1e20f);
        return ir::Tensor::Of<float>(ir::DType::kF32, dims, elements);
      };
      return std::vector<ir::Tensor>{splat({1, 2, 100, 8}), splat({1, 2, 8, 100}),
                                     splat({1, 2, 100, 8})};
    }
  };
  Statistics statistics = StatisticsPlan(graph).Empty();
  EXPECT_THAT(GatherStatistics(graph, Large(graph), {}, statistics).status(),
              IsInvalidInput(HasSubstr("sample 0 makes value 'logits' NaN or infinite")));
}

TEST(GatherStatistics, SkipsWhatIsCountedAndCountsRepeatsAsOftenAsTheyCome) {
  const Fixture fixture;
  Statistics statistics = fixture.Of({0, 1});
  const auto add = [&](const std::vector<int>& chosen) {
    std::vector<ir::Tensor> tensors;
    for (int i : chosen) tensors.push_back(fixture.samples[i]);
    const auto added = GatherStatistics(fixture.graph, GivenSamples(tensors), {}, statistics);
    EXPECT_OK(added.status());
    return *added;
  };
  EXPECT_EQ(add({0, 1, 2, 3}), 2);
  EXPECT_EQ(statistics, fixture.Of({0, 1, 2, 3}));
  EXPECT_EQ(add({3, 3, 2}), 1);
  EXPECT_EQ(statistics, fixture.Of({3, 3, 2, 1, 0}));
  EXPECT_EQ(add({3, 2, 3}), 0);
}

TEST(GatherStatistics, StopsWhereTheCallerSaysSo) {
  const Fixture fixture;
  Statistics statistics = StatisticsPlan(fixture.graph).Empty();
  int calls = 0;
  GatherOptions options;
  options.after_sample = [&](const Statistics& seen) -> absl::Status {
    EXPECT_EQ(seen.num_samples(), ++calls);
    return calls < 3 ? absl::OkStatus() : WriteFailed("full");
  };
  EXPECT_THAT(
      GatherStatistics(fixture.graph, GivenSamples(fixture.samples), options, statistics).status(),
      IsWriteFailed("full"));
  EXPECT_EQ(calls, 3);
}

TEST(LiveBytes, CountsWhatIsNeededAtOnce) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 10]
  k   %one: f32[10] = splat(1)
  %a = add(%x, %one): f32[1, 10]
  %b = add(%a, %one): f32[1, 10]
  %c = add(%b, %x): f32[1, 10]
  out %c
})");
  EXPECT_EQ(LiveBytes(graph), 3 * 40);  // x, a, b
  EXPECT_EQ(ConstantBytes(graph), 40);
}

}  // namespace
}  // namespace g4c::quantization
