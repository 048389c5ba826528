#include "quantization/weight_ranges.h"

#include <gmock/gmock.h>

#include "base/parallel.h"
#include "ir/quantize_constant.h"
#include "ir/seeded.h"
#include "quantization/qparams.h"

namespace g4c::quantization {
namespace {

using ir::DType;

double Error(absl::Span<const float> row, absl::Span<const float> importance, float scale,
             int64_t zero_point, DType dtype) {
  double sum = 0;
  for (size_t j = 0; j < row.size(); ++j) {
    const int64_t q = ir::QuantizeReal(row[j], scale, zero_point, dtype);
    const double off = row[j] - static_cast<double>(scale) * static_cast<double>(q - zero_point);
    sum += importance[j] * off * off;
  }
  return sum;
}

TEST(ChooseWeightQparamsByError, IsNeverWorseThanMinMax) {
  constexpr int64_t kRows = 40, kColumns = 50;
  const ir::Tensor weight = ir::SeededTensor(DType::kF32, {kRows, kColumns}, 1);
  std::vector<float> importance(kColumns);
  for (int64_t j = 0; j < kColumns; ++j) importance[j] = static_cast<float>(j % 7) * 0.5f;
  const std::vector<float> w = weight.Floats();
  for (DType dtype : {DType::kU4, DType::kI4, DType::kU8, DType::kI8, DType::kI16}) {
    const auto found = ChooseWeightQparamsByError(w, importance, dtype);
    const auto min_max = ChooseWeightQparams(weight, 0, dtype);
    double sum_found = 0, sum_min_max = 0;
    for (int64_t r = 0; r < kRows; ++r) {
      const auto row = absl::MakeConstSpan(w).subspan(r * kColumns, kColumns);
      const double ours = Error(row, importance, found.scales[r], found.zero_points[r], dtype);
      const double theirs =
          Error(row, importance, min_max.scales[r], min_max.zero_points[r], dtype);
      // The search sums in f32 and multiplies by the inverse scale.
      EXPECT_LE(ours, theirs * (1 + 1e-5)) << ir::DTypeName(dtype) << " row " << r;
      sum_found += ours;
      sum_min_max += theirs;
      if (IsSymmetricWeight(dtype)) {
        EXPECT_EQ(found.zero_points[r], 0);
      }
    }
    if (ir::BitWidth(dtype) == 4) {
      EXPECT_LT(sum_found, 0.9 * sum_min_max) << ir::DTypeName(dtype);
    }
  }
}

TEST(ChooseWeightQparamsByError, ClipsAnOutlierThatNoInputReaches) {
  const std::vector<float> w = {-1, -0.53f, 0.29f, 0.71f, 0.93f, 3};
  const std::vector<float> unreached = {1, 1, 1, 1, 1, 0};
  const auto q = ChooseWeightQparamsByError(w, unreached, DType::kU4);
  EXPECT_LE(q.scales[0], 2.2f / 15);
}

TEST(ChooseWeightQparamsByError, ConstantAndZeroRowsHaveSaneScales) {
  const std::vector<float> w = {0, 0, 0, 0.5, 0.5, 0.5};
  const std::vector<float> importance = {1, 1, 1};
  for (DType dtype : {DType::kU4, DType::kI8}) {
    const auto q = ChooseWeightQparamsByError(w, importance, dtype);
    EXPECT_GT(q.scales[0], 0);
    EXPECT_LT(q.scales[0], 1e-6f);
    EXPECT_NEAR(
        Error(absl::MakeConstSpan(w).subspan(3), importance, q.scales[1], q.zero_points[1], dtype),
        0, 1e-12);
  }
}

TEST(ChooseWeightQparamsByError, ThreadsDoNotShow) {
  const ir::Tensor weight = ir::SeededTensor(DType::kF32, {37, 65}, 2);
  const std::vector<float> importance(65, 1.0f);
  SetNumThreads(1);
  const auto one = ChooseWeightQparamsByError(weight.Floats(), importance, DType::kU4);
  SetNumThreads(3);
  EXPECT_EQ(ChooseWeightQparamsByError(weight.Floats(), importance, DType::kU4), one);
}

}  // namespace
}  // namespace g4c::quantization
