#include "quantization/simulate.h"

#include <algorithm>

#include "base/parallel.h"

namespace g4c::quantization {

namespace {

// to = stored(from); both may be the same.
void SimulateTo(const float* from, int64_t count, const ir::QuantPerTensor& q, float* to) {
  // Adding it rounds to an integer: above 2^23 floats have no fraction, and integers of 16 bits and
  // less stay exact beside it.
  constexpr float kRound = 12582912.0f;
  const float lowest = static_cast<float>(ir::MinOf(q.dtype) - q.zero_point);
  const float highest = static_cast<float>(ir::MaxOf(q.dtype) - q.zero_point);
  const float inverse = 1.0f / q.scale;
  for (int64_t i = 0; i < count; ++i) {
    const float x = std::min(std::max(from[i] * inverse, lowest), highest);
    to[i] = (x + kRound - kRound) * q.scale;
  }
}

}  // namespace

ir::Tensor Simulate(const ir::Tensor& data, const ir::QuantPerTensor& q) {
  constexpr int64_t kTile = 1 << 14;
  const ir::Tensor source = data.Contiguous();
  ir::Tensor result = ir::Tensor::Allocate(ir::DType::kF32, source.dims());
  const float* from = source.data<float>();
  float* to = result.mutable_data<float>();
  ParallelForRange(source.NumElements(), kTile, [&](int64_t begin, int64_t end) {
    SimulateTo(from + begin, end - begin, q, to + begin);
  });
  return result;
}

void SimulateRun(absl::Span<float> elements, const ir::QuantPerTensor& q) {
  SimulateTo(elements.data(), static_cast<int64_t>(elements.size()), q, elements.data());
}

const ir::QuantPerTensor* StorageOf(const ir::Value& value) {
  return std::get_if<ir::QuantPerTensor>(&value.quantization);
}

}  // namespace g4c::quantization
