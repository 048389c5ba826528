#include "passes/computed_weights.h"

#include <gtest/gtest.h>

#include "ir/seeded.h"
#include "passes/constants.h"

namespace g4c::passes {
namespace {

using ir::DType;
using ir::Tensor;

constexpr int64_t kRows = 300, kColumns = 101;

Tensor Data(DType dtype) { return ir::SeededTensor(dtype, {kRows, kColumns}, 3); }

TEST(TakeRows, ReadsRowsInTheirOrderWhereverReadingBegins) {
  ir::Ints order;
  for (int64_t i = 0; i < kRows; ++i) order.push_back(i * 7 % kRows);
  for (DType dtype : {DType::kF32, DType::kI32}) {
    const Tensor data = Data(dtype);
    const Tensor taken = TakeRows(data, order);
    ASSERT_TRUE(taken.IsComputed());
    std::vector<double> all(kRows * kColumns), part(5000);
    taken.ReadDoubles(0, absl::MakeSpan(all));
    std::vector<double> given(all.size());
    data.ReadDoubles(0, absl::MakeSpan(given));
    for (int64_t i = 0; i < kRows * kColumns; ++i) {
      ASSERT_EQ(all[i], given[order[i / kColumns] * kColumns + i % kColumns]) << i;
    }
    taken.ReadDoubles(1234, absl::MakeSpan(part));
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + 1234));
  }
}

TEST(TakeRows, OfAViewAndOfSomethingComputed) {
  const Tensor data = ir::SeededTensor(DType::kF32, {kColumns, kRows}, 3);
  ir::Ints order(kRows);
  for (int64_t i = 0; i < kRows; ++i) order[i] = kRows - 1 - i;
  const Tensor view = data.Transposed({1, 0});
  const Tensor once = TakeRows(view, order);
  ASSERT_TRUE(once.IsComputed());
  EXPECT_TRUE(once.SameContent(view.Sliced(0, kRows - 1, kRows, -1)));
  EXPECT_TRUE(TakeRows(once, order).SameContent(view));
}

TEST(ScaleAxis, MultipliesByTheFactorOfTheIndex) {
  const std::vector<float> x = Data(DType::kF32).Floats();
  for (int axis : {0, 1}) {
    std::vector<float> factors;
    for (int64_t i = 0; i < (axis == 0 ? kRows : kColumns); ++i) {
      factors.push_back(0.5f + 0.01f * static_cast<float>(i));
    }
    const Tensor scaled = ScaleAxis(Data(DType::kF32), axis, factors);
    ASSERT_TRUE(scaled.IsComputed());
    std::vector<float> part(20000);
    scaled.ReadFloats(777, absl::MakeSpan(part));
    for (int64_t i = 0; i < 20000; ++i) {
      const int64_t at = 777 + i;
      ASSERT_EQ(part[i], x[at] * factors[axis == 0 ? at / kColumns : at % kColumns]) << at;
    }
  }
  const std::vector<float> halved = ScaleAxis(Data(DType::kF32), 0, {0.5f}).Floats();
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(halved[i], x[i] * 0.5f);
}

TEST(ScaleAxis, OfLittleIsComputedAtOnce) {
  const Tensor small = ScaleAxis(ir::SeededTensor(DType::kF32, {8}, 3), 0, {2});
  EXPECT_FALSE(small.IsComputed());
}

// One number where all elements are equal, wherever a difference lies; nothing beyond its elements
// is read.
TEST(Computed, IsSeenToBeUniform) {
  ir::Graph graph;
  const auto add = [&](float last) {
    std::vector<double> numbers(kRows * kColumns, 1.5);
    numbers.back() = last;
    const Tensor data = Tensor::FromDoubles(DType::kF32, {kRows, kColumns}, numbers);
    return graph.AddConstant("k", ScaleAxis(data, 1, {2}));
  };
  EXPECT_EQ(UniformFloat(graph, add(1.5)), absl::make_optional(3.0f));
  EXPECT_EQ(UniformFloat(graph, add(1.25)), absl::nullopt);
  const Tensor varied = ScaleAxis(Data(DType::kF32), 0, {2});
  EXPECT_TRUE(Compacted(varied).SameView(varied));
}

TEST(StoreComputed, GivesEachComputedConstantBytesOnce) {
  ir::Graph graph;
  const Tensor scaled = ScaleAxis(Data(DType::kF32), 0, {3});
  const ir::ValueId a = graph.AddConstant("a", scaled);
  const ir::ValueId b = graph.AddConstant("b", scaled.Reshaped({kColumns, kRows}));
  const ir::ValueId c = graph.AddConstant("c", Data(DType::kF32));
  const Tensor before = *graph.value(c).constant;
  StoreComputed(graph);
  for (ir::ValueId id : {a, b}) {
    const Tensor& data = *graph.value(id).constant;
    EXPECT_TRUE(data.IsContiguous());
    EXPECT_EQ(data.storage(), graph.value(a).constant->storage());
    EXPECT_EQ(data.Floats(), scaled.Floats());
  }
  EXPECT_EQ(graph.value(b).constant->dims(), (ir::Dims{kColumns, kRows}));
  EXPECT_TRUE(graph.value(c).constant->SameView(before));
}

// Where no temporary file can be made, the bytes are the process' own.
TEST(StoreComputed, DoesWithoutATemporaryFile) {
  ASSERT_EQ(setenv("TMPDIR", "/nonexistent/folder", 1), 0);
  ir::Graph graph;
  const ir::ValueId a = graph.AddConstant("a", ScaleAxis(Data(DType::kF32), 0, {3}));
  StoreComputed(graph);
  unsetenv("TMPDIR");
  EXPECT_TRUE(graph.value(a).constant->IsContiguous());
  EXPECT_EQ(graph.value(a).constant->Floats(), ScaleAxis(Data(DType::kF32), 0, {3}).Floats());
}

}  // namespace
}  // namespace g4c::passes
