#include "quantization/statistics_file.h"

#include <gmock/gmock.h>

#include "absl/strings/str_replace.h"
#include "attention_graph.h"
#include "quantization/calibrate.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::quantization {
namespace {

using ::testing::HasSubstr;

class Seeded : public Samples {
 public:
  Seeded(const ir::Graph& graph, int first, int count)
      : graph_(graph), first_(first), count_(count) {}
  int64_t size() const override { return count_; }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    return SeededInputs(graph_, first_ + index);
  }

 private:
  const ir::Graph& graph_;
  int first_;
  int count_;
};

class StatisticsFileTest : public ::testing::Test {
 protected:
  StatisticsFileTest() : graph_(ParseOrDie(kAttention)) { origin_.graph = GraphDigest(graph_); }

  Statistics Gather(int first, int count) const {
    Statistics statistics = StatisticsPlan(graph_).Empty();
    EXPECT_OK(GatherStatistics(graph_, Seeded(graph_, first, count), {}, statistics).status());
    return statistics;
  }
  std::string Print(const Statistics& statistics) const {
    return PrintStatistics(graph_, origin_, true, statistics);
  }
  // The error that a text with one thing changed gives.
  absl::Status Changed(absl::string_view from, absl::string_view to) const {
    const std::string text = Print(Gather(0, 2));
    const std::string changed = absl::StrReplaceAll(text, {{from, to}});
    EXPECT_NE(text, changed) << from;
    return ParseStatistics(changed, graph_, origin_).status();
  }

  ir::Graph graph_;
  StatisticsOrigin origin_ = {"tool 1", "avx2", "5d41", 48, ""};
};

TEST_F(StatisticsFileTest, ReadsBackWhatItWrites) {
  const Statistics statistics = Gather(0, 3);
  const std::string text = Print(statistics);
  ASSERT_OK_AND_ASSIGN(const StatisticsFile file, ParseStatistics(text, graph_, origin_));
  EXPECT_EQ(file.statistics, statistics);
  EXPECT_EQ(file.isa, "avx2");
  EXPECT_TRUE(file.complete);
  EXPECT_EQ(Print(file.statistics), text);
  ASSERT_OK_AND_ASSIGN(
      const StatisticsFile part,
      ParseStatistics(PrintStatistics(graph_, origin_, false, statistics), graph_, origin_));
  EXPECT_FALSE(part.complete);
}

TEST_F(StatisticsFileTest, MergedFilesAreThoseOfOneRunByteByByte) {
  const std::string all = Print(Gather(0, 5));
  for (const auto& order : {std::vector<int>{0, 1, 2}, {2, 1, 0}, {1, 2, 0}}) {
    const std::pair<int, int> kParts[] = {{0, 2}, {2, 1}, {3, 2}};
    Statistics merged = StatisticsPlan(graph_).Empty();
    for (int i : order) {
      ASSERT_OK_AND_ASSIGN(
          const StatisticsFile part,
          ParseStatistics(Print(Gather(kParts[i].first, kParts[i].second)), graph_, origin_));
      merged.Merge(part.statistics);
    }
    EXPECT_EQ(Print(merged), all);
  }
}

TEST_F(StatisticsFileTest, HoldsLargeAndNegativeSums) {
  Statistics statistics = Gather(0, 1);
  ChannelSums& sums = statistics.values[0].channels;
  sums.sum = {-(Int128{1} << 100), (Int128{1} << 126) + 12345};
  sums.square = {0, -1};
  ASSERT_OK_AND_ASSIGN(const StatisticsFile file,
                       ParseStatistics(Print(statistics), graph_, origin_));
  EXPECT_EQ(file.statistics, statistics);
}

TEST_F(StatisticsFileTest, TheGraphDigestFollowsWeightsNamesAndShapes) {
  for (const auto& [from, to] : {std::pair("[1, 0, 0, 1]", "[1, 0, 0, 2]"), {"%fc", "%linear"}}) {
    const ir::Graph other = ParseOrDie(absl::StrReplaceAll(kAttention, {{from, to}}));
    EXPECT_NE(GraphDigest(other), origin_.graph) << to;
  }
  EXPECT_EQ(GraphDigest(ParseOrDie(kAttention)), origin_.graph);
}

TEST_F(StatisticsFileTest, SaysWhatDoesNotBelong) {
  EXPECT_THAT(Changed("\"tool 1\"", "\"tool 2\""),
              IsInvalidInput(HasSubstr("made by tool 2; this is tool 1")));
  EXPECT_THAT(Changed("\"5d41\"", "\"5d42\""),
              IsInvalidInput(HasSubstr("another model (graph 5d42 with 48 bytes of weights; this "
                                       "one is 5d41 with 48)")));
  EXPECT_THAT(Changed("\"weight_bytes\": 48", "\"weight_bytes\": 49"),
              IsInvalidInput(HasSubstr("another model")));
  EXPECT_THAT(Changed(origin_.graph, "00"), IsInvalidInput(HasSubstr("with other weights")));
  EXPECT_THAT(Changed("\"schema_version\": 1", "\"schema_version\": 2"),
              IsInvalidInput(HasSubstr("schema_version is not 1")));
}

TEST_F(StatisticsFileTest, SaysWhatIsDamaged) {
  const struct {
    const char* from;
    const char* to;
    const char* error;
  } kCases[] = {
      {"{", "", "not JSON"},
      {"\"isa\"", "\"isb\"", "unknown key 'isb' in the file"},
      {"\"complete\": true", "\"complete\": 1", "complete is neither true nor false"},
      {"\"fc\": {", "\"fd\": {", "the model has no value 'fd'"},
      {"\"count\": 8", "\"count\": 9", "holds 8 of 9 elements"},
      {"\"count\": 8", "\"count\": -8", "is no count: -8"},
      {"\"rows\": 4", "\"rows\": 0", "is no count: 0"},
      {"\"rows\": 4, ", "", "lacks what is gathered of it"},
      {"\"min\": ", "\"least\": ", "unknown key 'least' in value 'x'"},
      {"\"min\": ", "\"min\": 1e9, \"max\": 0, \"x\": ", "unknown key 'x'"},
      {"\"histogram\": [[", "\"histogram\": [[5000, 1], [", "is none of 2049 buckets"},
      {"\"histogram\": [[", "\"histogram\": [[\"a\", 1], [", "is none of 2049 buckets"},
      {"\"lowest_row_max\"", "\"rows\": 1, \"lowest_row_max\"", "value 'logits' lacks"},
      {"\"sums\": \"", "\"sums\": \"1 ", "3 sums of value 'x', which has 2 channels"},
      {"\"sums\": \"", "\"sums\": \"1e5 ", "'1e5', which is no integer"},
      {"\"samples\": {", "\"samples\": {\"a\": \"b\", ", "a sample is no count"},
      {"\"weight_bytes\": 48", "\"weight_bytes\": \"48\"", "weight_bytes is no integer"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Changed(c.from, c.to), IsInvalidInput(HasSubstr(c.error))) << c.to;
  }
}

// The first JSON block of docs/quantization.md that holds `mark`.
std::string DocsExample(absl::string_view mark) {
  const std::string page = ReadFile(TestData("../../docs/quantization.md"));
  for (size_t begin = 0; (begin = page.find("```json\n", begin)) != std::string::npos;) {
    begin += 8;
    const std::string block = page.substr(begin, page.find("```", begin) - begin);
    if (block.find(std::string(mark)) != std::string::npos) return block;
  }
  ADD_FAILURE() << "no example with " << mark;
  return "";
}

TEST(StatisticsFile, TheExampleOfTheManualIsOne) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  k   %w: f32[1, 2] = [1, -1]
  %y = fully_connected(%x, %w, -): f32[1, 1]
  out %y
})");
  Statistics statistics = StatisticsPlan(graph).Empty();
  class TwoSamples : public Samples {
   public:
    int64_t size() const override { return 2; }
    absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
      const float first = index == 0 ? 0.5f : -1.0f;
      return std::vector<ir::Tensor>{
          ir::Tensor::Of<float>(ir::DType::kF32, {1, 2}, {first, 0.25f})};
    }
  };
  ASSERT_OK(GatherStatistics(graph, TwoSamples(), {}, statistics).status());
  const StatisticsOrigin origin = {"gemma4-circle-export 0.1.0", "avx2",
                                   "88b1c29c1b25fcf1379a535cb462135f", 8, GraphDigest(graph)};
  EXPECT_EQ(DocsExample("\"samples\""), PrintStatistics(graph, origin, true, statistics));
  ASSERT_OK_AND_ASSIGN(const StatisticsFile file,
                       ParseStatistics(DocsExample("\"samples\""), graph, origin));
  EXPECT_EQ(file.statistics, statistics);
}

}  // namespace
}  // namespace g4c::quantization
