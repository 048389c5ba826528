#include "passes/head_rotation.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "passes/computed_weights.h"

namespace g4c::passes {
namespace {

using ir::Tensor;

class RotatedAxis : public ir::TensorSource {
 public:
  RotatedAxis(const Tensor& data, int axis, const HeadRotation& rotation)
      : data_(data), rotation_(rotation) {
    for (int i = axis + 1; i < data.rank(); ++i) inner_ *= data.dims()[i];
  }

  void Read(int64_t begin, int64_t count, uint8_t* out) const override {
    const int64_t block = rotation_.width() * inner_;
    const int64_t first = begin / block * block;
    const int64_t last = (begin + count + block - 1) / block * block;
    if (first == begin && last == begin + count)
      return ReadBlocks(first, last - first, reinterpret_cast<float*>(out));
    std::vector<float> whole(last - first);
    ReadBlocks(first, last - first, whole.data());
    std::memcpy(out, whole.data() + (begin - first), count * sizeof(float));
  }
  int64_t unit() const override {
    const int64_t block = rotation_.width() * inner_;
    return std::max(block, data_.ReadUnit());
  }

 private:
  // Whole blocks of d channels x inner elements.
  void ReadBlocks(int64_t begin, int64_t count, float* out) const {
    constexpr int64_t kVectors = HeadRotation::kVectors;
    const int64_t d = rotation_.width();
    data_.ReadFloats(begin, {out, static_cast<size_t>(count)});
    std::vector<double> x(2 * d * kVectors);
    const int64_t vectors = count / d;
    for (int64_t v = 0; v < vectors; v += kVectors) {
      const int64_t n = std::min(kVectors, vectors - v);
      float* at[kVectors];
      for (int64_t k = 0; k < n; ++k)
        at[k] = out + (v + k) / inner_ * d * inner_ + (v + k) % inner_;
      for (int64_t i = 0; i < d; ++i) {
        for (int64_t k = 0; k < n; ++k) x[i * kVectors + k] = at[k][i * inner_];
      }
      rotation_.Apply(x.data(), x.data() + d * kVectors);
      for (int64_t i = 0; i < d; ++i) {
        for (int64_t k = 0; k < n; ++k) at[k][i * inner_] = static_cast<float>(x[i * kVectors + k]);
      }
    }
  }

  Tensor data_;
  HeadRotation rotation_;
  int64_t inner_ = 1;  // elements between neighbours of the axis
};

}  // namespace

HeadRotation::HeadRotation(int64_t d) : even_(d & -d), odd_(d / even_), cosines_(odd_ * odd_) {
  for (int64_t frequency = 0; frequency < odd_; ++frequency) {
    for (int64_t i = 0; i < odd_; ++i) {
      const double angle = M_PI * (static_cast<double>(i) + 0.5) * frequency / odd_;
      const double cosine =
          frequency == 0 ? 1 / std::sqrt(odd_) : std::cos(angle) * std::sqrt(2.0 / odd_);
      cosines_[frequency * odd_ + i] = cosine / std::sqrt(even_);
    }
  }
}

void HeadRotation::Apply(double* x, double* spare) const {
  const auto row = [](double* of, int64_t i) { return of + i * kVectors; };
  // Sums and differences of stretches that differ in one bit of their number ...
  for (int64_t bit = odd_; bit < width(); bit *= 2) {
    for (int64_t first = 0; first < width(); first += 2 * bit) {
      for (int64_t i = first; i < first + bit; ++i) {
        double* a = row(x, i);
        double* b = row(x, i + bit);
        for (int64_t k = 0; k < kVectors; ++k) {
          const double sum = a[k] + b[k];
          b[k] = a[k] - b[k];
          a[k] = sum;
        }
      }
    }
  }
  // ... then the cosines within each stretch of m.
  if (odd_ == 1) {
    for (int64_t i = 0; i < width() * kVectors; ++i) x[i] *= cosines_[0];
    return;
  }
  std::copy(x, x + width() * kVectors, spare);
  for (int64_t i = 0; i < width(); ++i) {
    double* sum = row(x, i);
    std::fill(sum, sum + kVectors, 0.0);
    for (int64_t j = 0; j < odd_; ++j) {
      const double cosine = cosines_[i % odd_ * odd_ + j];
      const double* from = row(spare, i / odd_ * odd_ + j);
      for (int64_t k = 0; k < kVectors; ++k) sum[k] += cosine * from[k];
    }
  }
}

Tensor RotateAxis(const Tensor& data, int axis, const HeadRotation& rotation) {
  return Computed(ir::DType::kF32, data.dims(),
                  std::make_shared<RotatedAxis>(data, axis, rotation));
}

}  // namespace g4c::passes
