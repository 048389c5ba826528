// What the tests of float rewrites share: what made-up samples of a graph look like.
#ifndef TESTS_PASSES_FLOAT_REWRITE_TESTING_H_
#define TESTS_PASSES_FLOAT_REWRITE_TESTING_H_

#include <string>

#include "passes/float_rewrite.h"
#include "quantization/calibrate.h"
#include "tests/passes/pass_testing.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::passes {

inline quantization::Statistics StatisticsOf(const std::string& text) {
  const ir::Graph graph = ParseOrDie(text);
  quantization::Statistics statistics = quantization::StatisticsPlan(graph).Empty();
  const auto samples = quantization::SyntheticSamples(graph, 3);
  EXPECT_OK(samples);
  EXPECT_OK(quantization::GatherStatistics(graph, **samples, {}, statistics));
  return statistics;
}

// A rewrite finds no place in a graph.
template <typename Rewrite>
void ExpectNoPlace(const std::string& text) {
  const quantization::Statistics statistics = StatisticsOf(text);
  RewriteLog log(&statistics);
  Rewrite rewrite(&log);
  CheckPass(rewrite, {"kept", text, kUnchanged});
}

// It changes a graph, which computes the same. Returns what was done.
template <typename Rewrite>
std::vector<quantization::AppliedRewrite> CheckRewrite(const std::string& text, double tolerance) {
  const quantization::Statistics statistics = StatisticsOf(text);
  RewriteLog log(&statistics);
  Rewrite rewrite(&log);
  CheckComputesTheSame(rewrite, text, tolerance);
  std::vector<quantization::AppliedRewrite> done;
  for (const RewriteLog::Entry& entry : log.entries()) done.push_back(entry.done);

  // The same again from what was stored.
  ir::Graph first = ParseOrDie(text);
  ir::Graph second = ParseOrDie(text);
  RewriteLog chosen(&statistics);
  RewriteLog stored(done);
  Report report;
  EXPECT_OK(Rewrite(&chosen).Run(first, report));
  EXPECT_OK(Rewrite(&stored).Run(second, report));
  EXPECT_OK(stored.RequireAllUsed());
  EXPECT_THAT(second, EqualsGraph(first));
  return done;
}

}  // namespace g4c::passes

#endif  // TESTS_PASSES_FLOAT_REWRITE_TESTING_H_
