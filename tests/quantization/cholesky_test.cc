#include "quantization/cholesky.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/parallel.h"
#include "ir/seeded.h"

namespace g4c::quantization {
namespace {

// B B^T / size + 1: its eigenvalues are between 1 and about 5.
std::vector<float> PositiveDefinite(int64_t size) {
  const std::vector<float> b = ir::SeededTensor(ir::DType::kF32, {size, size}, 3).Floats();
  std::vector<float> a(size * size);
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < size; ++k) sum += double{b[i * size + k]} * b[j * size + k];
      a[i * size + j] = a[j * size + i] =
          static_cast<float>(sum / static_cast<double>(size) + (i == j ? 1 : 0));
    }
  }
  return a;
}

// One block, a few, and such that end in the middle of one.
class CholeskyOf : public testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, CholeskyOf, testing::Values(1, 7, 128, 129, 300));

TEST_P(CholeskyOf, TheProductOfTheFactorsIsTheMatrix) {
  const int64_t size = GetParam();
  std::vector<float> a = PositiveDefinite(size);
  std::vector<float> given = a;
  // What lies above the diagonal is not looked at.
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t j = i + 1; j < size; ++j) given[i * size + j] = 1e30f;
  }
  const absl::optional<Cholesky> factor = Cholesky::Factor(given, size);
  ASSERT_TRUE(factor.has_value());
  const float* l = factor->lower();
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (int64_t k = 0; k <= j; ++k) sum += double{l[i * size + k]} * l[j * size + k];
      // Sums of `size` products of numbers below 3, in f32.
      ASSERT_NEAR(sum, a[i * size + j], 1e-5) << i << ", " << j;
    }
  }
}

TEST_P(CholeskyOf, SolvesForRows) {
  const int64_t size = GetParam();
  const std::vector<float> a = PositiveDefinite(size);
  const std::vector<float> x = ir::SeededTensor(ir::DType::kF32, {3, size}, 9).Floats();
  std::vector<float> rows(x.size());  // x A
  for (int64_t row = 0; row < 3; ++row) {
    for (int64_t j = 0; j < size; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < size; ++k) sum += double{x[row * size + k]} * a[k * size + j];
      rows[row * size + j] = static_cast<float>(sum);
    }
  }
  Cholesky::Factor(a, size)->Solve(absl::MakeSpan(rows));
  // f32 with a condition number near 5.
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(rows[i], x[i], 5e-5) << i;
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  EXPECT_FALSE(Cholesky::Factor({1, 0, 2, 1}, 2).has_value());
  EXPECT_FALSE(Cholesky::Factor({0}, 1).has_value());
  EXPECT_FALSE(Cholesky::Factor({std::nanf("")}, 1).has_value());
  // In a later block.
  std::vector<float> a = PositiveDefinite(200);
  a[190 * 200 + 190] = -1;
  EXPECT_FALSE(Cholesky::Factor(a, 200).has_value());
}

TEST(Cholesky, IsTheSameForAnyNumberOfThreads) {
  constexpr int64_t kSize = 400;
  const std::vector<float> a = PositiveDefinite(kSize);
  const int before = NumThreads();
  SetNumThreads(1);
  const absl::optional<Cholesky> one = Cholesky::Factor(a, kSize);
  SetNumThreads(3);
  const absl::optional<Cholesky> three = Cholesky::Factor(a, kSize);
  SetNumThreads(before);
  EXPECT_EQ(absl::MakeSpan(one->lower(), kSize * kSize),
            absl::MakeSpan(three->lower(), kSize * kSize));
}

}  // namespace
}  // namespace g4c::quantization
