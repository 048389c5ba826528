// Tests of passes as tables of texts.
//
//   INSTANTIATE_PASS_TEST(FuseGelu, {
//       {"the tanh form", R"(graph { ... })", R"(graph { ... })"},
//       {"kept with other coefficients", R"(graph { ... })", kUnchanged},
//   });
//
// A case parses `before`, verifies it, runs the pass, compares with `after` (names, provenance and
// the order of nodes do not count), checks that "changed" is what the texts say, verifies again,
// runs the pass once more (no change), and evaluates the graph before and after on the same seeded
// inputs.
#ifndef TESTS_PASSES_PASS_TESTING_H_
#define TESTS_PASSES_PASS_TESTING_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "passes/pass.h"

namespace g4c::passes {

inline constexpr const char* kUnchanged = "";

struct PassCase {
  std::string name;  // what happens, in words
  std::string before;
  std::string after;
  // The largest difference of an output, relative to the largest number of that output. The default
  // is a few roundings of f32 in another order; a rewrite that is exact says 0.
  double tolerance = 2e-6;
  // Off where the pass changes what is computed on purpose (padded rows), or where the graph has a
  // value that only the pass can settle.
  bool evaluate = true;
};

void PrintTo(const PassCase& c, std::ostream* out);
// "the tanh form" -> "the_tanh_form"
std::string CaseName(const testing::TestParamInfo<PassCase>& info);

// Runs one case.
void CheckPass(Pass& pass, const PassCase& c);

// Runs the pass on a text that it changes, and compares only what the graph computes.
void CheckComputesTheSame(Pass& pass, const std::string& before, double tolerance = 2e-6);

// The pass on a text: the report is filled, the result is printed canonically. Fails the test on an
// error.
std::string RunOnText(Pass& pass, const std::string& text, Report& report);

// The error of a pass on a text.
absl::Status ErrorOnText(Pass& pass, const std::string& text);

}  // namespace g4c::passes

// A suite named after the pass. `...` are the cases in braces.
#define INSTANTIATE_PASS_TEST(PassType, ...) \
  INSTANTIATE_PASS_TEST_WITH(PassType, std::make_unique<PassType>(), __VA_ARGS__)

// The same with an expression that makes the pass (options).
#define INSTANTIATE_PASS_TEST_WITH(Suite, make_pass, ...)                                       \
  class Suite##Test : public testing::TestWithParam<::g4c::passes::PassCase> {};                \
  TEST_P(Suite##Test, Rewrites) {                                                               \
    std::unique_ptr<::g4c::passes::Pass> pass = make_pass;                                      \
    ::g4c::passes::CheckPass(*pass, GetParam());                                                \
  }                                                                                             \
  INSTANTIATE_TEST_SUITE_P(, Suite##Test,                                                       \
                           testing::ValuesIn(std::vector<::g4c::passes::PassCase> __VA_ARGS__), \
                           ::g4c::passes::CaseName)

#endif  // TESTS_PASSES_PASS_TESTING_H_
