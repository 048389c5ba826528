#include "quantization/gptq.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/parallel.h"
#include "ir/quantize_constant.h"
#include "ir/seeded.h"
#include "quantization/qparams.h"

namespace g4c::quantization {
namespace {

using ir::DType;
using ::testing::ElementsAre;

// sum x x^T over `rows` inputs of correlated channels of different sizes; channel 3 is silent.
std::vector<double> CorrelatedGram(int64_t columns, int64_t rows, uint64_t seed) {
  std::vector<double> gram(columns * columns);
  std::vector<double> x(columns);
  for (int64_t row = 0; row < rows; ++row) {
    const double common = ir::SeededNormal(seed, row);
    for (int64_t j = 0; j < columns; ++j) {
      const double own = ir::SeededNormal(seed + 1, row * columns + j);
      x[j] = j == 3 ? 0 : (common + own) * (1 + static_cast<double>(j % 5));
    }
    for (int64_t i = 0; i < columns; ++i) {
      for (int64_t j = 0; j < columns; ++j) gram[i * columns + j] += x[i] * x[j];
    }
  }
  return gram;
}

double Damping(const std::vector<double>& gram, int64_t columns) {
  double trace = 0;
  for (int64_t j = 0; j < columns; ++j) trace += gram[j * columns + j];
  return Gptq::kDamping * trace / static_cast<double>(columns);
}

// e H e^T of one row, H damped.
double Objective(absl::Span<const float> weight, absl::Span<const float> rounded,
                 const std::vector<double>& gram, int64_t columns) {
  const double damping = Damping(gram, columns);
  double sum = 0;
  for (int64_t i = 0; i < columns; ++i) {
    const double ei = static_cast<double>(weight[i]) - rounded[i];
    sum += damping * ei * ei;
    for (int64_t j = 0; j < columns; ++j) {
      sum += ei * gram[i * columns + j] * (static_cast<double>(weight[j]) - rounded[j]);
    }
  }
  return sum;
}

float Nearest(float x, float scale, int64_t zero_point, DType dtype) {
  const int64_t q = ir::QuantizeReal(x, scale, zero_point, dtype);
  return static_cast<float>(q - zero_point) * scale;
}

TEST(Gptq, UncorrelatedInputsRoundToNearest) {
  const Gptq gptq({4, 0, 0, 0, 1, 0, 0, 0, 9}, 3);
  const ir::QuantPerChannel q{DType::kI8, 0, {0.5f}, {0}};
  EXPECT_THAT(gptq.Round({0.7f, -0.3f, 100.0f}, q), ElementsAre(0.5f, -0.5f, 63.5f));
}

TEST(Gptq, TwoEqualInputsShareAnError) {
  // x_0 = x_1: only the sum of the weights matters, 0.4 + 0.4 is nearest to 1.
  const Gptq gptq({1, 1, 1, 1}, 2);
  const ir::QuantPerChannel q{DType::kI8, 0, {1.0f}, {0}};
  const std::vector<float> rounded = gptq.Round({0.4f, 0.4f}, q);
  EXPECT_EQ(rounded[0] + rounded[1], 1.0f);
}

TEST(Gptq, TheLargestInputIsRoundedFirst) {
  // Column 2 has the largest input: it is rounded to nearest, the others make up for it.
  const std::vector<double> gram = {1, 0, 4, 0, 1, 0, 4, 0, 25};
  const ir::QuantPerChannel q{DType::kI8, 0, {1.0f}, {0}};
  // e_2 = -0.3 moves column 0 by -0.3 * 4 / 1 (less the damping).
  EXPECT_THAT(Gptq(gram, 3).Round({0.1f, 0.2f, 0.7f}, q), ElementsAre(-1.0f, 0.0f, 1.0f));
}

// Against every choice of integers around the weights.
TEST(Gptq, IsNearTheOptimumOfSmallProblems) {
  constexpr int64_t kColumns = 5;
  double ours = 0, best = 0, nearest = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<double> gram = CorrelatedGram(kColumns, 30, 100 * seed);
    std::vector<float> w(kColumns), plain(kColumns);
    for (int64_t j = 0; j < kColumns; ++j) w[j] = ir::SeededNormal(100 * seed + 7, j);
    const ir::QuantPerChannel q{DType::kI4, 0, {0.5f}, {0}};
    for (int64_t j = 0; j < kColumns; ++j) plain[j] = Nearest(w[j], 0.5f, 0, DType::kI4);
    double least = 1e30;
    for (int code = 0; code < 3125; ++code) {
      std::vector<float> tried = plain;
      int rest = code;
      for (float& x : tried) {
        x += 0.5f * static_cast<float>(rest % 5 - 2);
        rest /= 5;
      }
      least = std::min(least, Objective(w, tried, gram, kColumns));
    }
    best += least;
    ours += Objective(w, Gptq(gram, kColumns).Round(w, q), gram, kColumns);
    nearest += Objective(w, plain, gram, kColumns);
  }
  EXPECT_LE(ours, 1.15 * best);
  EXPECT_GE(nearest, 1.8 * best);
}

TEST(Gptq, IsNeverWorseThanNearestOverRandomProblems) {
  for (const int64_t columns : {4, 31, 64, 150}) {
    for (DType dtype : {DType::kU4, DType::kI4, DType::kU8}) {
      const std::vector<double> gram = CorrelatedGram(columns, 2 * columns, columns);
      const ir::Tensor weight = ir::SeededTensor(DType::kF32, {35, columns}, 5);
      const std::vector<float> w = weight.Floats();
      const ir::QuantPerChannel q = ChooseWeightQparams(weight, 0, dtype);
      const std::vector<float> rounded = Gptq(gram, columns).Round(w, q);
      double ours = 0, nearest = 0;
      for (int64_t row = 0; row < 35; ++row) {
        std::vector<float> plain(columns);
        for (int64_t j = 0; j < columns; ++j) {
          const float r = rounded[row * columns + j];
          plain[j] = Nearest(w[row * columns + j], q.scales[row], q.zero_points[row], dtype);
          // A grid point: storing it gives its integer back.
          EXPECT_EQ(Nearest(r, q.scales[row], q.zero_points[row], dtype), r);
        }
        const auto at = [&](const std::vector<float>& x) {
          return absl::MakeConstSpan(x).subspan(row * columns, columns);
        };
        ours += Objective(at(w), at(rounded), gram, columns);
        nearest += Objective(at(w), plain, gram, columns);
      }
      EXPECT_LT(ours, nearest) << columns << " " << ir::DTypeName(dtype);
    }
  }
}

// The order of columns is undone: a permuted problem has the permuted solution.
TEST(Gptq, PermutedColumnsGivePermutedIntegers) {
  constexpr int64_t kColumns = 70;
  const std::vector<double> gram = CorrelatedGram(kColumns, 200, 9);
  const std::vector<float> w = ir::SeededTensor(DType::kF32, {3, kColumns}, 6).Floats();
  const ir::QuantPerChannel q{DType::kU4, 0, {0.3f, 0.4f, 0.5f}, {7, 8, 9}};
  const std::vector<float> plain = Gptq(gram, kColumns).Round(w, q);
  std::vector<double> permuted_gram(gram.size());
  std::vector<float> permuted_w(w.size());
  const auto place = [](int64_t j) { return (j * 11 + 4) % kColumns; };
  for (int64_t i = 0; i < kColumns; ++i) {
    for (int64_t j = 0; j < kColumns; ++j)
      permuted_gram[place(i) * kColumns + place(j)] = gram[i * kColumns + j];
    for (int64_t row = 0; row < 3; ++row) {
      permuted_w[row * kColumns + place(i)] = w[row * kColumns + i];
    }
  }
  const std::vector<float> permuted = Gptq(permuted_gram, kColumns).Round(permuted_w, q);
  for (int64_t row = 0; row < 3; ++row) {
    for (int64_t j = 0; j < kColumns; ++j) {
      EXPECT_EQ(permuted[row * kColumns + place(j)], plain[row * kColumns + j]);
    }
  }
}

TEST(Gptq, AnyRankIsDamped) {
  const ir::QuantPerChannel q{DType::kI8, 0, {0.5f}, {0}};
  // Nothing was ever seen: round to nearest.
  EXPECT_THAT(Gptq({0, 0, 0, 0}, 2).Round({0.6f, -1.1f}, q), ElementsAre(0.5f, -1.0f));
  // One input for eight columns.
  const Gptq one(std::vector<double>(64, 1.0), 8);
  EXPECT_EQ(one.damping_factor(), 1);
  float sum = 0;
  for (float x : one.Round(std::vector<float>(8, 0.2f), q)) sum += x;
  EXPECT_NEAR(sum, 1.6f, 0.26f);
  // Rounding errors of a Gram matrix can make it indefinite.
  const Gptq indefinite({1, 1.5, 1.5, 1}, 2);
  EXPECT_GT(indefinite.damping_factor(), 1);
}

TEST(Gptq, ThreadsDoNotShow) {
  constexpr int64_t kColumns = 130;
  const std::vector<double> gram = CorrelatedGram(kColumns, 300, 3);
  const ir::Tensor weight = ir::SeededTensor(DType::kF32, {100, kColumns}, 8);
  const ir::QuantPerChannel q = ChooseWeightQparams(weight, 0, DType::kU4);
  SetNumThreads(1);
  const std::vector<float> one = Gptq(gram, kColumns).Round(weight.Floats(), q);
  SetNumThreads(3);
  EXPECT_EQ(Gptq(gram, kColumns).Round(weight.Floats(), q), one);
}

}  // namespace
}  // namespace g4c::quantization
