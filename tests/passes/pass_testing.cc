#include "tests/passes/pass_testing.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "evaluator/executor.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

std::vector<ir::Tensor> Evaluate(const ir::Graph& graph) {
  absl::StatusOr<evaluator::FloatExecutor> executor = evaluator::FloatExecutor::Create(graph);
  if (!executor.ok()) {
    ADD_FAILURE() << executor.status();
    return {};
  }
  evaluator::RunOptions options;
  options.reference = true;
  absl::StatusOr<std::vector<ir::Tensor>> outputs = executor->Run(SeededInputs(graph, 1), options);
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.status() << "\n" << ir::PrintGraph(graph);
    return {};
  }
  return *std::move(outputs);
}

void ExpectClose(const ir::Tensor& before, const ir::Tensor& after, double tolerance) {
  ASSERT_EQ(before.dims(), after.dims());
  ASSERT_EQ(ir::IsFloat(before.dtype()), ir::IsFloat(after.dtype()));
  const std::vector<float> a = before.Floats();
  const std::vector<float> b = after.Floats();
  double largest = 0;
  for (float x : a) {
    if (std::isfinite(x)) largest = std::max(largest, std::abs(static_cast<double>(x)));
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    ASSERT_LE(std::abs(static_cast<double>(a[i]) - b[i]), tolerance * largest)
        << "element " << i << ": " << a[i] << " before, " << b[i] << " after";
  }
}

}  // namespace

void PrintTo(const PassCase& c, std::ostream* out) { *out << c.name; }

std::string CaseName(const testing::TestParamInfo<PassCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

void CheckPass(Pass& pass, const PassCase& c) {
  ir::Graph graph = ParseOrDie(c.before);
  ASSERT_OK(ir::VerifyGraph(graph));
  const bool expect_change = c.after != kUnchanged;
  std::vector<ir::Tensor> before;
  if (c.evaluate && expect_change) before = Evaluate(graph);

  Report report;
  ASSERT_OK_AND_ASSIGN(const bool changed, pass.Run(graph, report));
  EXPECT_TRUE(TextsEqual(ir::PrintCanonical(ParseOrDie(expect_change ? c.after : c.before)),
                         ir::PrintCanonical(graph)))
      << ir::PrintGraph(graph);
  EXPECT_EQ(changed, expect_change) << "what the pass claims";
  ASSERT_OK(ir::VerifyGraph(graph));

  const std::string once = ir::PrintGraph(graph);
  ASSERT_OK_AND_ASSIGN(const bool again, pass.Run(graph, report));
  EXPECT_FALSE(again) << "a second run changes the graph again";
  EXPECT_TRUE(TextsEqual(once, ir::PrintGraph(graph)));

  if (!c.evaluate || !expect_change) return;
  const std::vector<ir::Tensor> after = Evaluate(graph);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) ExpectClose(before[i], after[i], c.tolerance);
}

void CheckComputesTheSame(Pass& pass, const std::string& text, double tolerance) {
  ir::Graph graph = ParseOrDie(text);
  const std::vector<ir::Tensor> before = Evaluate(graph);
  Report report;
  ASSERT_THAT(pass.Run(graph, report), IsOkAndHolds(true)) << text;
  ASSERT_OK(ir::VerifyGraph(graph));
  const std::vector<ir::Tensor> after = Evaluate(graph);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) ExpectClose(before[i], after[i], tolerance);
}

std::string RunOnText(Pass& pass, const std::string& text, Report& report) {
  ir::Graph graph = ParseOrDie(text);
  const absl::StatusOr<bool> changed = pass.Run(graph, report);
  EXPECT_OK(changed);
  return ir::PrintCanonical(graph);
}

absl::Status ErrorOnText(Pass& pass, const std::string& text) {
  ir::Graph graph = ParseOrDie(text);
  Report report;
  return pass.Run(graph, report).status();
}

}  // namespace g4c::passes
