#include "backend/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "backend/circle_writer.h"
#include "file_maker.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::backend {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Inspection InspectGraph() {
  const TempDir dir;
  const std::string path = dir.File("m.circle");
  EXPECT_OK(WriteCircle(ParseOrDie(R"(graph encoder {
    in %x: f32[1, 4] q(u8 0.1:128)
    k %w: f32[2, 4] q(u8 per_channel 0 [0.25, 0.5] [1, 2]) = u8 [1, 2, 3, 4, 5, 6, 7, 8]
    %f = fully_connected(%x, %w): f32[1, 2] q(u8 0.5:7)
    %r = reshape(%f) {shape: [2, 1]}: f32[2, 1] q(u8 0.5:7)
    %s = reshape(%r) {shape: [2]}: f32[2] q(u8 0.5:7)
    out %s as y })"),
                        {}, path));
  absl::StatusOr<Inspection> inspection = InspectCircle(path);
  EXPECT_OK(inspection);
  inspection->file_bytes = 1000;  // not what this test is about
  return *inspection;
}

constexpr char kSummary[] = R"(circle version 3, 1000 bytes, 'gemma4-circle-export'
subgraph    encoder
signature   serving_default
input       x: u8[1, 4] q(0.1:128)
output      y: u8[2] q(0.5:7)
operators   3: 2 RESHAPE, 1 FULLY_CONNECTED
tensors     4 u8, 2 i32, 1 u8 per channel
constants   20 bytes
)";

TEST(Inspect, SummarisesAFile) {
  EXPECT_TRUE(TextsEqual(kSummary, InspectionText(InspectGraph(), false)));
}

TEST(Inspect, ListsOperators) {
  EXPECT_TRUE(TextsEqual(std::string(kSummary) +
                             "0  FULLY_CONNECTED(x, w, -) -> f: u8[1, 2] q(0.5:7)\n"
                             "1  RESHAPE(f, r/shape) -> r: u8[2, 1] q(0.5:7)\n"
                             "2  RESHAPE(r, y/shape) -> y: u8[2] q(0.5:7)\n",
                         InspectionText(InspectGraph(), true)));
}

TEST(Inspect, GivesJson) {
  const auto json = nlohmann::json::parse(InspectionJson(InspectGraph(), true));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["format"], "circle");
  EXPECT_EQ(json["signature"], "serving_default");
  EXPECT_EQ(json["operator_counts"]["RESHAPE"], 2);
  EXPECT_EQ(json["tensor_counts"]["u8 per channel"], 1);
  EXPECT_EQ(json["inputs"][0]["name"], "x");
  EXPECT_EQ(json["inputs"][0]["scale"][0], 0.1);  // not 0.10000000149
  EXPECT_EQ(json["inputs"][0]["zero_point"][0], 128);
  EXPECT_EQ(json["operators"][0]["inputs"], (std::vector<std::string>{"x", "w", "-"}));
  EXPECT_FALSE(nlohmann::json::parse(InspectionJson(InspectGraph(), false)).contains("operators"));
}

// The example of the docs is what the tool prints.
TEST(Inspect, IsDocumented) {
  const std::string page = ReadFile(TestData("../../docs/inspect.md"));
  const std::string start = "```json\n";
  const size_t begin = page.find(start);
  ASSERT_NE(begin, page.npos);
  const size_t end = page.find("```", begin + start.size());
  EXPECT_TRUE(TextsEqual(page.substr(begin + start.size(), end - begin - start.size()),
                         InspectionJson(InspectGraph(), true)));
}

TEST(Inspect, StandsNamesThatAreNoUtf8) {
  FileMaker maker;
  maker.inputs = {maker.Tensor("\xff\xfe", {2})};
  maker.outputs = maker.inputs;
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const Inspection inspection, InspectCircle(dir.Write("m", maker.Finish())));
  EXPECT_THAT(InspectionJson(inspection, true), HasSubstr("\"schema_version\": 1"));
}

TEST(Inspect, ReadsWhatTicoWrites) {
  ASSERT_OK_AND_ASSIGN(const Inspection inspection,
                       InspectCircle(TestData("models/encoder_tico_u8.q.circle")));
  EXPECT_EQ(inspection.operators.size(), 238u);
  EXPECT_EQ(inspection.signature, "");
  EXPECT_THAT(InspectionText(inspection, false), HasSubstr("signature   none"));
  EXPECT_THAT(InspectionText(inspection, false), Not(HasSubstr("Buffer.offset")));
}

}  // namespace
}  // namespace g4c::backend
