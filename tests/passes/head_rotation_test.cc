#include "passes/head_rotation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/seeded.h"
#include "passes/computed_weights.h"

namespace g4c::passes {
namespace {

// R by its definition, row-major [d, d].
std::vector<double> MatrixOf(int64_t d) {
  const int64_t even = d & -d;  // the largest power of two in d
  const int64_t odd = d / even;
  std::vector<double> matrix(d * d);
  for (int64_t row = 0; row < d; ++row) {
    for (int64_t column = 0; column < d; ++column) {
      // Hadamard: the sign is the parity of the common bits.
      const bool negative = __builtin_parityll((row / odd) & (column / odd)) != 0;
      const int64_t frequency = row % odd;
      const double angle = M_PI * (static_cast<double>(column % odd) + 0.5) * frequency / odd;
      const double cosine =
          frequency == 0 ? 1 / std::sqrt(odd) : std::cos(angle) * std::sqrt(2.0 / odd);
      matrix[row * d + column] = (negative ? -cosine : cosine) / std::sqrt(even);
    }
  }
  return matrix;
}

TEST(HeadRotation, IsOrthogonal) {
  for (int64_t d : {1, 2, 3, 8, 12, 24, 64, 72}) {
    const std::vector<double> r = MatrixOf(d);
    for (int64_t i = 0; i < d; ++i) {
      for (int64_t j = 0; j < d; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < d; ++k) sum += r[i * d + k] * r[j * d + k];
        EXPECT_NEAR(sum, i == j ? 1 : 0, 1e-12) << d << ": " << i << ", " << j;
      }
    }
  }
}

TEST(HeadRotation, AppliesItsMatrix) {
  for (int64_t d : {1, 2, 3, 8, 12, 24, 64, 72}) {
    const HeadRotation rotation(d);
    const std::vector<double> r = MatrixOf(rotation.width());
    constexpr int64_t kVectors = HeadRotation::kVectors;
    std::vector<double> x(d * kVectors);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * 37 % 101) / 101 - 0.5;
    std::vector<double> rotated = x, spare(x.size());
    rotation.Apply(rotated.data(), spare.data());
    for (int64_t i = 0; i < d; ++i) {
      for (int64_t v = 0; v < kVectors; ++v) {
        double sum = 0;
        for (int64_t j = 0; j < d; ++j) sum += r[i * d + j] * x[j * kVectors + v];
        // Sums of d terms below 1, in another order.
        EXPECT_NEAR(rotated[i * kVectors + v], sum, 1e-12) << d << ": " << i << ", " << v;
      }
    }
  }
}

// Large enough to be computed when read, and of which no part is a multiple of another.
TEST(RotateAxis, RotatesStretchesOfEitherAxisWhereverReadingBegins) {
  constexpr int64_t kWidth = 12;
  const HeadRotation rotation(kWidth);
  const std::vector<double> r = MatrixOf(rotation.width());
  const ir::Dims dims = {120, 300};
  const ir::Tensor data = ir::SeededTensor(ir::DType::kF32, dims, 7);
  const std::vector<float> x = data.Floats();
  for (int axis : {0, 1}) {
    const ir::Tensor rotated = RotateAxis(data, axis, rotation);
    ASSERT_TRUE(rotated.IsComputed());
    const int64_t inner = axis == 0 ? dims[1] : 1;
    std::vector<float> wanted(x.size());
    for (size_t at = 0; at < x.size(); ++at) {
      const int64_t i = static_cast<int64_t>(at) / inner % kWidth;
      const int64_t first = static_cast<int64_t>(at) - i * inner;
      double sum = 0;
      for (int64_t j = 0; j < kWidth; ++j) sum += r[i * kWidth + j] * x[first + j * inner];
      wanted[at] = static_cast<float>(sum);
    }
    const std::vector<float> whole = rotated.Floats();
    for (size_t i = 0; i < whole.size(); ++i) {
      // One rounding to float of sums in another order.
      ASSERT_NEAR(whole[i], wanted[i], 1e-6) << axis << ": " << i;
    }
    std::vector<float> part(5000);
    rotated.ReadFloats(4321, absl::MakeSpan(part));
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 4321)) << axis;
  }
}

}  // namespace
}  // namespace g4c::passes
