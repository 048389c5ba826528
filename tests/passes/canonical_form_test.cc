// The canonical phase on random encoders: one form for every spelling, and the same numbers after
// every pass.
#include <gmock/gmock.h>

#include <cmath>

#include "evaluator/executor.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "passes/pipeline.h"
#include "tests/support/encoder_graphs.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {
namespace {

constexpr int kGraphs = 60;

// Sums over channels and keys in another order, through two layers: some tens of roundings of f32.
constexpr double kTolerance = 2e-5;

std::vector<float> Evaluate(const ir::Graph& graph) {
  const auto executor = evaluator::FloatExecutor::Create(graph);
  if (!executor.ok()) {
    ADD_FAILURE() << executor.status();
    return {};
  }
  const auto outputs = executor->Run(SeededInputs(graph, 1));
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.status();
    return {};
  }
  return (*outputs)[0].Floats();
}

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double difference = 0;
  double range = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    range = std::max(range, std::abs(static_cast<double>(a[i])));
    const double own = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(own <= difference)) difference = own;  // a NaN stays
  }
  return difference / range;
}

ir::Graph Canonical(const EncoderSpec& spec) {
  ir::Graph graph = MakeEncoder(spec);
  Report report;
  RunnerOptions checks;
  checks.verify_passes = true;
  PassRunner runner(checks, &report);
  PassList canonical = CanonicalPhase({});
  EXPECT_OK(runner.Run(canonical, graph));
  EXPECT_THAT(report.notes(), ::testing::IsEmpty());
  return graph;
}

// What a layer has at most, clamps apart (docs/canonical_form.md).
int LargestLayer(const EncoderSpec& spec) { return spec.masked ? 40 : 39; }

TEST(CanonicalForm, EveryPassComputesTheSame) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    const EncoderSpec spec = RandomEncoderSpec(seed);
    SCOPED_TRACE(Describe(spec));
    ir::Graph graph = MakeEncoder(spec);
    ASSERT_OK(ir::VerifyGraph(graph));
    const std::vector<float> expected = Evaluate(graph);
    Report report;
    PassList canonical = CanonicalPhase({});
    for (bool again = true; again;) {
      again = false;
      for (const std::unique_ptr<Pass>& pass : canonical.passes()) {
        ASSERT_OK_AND_ASSIGN(const bool changed, pass->Run(graph, report));
        if (!changed) continue;
        again = true;
        ASSERT_OK(ir::VerifyGraph(graph)) << pass->name();
        ASSERT_LE(LargestDifference(expected, Evaluate(graph)), kTolerance) << pass->name();
      }
    }
  }
}

TEST(CanonicalForm, LayersAreSmall) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    const EncoderSpec spec = RandomEncoderSpec(seed);
    SCOPED_TRACE(Describe(spec));
    const ir::Graph graph = Canonical(spec);
    EXPECT_LE(graph.TopologicalOrder().size(),
              static_cast<size_t>(spec.layers * LargestLayer(spec)))
        << ir::PrintGraph(graph);
  }
}

TEST(CanonicalForm, EverySpellingGivesTheSame) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    const EncoderSpec one = RandomEncoderSpec(seed);
    const EncoderSpec other = Respelled(one, seed + 1000);
    SCOPED_TRACE(Describe(one) + "\n" + Describe(other));
    EXPECT_THAT(Canonical(one), EqualsGraph(Canonical(other)));
  }
}

}  // namespace
}  // namespace g4c::passes
