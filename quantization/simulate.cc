#include "quantization/simulate.h"

#include <algorithm>

#include "base/parallel.h"

namespace g4c::quantization {

ir::Tensor Simulate(const ir::Tensor& data, const ir::QuantPerTensor& q) {
  constexpr int64_t kTile = 1 << 14;
  // Adding it rounds to an integer: above 2^23 floats have no fraction, and integers of 16 bits and
  // less stay exact beside it.
  constexpr float kRound = 12582912.0f;
  const float lowest = static_cast<float>(ir::MinOf(q.dtype) - q.zero_point);
  const float highest = static_cast<float>(ir::MaxOf(q.dtype) - q.zero_point);
  const float inverse = 1.0f / q.scale;
  const ir::Tensor source = data.Contiguous();
  ir::Tensor result = ir::Tensor::Allocate(ir::DType::kF32, source.dims());
  const float* from = source.data<float>();
  float* to = result.mutable_data<float>();
  ParallelForRange(source.NumElements(), kTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float x = std::min(std::max(from[i] * inverse, lowest), highest);
      to[i] = (x + kRound - kRound) * q.scale;
    }
  });
  return result;
}

ir::Tensor SimulateAs(const ir::Value& value, const ir::Tensor& data) {
  const auto* q = std::get_if<ir::QuantPerTensor>(&value.quantization);
  return q == nullptr ? data : Simulate(data, *q);
}

}  // namespace g4c::quantization
