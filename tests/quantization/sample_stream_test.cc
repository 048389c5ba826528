#include "quantization/sample_stream.h"

#include <gmock/gmock.h>

#include <cmath>

#include "quantization/simulate.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"

namespace g4c::quantization {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr char kModel[] = R"(graph g {
  in  %x: f32[3, 4]
  k   %w: f32[4, 4] = seeded(1)
  %a = fully_connected(%x, %w, -): f32[3, 4]
  %b = tanh(%a): f32[3, 4]
  %c = add(%x, %b): f32[3, 4]
  %d = fully_connected(%c, %w, -): f32[3, 4]
  %e = add(%c, %d): f32[3, 4]
  out %e
})";

class Seeded : public Samples {
 public:
  explicit Seeded(const ir::Graph& graph) : graph_(graph) {}
  int64_t size() const override { return 3; }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    return SeededInputs(graph_, 10 + index);
  }

 private:
  const ir::Graph& graph_;
};

class SampleStreamTest : public ::testing::TestWithParam<int64_t> {
 protected:
  ir::ValueId Id(const char* name) const { return ValueNamed(graph_, name); }

  ir::Graph graph_ = ParseOrDie(kModel);
  Seeded samples_{graph_};
  TensorStore store_{GetParam()};  // nothing or everything in memory
};

TEST_P(SampleStreamTest, ComputesWhatTheWholeModelComputes) {
  const std::vector<Block> blocks = FindBlocks(graph_);
  ASSERT_EQ(blocks.size(), 2u);
  SampleStream stream(graph_, samples_, store_);
  ASSERT_OK(stream.Cross(blocks[0], absl::MakeConstSpan(blocks).subspan(1)));
  ASSERT_OK_AND_ASSIGN(const BlockRunner last, stream.Toward(blocks[1], {Id("e")}));
  ASSERT_OK_AND_ASSIGN(const auto whole, evaluator::FloatExecutor::Create(graph_));
  for (int64_t sample = 0; sample < stream.size(); ++sample) {
    ASSERT_OK_AND_ASSIGN(const auto got, stream.Run(last, sample));
    ASSERT_OK_AND_ASSIGN(const auto want, whole.Run(SeededInputs(graph_, 10 + sample)));
    EXPECT_TRUE(got[0].SameContent(want[0])) << sample;
  }
}

TEST_P(SampleStreamTest, GoesOnFromWhatItKeeps) {
  const std::vector<Block> blocks = FindBlocks(graph_);
  SampleStream stream(graph_, samples_, store_);
  ASSERT_OK_AND_ASSIGN(const BlockRunner first, stream.Toward(blocks[0], {Id("a")}));
  EXPECT_THAT(first.block().inputs, ElementsAre(Id("x")));
  for (int64_t sample = 0; sample < stream.size(); ++sample) {
    ASSERT_OK_AND_ASSIGN(const auto data, stream.Run(first, sample));
    ASSERT_OK(stream.Keep(Id("a"), sample, data[0]));
  }
  ASSERT_OK_AND_ASSIGN(const BlockRunner second, stream.Toward(blocks[0], {Id("c")}));
  EXPECT_THAT(second.block().inputs, UnorderedElementsAre(Id("a"), Id("x")));
  ASSERT_OK(stream.Cross(blocks[0], absl::MakeConstSpan(blocks).subspan(1)));
  ASSERT_OK_AND_ASSIGN(const BlockRunner third, stream.Toward(blocks[1], {Id("d")}));
  EXPECT_THAT(third.block().inputs, ElementsAre(Id("c")));
}

TEST_P(SampleStreamTest, ReadsValuesAsTheyAreStored) {
  const std::vector<Block> blocks = FindBlocks(graph_);
  const ir::QuantPerTensor coarse{ir::DType::kU8, 0.5f, 128};
  SampleStream exact(graph_, samples_, store_);
  SampleStream stored(graph_, samples_, store_,
                      [&](ir::ValueId id) { return id == Id("a") ? &coarse : nullptr; });
  ASSERT_OK_AND_ASSIGN(const BlockRunner runner, stored.Toward(blocks[0], {Id("a"), Id("b")}));
  ASSERT_OK_AND_ASSIGN(const auto real, exact.Run(runner, 0));
  ASSERT_OK_AND_ASSIGN(const auto simulated, stored.Run(runner, 0));
  EXPECT_TRUE(simulated[0].SameContent(Simulate(real[0], coarse)));
  EXPECT_NEAR(simulated[1].Floats()[0], std::tanh(simulated[0].Floats()[0]), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Memory, SampleStreamTest, ::testing::Values(0, 1 << 20));

}  // namespace
}  // namespace g4c::quantization
