#include "quantization/audit.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "quantization/audit_report.h"
#include "tests/support/ir_testing.h"

namespace g4c::quantization {
namespace {

using ::testing::HasSubstr;

const Finding* FindingOf(const ir::Graph& graph, const Audit& audit, absl::string_view name) {
  for (const Finding& finding : audit.findings) {
    if (graph.value(finding.value).name == name) return &finding;
  }
  return nullptr;
}

TEST(Audit, CountsEachValueOnceAndIntegersNever) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[2, 2] q(u8 0.5:3)
  k   %i: i64[1] = [1]
  %a = gather(%x, %i) {axis: 0}: f32[1, 2] q(u8 0.5:3)
  %b = exp(%a): f32[1, 2]
  %c = add(%b, %b): f32[1, 2] q(u8 1:0)
  out %c
})");
  const Audit audit = RunAudit(graph, {});
  EXPECT_EQ(audit.values, 5);
  EXPECT_EQ(audit.quantised, 3);
  EXPECT_EQ(audit.not_applicable, 1);
  ASSERT_EQ(audit.findings.size(), 1u);
  EXPECT_EQ(graph.value(audit.findings[0].value).name, "b");
  EXPECT_EQ(audit.findings[0].nearest, "a");
  EXPECT_EQ(AuditSummary(audit),
            "5 values: 3 quantised, 1 missing, 0 inconsistent, 1 not applicable");
}

TEST(Audit, SaysWherePropagationStopped) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[2, 2] q(u8 0.5:3)
  %a = exp(%x): f32[2, 2]
  %b = reshape(%a) {shape: [4]}: f32[4] q(u8 1:0)
  %c = abs(%a): f32[2, 2] q(u8 1:0)
  out %b
  out %c
})");
  const Audit audit = RunAudit(graph, {});
  ASSERT_EQ(audit.findings.size(), 1u);
  EXPECT_THAT(audit.findings[0].reason, HasSubstr("propagation-stopped at reshape"));
}

TEST(Audit, FindsBothSidesOfADataMoverThatDiffer) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[2, 2] q(u8 0.5:3)
  %a, %b = split(%x) {axis: 0, sizes: [1, 1]}: f32[1, 2] q(u8 0.5:4), f32[1, 2] q(u8 0.5:3)
  out %a
  out %b
})");
  const Audit audit = RunAudit(graph, {});
  EXPECT_EQ(audit.Count(FindingKind::kInconsistent), 1);
  EXPECT_NE(FindingOf(graph, audit, "a"), nullptr);
}

TEST(Audit, FindsDegenerateAndSuspiciousQparams) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[2, 2] q(u8 1e-12:0)
  k   %w: f32[2, 2] q(i8 per_channel 0 [1, 1e-12] [0, 0]) = [1, 2, 0, 0]
  k   %c: f32[2] q(u8 0.1:0) = [1, 99]
  %y = fully_connected(%x, %w, -): f32[2, 2] q(u8 1e+36:255)
  %z = add(%y, %c): f32[2, 2] q(u8 1:0)
  out %z
})");
  const Audit audit = RunAudit(graph, {});
  EXPECT_EQ(audit.Count(FindingKind::kDegenerate), 3);
  EXPECT_EQ(audit.Count(FindingKind::kSuspicious), 1);
  EXPECT_THAT(FindingOf(graph, audit, "w")->reason, HasSubstr("1 channels (first: 1)"));
  EXPECT_THAT(FindingOf(graph, audit, "c")->reason, HasSubstr("outside of the range"));
  EXPECT_EQ(FindingOf(graph, audit, "y")->kind, FindingKind::kSuspicious);
}

TEST(Audit, OfAForeignFileKnowsNoReasonsButKnowsFloatIslands) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[2] q(u8 0.5:3)
  %f = dequantize(%x): f32[2]
  %e = exp(%f): f32[2]
  %l = log(%e): f32[2]
  %q = quantize(%l): f32[2] q(u8 1:0)
  out %q
})");
  AuditOptions options;
  options.foreign = true;
  const Audit audit = RunAudit(graph, options);
  ASSERT_EQ(audit.findings.size(), 1u);
  EXPECT_EQ(graph.value(audit.findings[0].value).name, "e");
  EXPECT_EQ(audit.findings[0].reason, "unknown");
}

TEST(AuditJson, FollowsTheSchema) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[2, 2] q(u8 0.5:3)
  %b = exp(%x): f32[2, 2]  @layers.0.mlp
  %c = add(%b, %b): f32[2, 2] q(u8 1:0)
  out %c
})");
  const auto json = nlohmann::json::parse(AuditJson(graph, RunAudit(graph, {}), "model.onnx"));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["model"], "model.onnx");
  EXPECT_EQ(json["summary"]["values"], 3);
  EXPECT_EQ(json["summary"]["missing"], 1);
  const auto& finding = json["findings"][0];
  EXPECT_EQ(finding["value"], "b");
  EXPECT_EQ(finding["op"], "EXP");
  EXPECT_EQ(finding["dtype"], "f32");
  EXPECT_EQ(finding["shape"], (std::vector<int>{2, 2}));
  EXPECT_EQ(finding["kind"], "missing");
  EXPECT_EQ(finding["nearest"], "x");
  EXPECT_EQ(finding["provenance"]["module"], "layers.0.mlp");
  const auto& value = json["values"][0];
  EXPECT_EQ(value["dtype"], "u8");
  EXPECT_EQ(value["scale"], std::vector<float>{0.5f});
  EXPECT_EQ(value["zero_point"], std::vector<int>{3});
  EXPECT_TRUE(value["axis"].is_null());
}

}  // namespace
}  // namespace g4c::quantization
