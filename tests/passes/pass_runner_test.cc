#include "passes/pass_runner.h"

#include <gmock/gmock.h>

#include <functional>

#include "ir/text.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::passes {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Does what a test says.
class Scripted : public Pass {
 public:
  using Body = std::function<absl::StatusOr<bool>(ir::Graph&)>;
  explicit Scripted(Body body) : body_(std::move(body)) {}
  absl::string_view name() const override { return "scripted"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report&) override { return body_(graph); }

 private:
  Body body_;
};

ir::Graph Chain() {
  return ParseOrDie(R"(graph g {
  in %x: f32[2]
  %a = neg(%x): f32[2]
  %b = neg(%a): f32[2]
  %y = neg(%b): f32[2]
  out %y
})");
}

// Takes the last node away; false when none is left.
absl::StatusOr<bool> DropLast(ir::Graph& graph) {
  const ir::ValueId last = graph.outputs()[0].value;
  if (graph.Producer(last) == nullptr) return false;
  graph.SetOutput(0, graph.Producer(last)->inputs[0]);
  graph.EraseDead();
  return true;
}

TEST(PassRunner, RunsAGroupUntilItIsStable) {
  ir::Graph graph = Chain();
  Report report;
  PassRunner runner({}, &report);
  PassList list("test", /*until_stable=*/true);
  list.Add<Scripted>(DropLast);
  ASSERT_OK(runner.Run(list, graph));
  EXPECT_EQ(graph.outputs()[0].value, graph.inputs()[0]);
  EXPECT_EQ(runner.runs().size(), 4u);
  EXPECT_FALSE(runner.runs().back().changed);
}

TEST(PassRunner, RunsAListOnce) {
  ir::Graph graph = Chain();
  Report report;
  PassRunner runner({}, &report);
  PassList list("test");
  list.Add<Scripted>(DropLast).Add<Scripted>(DropLast);
  ASSERT_OK(runner.Run(list, graph));
  EXPECT_EQ(runner.runs().size(), 2u);
}

TEST(PassRunner, EndsWhatNeverSettles) {
  ir::Graph graph = Chain();
  Report report;
  PassRunner runner({}, &report);
  PassList list("test", /*until_stable=*/true);
  list.Add<Scripted>([](ir::Graph& g) -> absl::StatusOr<bool> {
    g.Rename(g.inputs()[0], "z");
    return true;
  });
  ASSERT_OK(runner.Run(list, graph));
  EXPECT_EQ(runner.runs().size(), static_cast<size_t>(PassRunner::kMaxRounds));
  EXPECT_THAT(report.notes(),
              ElementsAre(HasSubstr("'test' still change the graph after 20 rounds")));
}

TEST(PassRunner, NamesTheFailingPass) {
  ir::Graph graph = Chain();
  Report report;
  PassRunner runner({}, &report);
  PassList list("test");
  list.Add<Scripted>([](ir::Graph&) -> absl::StatusOr<bool> { return Unsupported("no"); });
  EXPECT_THAT(runner.Run(list, graph), IsUnsupported("pass scripted: no"));
}

TEST(PassRunner, VerifiesAfterAChange) {
  ir::Graph graph = Chain();
  Report report;
  PassRunner runner({}, &report);
  PassList list("test");
  list.Add<Scripted>([](ir::Graph& g) -> absl::StatusOr<bool> {
    g.SetType(g.outputs()[0].value, {ir::DType::kF32, {7}});
    return true;
  });
  EXPECT_THAT(runner.Run(list, graph),
              IsInvalidInput(HasSubstr("pass scripted: leaves an invalid graph: ")));
}

TEST(PassRunner, ChecksTheClaimInBothDirections) {
  RunnerOptions options;
  options.verify_passes = true;
  const auto run = [&](Scripted::Body body) {
    ir::Graph graph = Chain();
    Report report;
    PassRunner runner(options, &report);
    PassList list("test");
    list.Add<Scripted>(std::move(body));
    return runner.Run(list, graph);
  };
  EXPECT_OK(run(DropLast));
  EXPECT_THAT(run([](ir::Graph&) -> absl::StatusOr<bool> { return true; }),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("claims a change, but the text is the same")));
  EXPECT_THAT(
      run([](ir::Graph& g) -> absl::StatusOr<bool> {
        RETURN_IF_ERROR(DropLast(g).status());
        return false;
      }),
      StatusIs(absl::StatusCode::kInternal, HasSubstr("claims no change, but the text differs")));
}

TEST(PassRunner, DumpsWhatChanged) {
  TempDir dir;
  ir::Graph graph = Chain();
  Report report;
  RunnerOptions options;
  options.dump_dir = dir.path();
  PassRunner runner(options, &report);
  PassList list("test", /*until_stable=*/true);
  list.Add<Scripted>(DropLast);
  ASSERT_OK(runner.Run(list, graph));
  EXPECT_THAT(dir.List(), ElementsAre("01-scripted.txt", "02-scripted.txt", "03-scripted.txt"));
  EXPECT_EQ(ReadFile(dir.File("03-scripted.txt")), ir::PrintGraph(graph));
  options.dump_dir = dir.File("missing");
  PassRunner other(options, &report);
  ir::Graph again = Chain();
  EXPECT_THAT(other.Run(list, again), IsWriteFailed(HasSubstr("missing/01-scripted.txt")));
}

TEST(Report, KeepsARefusalOnce) {
  Report report;
  report.Declined("p", "here", "why");
  report.Declined("p", "here", "why");
  report.Declined("p", "there", "why");
  EXPECT_EQ(report.declined().size(), 2u);
  report.Count("p", 0);
  EXPECT_TRUE(report.counts().empty());
}

}  // namespace
}  // namespace g4c::passes
