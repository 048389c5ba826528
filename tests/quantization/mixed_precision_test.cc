#include "quantization/mixed_precision.h"

#include <gmock/gmock.h>

#include <map>

#include "quantization/qparam_groups.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// x -> a -> b -> c, with a read by d too; each of 10 elements.
constexpr char kChain[] = R"(graph g {
  in  %x: f32[10] q(u8 0.1:0)
  %a = exp(%x): f32[10] q(u8 0.1:0)
  %b = neg(%a): f32[10] q(u8 0.1:0)
  %c = exp(%b): f32[10] q(u8 0.1:0)
  %d = abs(%a): f32[10] q(u8 0.1:0)
  out %c
  out %d
})";

// The names of the values that become wide when `errors` are those of x, a, b, c, d, and `rules`
// dtypes of some.
absl::StatusOr<std::vector<std::string>> WideBesideRules(
    const std::vector<double>& errors, double budget,
    const std::map<std::string, ir::DType>& rules) {
  const ir::Graph graph = ParseOrDie(kChain);
  std::vector<GroupError> groups;
  for (const QparamGroup& group : FindQparamGroups(graph, Grouped::kAll)) {
    const std::string& name = graph.value(group.members[0]).name;
    groups.push_back({group.members, errors[std::string("xabcd").find(name)]});
  }
  MixedOptions options;
  options.budget = budget;
  ActivationDTypes ruled(ir::DType::kU8);
  for (const auto& [name, dtype] : rules) ruled.exceptions[ValueNamed(graph, name)] = dtype;
  ASSIGN_OR_RETURN(const ActivationDTypes dtypes, ChooseWide(graph, groups, options, ruled));
  std::vector<std::string> names;
  for (const char* name : {"x", "a", "b", "c", "d"}) {
    if (dtypes.Of(ValueNamed(graph, name)) == ir::DType::kI16) names.push_back(name);
  }
  return names;
}

std::vector<std::string> Wide(const std::vector<double>& errors, double budget) {
  return *WideBesideRules(errors, budget, {});
}

TEST(ChooseWide, RulesWinAndCount) {
  const ir::DType narrow = ir::DType::kU8, wide = ir::DType::kI16;
  // b must stay narrow, so that a wide a saves nothing.
  EXPECT_THAT(WideBesideRules({0, 1, 0, 0, 0}, 1, {{"b", narrow}}), IsOkAndHolds(IsEmpty()));
  // c and the conversion of b take 40 %: too much is left for a, b and d only at 100 %.
  EXPECT_THAT(WideBesideRules({0, 1, 0, 0, 0}, 0.9, {{"c", wide}}), IsOkAndHolds(ElementsAre("c")));
  EXPECT_THAT(WideBesideRules({0, 1, 0, 0, 0}, 1, {{"c", wide}}),
              IsOkAndHolds(ElementsAre("a", "b", "c", "d")));
  EXPECT_THAT(WideBesideRules({0, 1, 0, 0, 0}, 0.39, {{"c", wide}}).status(),
              IsInvalidInput(HasSubstr("give i16 to 40 %, more than --budget 39%")));
}

TEST(ChooseWide, TakesAValueWithTheResultsOfAllItsReaders) {
  // Wide a alone would save nothing: b and d would round it again.
  EXPECT_THAT(Wide({0, 1, 0, 0, 0}, 1), ElementsAre("a", "b", "d"));
}

TEST(ChooseWide, CountsTheConversionsInFront) {
  // a, b and d are 60 %, x converted for a another 20 %.
  EXPECT_THAT(Wide({0, 1, 0, 0, 0}, 0.79), IsEmpty());
  EXPECT_THAT(Wide({0, 1, 0, 0, 0}, 0.8), ElementsAre("a", "b", "d"));
}

TEST(ChooseWide, PrefersErrorPerCost) {
  // c costs itself and the conversion of b: 40 %; a costs 80 %.
  EXPECT_THAT(Wide({0, 3, 0, 2, 0}, 0.5), ElementsAre("c"));
  EXPECT_THAT(Wide({0, 5, 0, 2, 0}, 0.8), ElementsAre("a", "b", "d"));
}

TEST(ChooseWide, AGraphInputNeedsOnlyItsReaders) {
  EXPECT_THAT(Wide({1, 0, 0, 0, 0}, 0.4), ElementsAre("x", "a"));
}

TEST(ChooseWide, WantsNothingWithoutErrorsOrBudget) {
  EXPECT_THAT(Wide({0, 0, 0, 0, 0}, 1), IsEmpty());
  EXPECT_THAT(Wide({1, 1, 1, 1, 1}, 0), IsEmpty());
}

TEST(ShareOf, CountsElementsAndMacs) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
    in  %x: f32[2, 4] q(u8 0.1:0)
    k   %w: f32[4, 4] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    %x_i16 = quantize(%x): f32[2, 4] q(i16 0.1:0)
    %a = fully_connected(%x_i16, %w, -): f32[2, 4] q(i16 0.1:0)
    %r = reshape(%a) {shape: [8]}: f32[8] q(i16 0.1:0)
    %b = fully_connected(%x, %w, -): f32[2, 4] q(u8 0.1:0)
    out %r
    out %b
  })");
  EXPECT_DOUBLE_EQ(ShareOf(graph, ir::DType::kI16, BudgetOf::kElements), 16.0 / 32);
  EXPECT_DOUBLE_EQ(ShareOf(graph, ir::DType::kI16, BudgetOf::kMacs), 0.5);
}

}  // namespace
}  // namespace g4c::quantization
