#include "quantization/gather_hessians.h"

#include <gmock/gmock.h>

#include <map>

#include "attention_graph.h"
#include "evaluator/executor.h"
#include "quantization/valid_rows.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Seeded : public Samples {
 public:
  explicit Seeded(const ir::Graph& graph) : graph_(graph) {}
  int64_t size() const override { return 4; }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    return SeededInputs(graph_, index);
  }

 private:
  const ir::Graph& graph_;
};

// Two residual blocks; two linears read %c.
constexpr char kModel[] = R"(graph g {
  in  %x: f32[3, 4]
  k   %w: f32[4, 4] = seeded(1)
  k   %v: f32[5, 4] = seeded(2)
  %a = fully_connected(%x, %w, -): f32[3, 4]
  %b = tanh(%a): f32[3, 4]
  %c = add(%x, %b): f32[3, 4]
  %d = fully_connected(%c, %w, -): f32[3, 4]
  %e = fully_connected(%d, %w, -): f32[3, 4]
  %f = add(%c, %e): f32[3, 4]
  %g = fully_connected(%f, %v, -): f32[3, 5]
  %h = fully_connected(%c, %v, -): f32[3, 5]
  out %g
  out %h
})";

using Hessians = std::map<ir::ValueId, std::vector<Int128>>;

Hessians Gather(const ir::Graph& graph, int64_t memory) {
  Hessians found;
  std::vector<ir::ValueId> order;
  EXPECT_OK(GatherHessians(graph, Seeded(graph), memory, [&](ir::ValueId id, GramSums sums) {
    order.push_back(id);
    found[id] = sums.lower();
    return absl::OkStatus();
  }));
  EXPECT_EQ(order, HessianInputs(graph));
  return found;
}

// From runs of the whole model.
Hessians Observed(const ir::Graph& graph) {
  const ValidRows valid = *ValidRows::Find(graph);
  std::map<ir::ValueId, GramSums> sums;
  for (ir::ValueId id : HessianInputs(graph)) {
    sums.emplace(id, GramSums(graph.value(id).type.shape.dims().back()));
  }
  evaluator::RunOptions options;
  options.observe = [&](ir::ValueId id, const ir::Tensor& data) {
    EXPECT_TRUE(!sums.contains(id) || sums.at(id).Add(valid.Rows(id, data)));
    return absl::OkStatus();
  };
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_OK(
        evaluator::FloatExecutor::Create(graph)->Run(SeededInputs(graph, i), options).status());
  }
  Hessians found;
  for (const auto& [id, gram] : sums) found[id] = gram.lower();
  return found;
}

TEST(GatherHessians, AreThoseOfTheWholeModelInAnyMemory) {
  const ir::Graph graph = ParseOrDie(kModel);
  const auto id = [&](const char* name) { return ValueNamed(graph, name); };
  EXPECT_THAT(HessianInputs(graph), ElementsAre(id("x"), id("c"), id("d"), id("f")));
  const Hessians want = Observed(graph);
  EXPECT_EQ(Gather(graph, 0), want);
  EXPECT_EQ(Gather(graph, 1 << 20), want);
}

TEST(GatherHessians, SeeValidRowsOnly) {
  const ir::Graph graph = ParseOrDie(kAttention);
  const ir::ValueId x = ValueNamed(graph, "x");
  GramSums want(2);
  for (int64_t i = 0; i < 4; ++i) {
    const std::vector<float> all = SeededInputs(graph, i)[0].Floats();
    want.Add(ir::Tensor::Of<float>(ir::DType::kF32, {2, 2}, {all[0], all[1], all[2], all[3]}));
  }
  EXPECT_EQ(Gather(graph, 0)[x], want.lower());
}

TEST(GatherHessians, NamesWhatIsTooLarge) {
  const ir::Graph graph = ParseOrDie(R"(graph g {
  in  %x: f32[1, 2]
  k   %large: f32[1] = splat(1e30)
  k   %w: f32[1, 2] = [1, -1]
  %y = mul(%x, %large): f32[1, 2]
  %z = fully_connected(%y, %w, -): f32[1, 1]
  out %z
})");
  const auto take = [](ir::ValueId, GramSums) { return absl::OkStatus(); };
  EXPECT_THAT(GatherHessians(graph, Seeded(graph), 0, take),
              IsInvalidInput(HasSubstr("sample 0 makes value 'y' so large")));
}

}  // namespace
}  // namespace g4c::quantization
