#include "ir/seeded.h"

namespace g4c::ir {

uint64_t SeededBits(uint64_t seed, uint64_t counter) {
  // The seed is mixed first, so that neighbouring seeds do not give shifted sequences.
  uint64_t z = seed;
  for (uint64_t step : {uint64_t{1}, counter + 1}) {
    z += step * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
  }
  return z;
}

float SeededNormal(uint64_t seed, uint64_t counter) {
  int sum = 0;
  for (uint64_t half : {2 * counter, 2 * counter + 1}) {
    for (uint64_t bits = SeededBits(seed, half), i = 0; i < 4; ++i, bits >>= 16)
      sum += bits & 0xffff;
  }
  // Eight numbers in [0, 65535]: mean 8 * 32767.5, variance 8 * (65536^2 - 1) / 12.
  constexpr double kScale = 1.868812e-05;  // 1 / sqrt(variance)
  return static_cast<float>((sum - 262140) * kScale);
}

Tensor SeededTensor(DType dtype, Dims dims, uint64_t seed) {
  const int64_t count = NumElements(dims);
  if (IsFloat(dtype)) {
    std::vector<double> values(count);
    for (int64_t i = 0; i < count; ++i) values[i] = SeededNormal(seed, i);
    return Tensor::FromDoubles(dtype, std::move(dims), values);
  }
  std::vector<int64_t> values(count);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t low = static_cast<int64_t>(SeededBits(seed, i) >> 60);
    values[i] = dtype == DType::kBool ? low & 1 : IsSigned(dtype) ? low - 8 : low;
  }
  return Tensor::FromInts(dtype, std::move(dims), values);
}

}  // namespace g4c::ir
