#include "evaluator/fast_attention.h"

#include <atomic>
#include <cmath>
#include <random>

#include "base/parallel.h"
#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

Tensor Random(std::mt19937& random, const Dims& dims) {
  Tensor tensor = Tensor::Allocate(ir::DType::kF32, dims);
  std::normal_distribution<float> normal(0, 1);
  for (int64_t i = 0; i < tensor.NumElements(); ++i)
    tensor.mutable_data<float>()[i] = normal(random);
  return tensor;
}

Tensor One(const ir::Op& op, std::vector<const Tensor*> operands) {
  return EvaluateNode(op, operands, 1).value()[0];
}

// The operators one by one, by the reference.
Tensor Reference(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor* bias,
                 float beta) {
  Tensor logits = One(ir::BatchMatMul{}, {&q, &k});
  if (bias != nullptr) logits = One(ir::Add{}, {&logits, bias});
  const Tensor weights = One(ir::Softmax{beta}, {&logits});
  return One(ir::BatchMatMul{}, {&weights, &v});
}

// Weights are relative to 1e-6 (rounded logits below 30 and an exponential), they sum up to one,
// and |v| < 5.
constexpr double kTolerance = 5e-6;

void Check(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor* bias, float beta) {
  const Tensor expected = Reference(q, k, v, bias, beta);
  const Tensor fast = FastAttention(q, k, v, bias, beta, expected.dims());
  ASSERT_EQ(fast.dims(), expected.dims());
  const std::vector<float> f = fast.Floats(), e = expected.Floats();
  for (size_t i = 0; i < f.size(); ++i) ASSERT_NEAR(f[i], e[i], kTolerance) << i;
  // A hook that only looks sees each stage and changes no more than the order of sums.
  std::atomic<int> stages = 0;
  const std::vector<float> seen =
      FastAttention(q, k, v, bias, beta, expected.dims(),
                    [&](AttentionStage stage, int64_t, absl::Span<float>) {
                      stages |= 1 << static_cast<int>(stage);
                    })
          .Floats();
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_NEAR(seen[i], e[i], kTolerance) << i;
  const bool empty = expected.NumElements() == 0 || k.dims().back() == 0;
  EXPECT_EQ(stages, empty ? 0 : bias == nullptr ? 5 : 7);
}

TEST(FastAttention, BiasesOfAllShapes) {
  std::mt19937 random(1);
  // More rows than one tile, keys that fill no vector.
  const Tensor q = Random(random, {2, 3, 101, 8}), v = Random(random, {2, 3, 67, 5});
  const Tensor k = Random(random, {2, 3, 67, 8}).Transposed({0, 1, 3, 2});
  Check(q, k, v, nullptr, 1);
  Check(q, k, v, nullptr, -0.35f);
  for (const Dims& dims : std::vector<Dims>{
           {}, {67}, {1}, {101, 67}, {101, 1}, {1, 1, 1, 67}, {2, 1, 101, 67}, {2, 3, 1, 1}}) {
    const Tensor bias = Random(random, dims);
    SCOPED_TRACE(absl::StrJoin(dims, "x"));
    Check(q, k, v, &bias, 0.5f);
  }
  const Tensor rows = Random(random, {67, 101}).Transposed({1, 0});
  Check(q, k, v, &rows, 1);
}

TEST(FastAttention, LeadingAxesBroadcast) {
  std::mt19937 random(2);
  const Tensor heads = Random(random, {2, 49, 4, 6}).Transposed({0, 2, 1, 3});
  Check(heads, Random(random, {2, 1, 6, 30}), Random(random, {30, 7}), nullptr, 1);
  Check(Random(random, {3, 6}), Random(random, {6, 9}), Random(random, {9, 1}), nullptr, 1);
  Check(Random(random, {1, 6}), Random(random, {4, 6, 9}), Random(random, {1, 9, 2}), nullptr, 1);
}

TEST(FastAttention, EmptyAxes) {
  std::mt19937 random(3);
  Check(Random(random, {0, 3}), Random(random, {3, 4}), Random(random, {4, 2}), nullptr, 1);
  Check(Random(random, {2, 3}), Random(random, {3, 0}), Random(random, {0, 2}), nullptr, 1);
  Check(Random(random, {2, 0}), Random(random, {0, 4}), Random(random, {4, 2}), nullptr, 1);
}

TEST(FastAttention, Masks) {
  std::mt19937 random(4);
  const Tensor q = Random(random, {2, 1}), k = Random(random, {1, 3});
  const Tensor v = Literal("f32[3, 1] 1 2 4");
  const Tensor lowest = Literal("f32[3] -3.4e38 0 -inf");
  EXPECT_TRUE(IsLiteral(FastAttention(q, k, v, &lowest, 1, {2, 1}), "f32[2, 1] 2 2", 0));
  const Tensor none = Literal("f32[2, 3] -inf -inf -inf 0 -inf -inf");
  EXPECT_TRUE(IsLiteral(FastAttention(q, k, v, &none, 1, {2, 1}), "f32[2, 1] nan 1", 0));
}

TEST(FastAttention, SameBytesForAnyNumberOfThreads) {
  std::mt19937 random(5);
  const Tensor q = Random(random, {3, 200, 16}), k = Random(random, {3, 16, 90}),
               v = Random(random, {3, 90, 16});
  const int before = NumThreads();
  std::vector<Tensor> results;
  for (const int threads : {1, 2, 3}) {
    SetNumThreads(threads);
    results.push_back(FastAttention(q, k, v, nullptr, 1, {3, 200, 16}));
  }
  SetNumThreads(before);
  EXPECT_TRUE(results[0].SameContent(results[1]));
  EXPECT_TRUE(results[0].SameContent(results[2]));
}

}  // namespace
}  // namespace g4c::evaluator
