#include "evaluator/quantize.h"

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "ir/quantize_constant.h"

namespace g4c::evaluator {
namespace {

using ir::Tensor;

// The qparams of every channel; one channel of everything where they are per tensor.
struct Channels {
  ir::DType dtype;
  absl::Span<const float> scales;
  absl::Span<const int64_t> zero_points;
  int64_t inner;  // elements of one channel that lie together in row-major order

  size_t At(int64_t element) const { return static_cast<size_t>(element / inner) % scales.size(); }
};

Channels ChannelsOf(const ir::Quantization& quantization, const ir::Dims& dims) {
  const int64_t all = std::max<int64_t>(1, ir::NumElements(dims));
  if (const auto* q = std::get_if<ir::QuantPerTensor>(&quantization)) {
    return {q->dtype, {&q->scale, 1}, {&q->zero_point, 1}, all};
  }
  const auto* q = std::get_if<ir::QuantPerChannel>(&quantization);
  G4C_CHECK(q != nullptr && q->axis >= 0 && q->axis < static_cast<int>(dims.size()));
  G4C_CHECK(static_cast<int64_t>(q->scales.size()) == dims[q->axis] &&
            q->scales.size() == q->zero_points.size());
  const ir::Dims behind(dims.begin() + q->axis + 1, dims.end());
  return {q->dtype, q->scales, q->zero_points, std::max<int64_t>(1, ir::NumElements(behind))};
}

}  // namespace

Tensor QuantizeTensor(const Tensor& real, const ir::Quantization& quantization) {
  G4C_CHECK(ir::IsFloat(real.dtype()));
  const Channels channels = ChannelsOf(quantization, real.dims());
  Tensor stored = Tensor::Allocate(channels.dtype, real.dims());
  ParallelForRange(real.NumElements(), kBlock, [&](int64_t begin, int64_t end) {
    float reals[kBlock];
    int64_t integers[kBlock];
    real.ReadFloats(begin, absl::MakeSpan(reals, end - begin));
    for (int64_t i = 0; i < end - begin; ++i) {
      const size_t c = channels.At(begin + i);
      integers[i] =
          ir::QuantizeReal(reals[i], channels.scales[c], channels.zero_points[c], channels.dtype);
    }
    Write(absl::MakeConstSpan(integers, end - begin), begin, stored);
  });
  return stored;
}

Tensor DequantizeTensor(const Tensor& stored, const ir::Quantization& quantization) {
  const Channels channels = ChannelsOf(quantization, stored.dims());
  G4C_CHECK(stored.dtype() == channels.dtype);
  Tensor real = Tensor::Allocate(ir::DType::kF32, stored.dims());
  float* out = real.mutable_data<float>();
  ParallelForRange(stored.NumElements(), kBlock, [&](int64_t begin, int64_t end) {
    int64_t integers[kBlock];
    stored.ReadInts(begin, absl::MakeSpan(integers, end - begin));
    for (int64_t i = 0; i < end - begin; ++i) {
      const size_t c = channels.At(begin + i);
      const int64_t steps = WrappingSub(integers[i], channels.zero_points[c]);
      out[begin + i] = static_cast<float>(steps) * channels.scales[c];
    }
  });
  return real;
}

Tensor FakeQuantize(const Tensor& real, const ir::Quantization& quantization) {
  return DequantizeTensor(QuantizeTensor(real, quantization), quantization);
}

}  // namespace g4c::evaluator
