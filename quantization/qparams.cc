#include "quantization/qparams.h"

#include <algorithm>
#include <cmath>

#include "base/fixed_point.h"

namespace g4c::quantization {
namespace {

constexpr int64_t kBlock = 1 << 16;

}  // namespace

bool IsSymmetric(ir::DType dtype) {
  return dtype == ir::DType::kI16 || dtype == ir::DType::kI32 || dtype == ir::DType::kI64;
}

Range WithHeadroom(Range range, ir::DType dtype) {
  constexpr float kHeadroom = 1.25f;
  if (ir::BitWidth(dtype) != 16 || range.empty()) return range;
  return {std::min(range.lo, range.lo * kHeadroom), std::max(range.hi, range.hi * kHeadroom)};
}

ir::QuantPerTensor ChooseQparams(Range range, ir::DType dtype, bool symmetric) {
  const double lo = range.empty() ? 0.0 : std::min(0.0f, range.lo);
  const double hi = range.empty() ? 0.0 : std::max(0.0f, range.hi);
  const double qmin = static_cast<double>(ir::MinOf(dtype));
  const double qmax = static_cast<double>(ir::MaxOf(dtype));
  if (symmetric) {
    const double reach = std::max({-lo, hi, static_cast<double>(kNarrowestRange) / 2});
    const int64_t zero_point = ir::IsSigned(dtype) ? 0 : ir::MaxOf(dtype) / 2 + 1;
    return {dtype, static_cast<float>(reach / (qmax - static_cast<double>(zero_point))),
            zero_point};
  }
  const double width = std::max(hi - lo, static_cast<double>(kNarrowestRange));
  const float scale = static_cast<float>(width / (qmax - qmin));
  const int64_t zero_point = RoundHalfEven(qmin - lo / scale);
  return {dtype, scale, std::clamp(zero_point, ir::MinOf(dtype), ir::MaxOf(dtype))};
}

Range RepresentableRange(const ir::QuantPerTensor& q) {
  const double scale = q.scale;
  return {static_cast<float>(scale * static_cast<double>(ir::MinOf(q.dtype) - q.zero_point)),
          static_cast<float>(scale * static_cast<double>(ir::MaxOf(q.dtype) - q.zero_point))};
}

Range RangeOf(absl::Span<const float> elements) {
  // Independent lanes let the compiler vectorise what it may not reorder as one chain.
  constexpr size_t kLanes = 16;
  float lo[kLanes];
  float hi[kLanes];
  std::fill_n(lo, kLanes, Range().lo);
  std::fill_n(hi, kLanes, Range().hi);
  size_t i = 0;
  for (; i + kLanes <= elements.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float x = elements[i + lane];
      lo[lane] = x < lo[lane] ? x : lo[lane];
      hi[lane] = x > hi[lane] ? x : hi[lane];
    }
  }
  Range range;
  for (; i < elements.size(); ++i) range.Add(elements[i]);
  for (size_t lane = 0; lane < kLanes; ++lane) range.Add(Range{lo[lane], hi[lane]});
  return range;
}

Range RangeOf(const ir::Tensor& data) {
  const int64_t total = data.NumElements();
  if (data.dtype() == ir::DType::kF32 && data.IsContiguous())
    return RangeOf(absl::MakeConstSpan(data.data<float>(), total));
  Range range;
  std::vector<float> block;
  for (int64_t begin = 0; begin < total; begin += kBlock) {
    block.resize(std::min(kBlock, total - begin));
    data.ReadFloats(begin, absl::MakeSpan(block));
    range.Add(RangeOf(block));
  }
  return range;
}

ir::QuantPerChannel ChooseWeightQparams(const ir::Tensor& data, int axis, ir::DType dtype) {
  const ir::Tensor weight = data.WithBytes();
  const bool symmetric = dtype != ir::DType::kU8 && dtype != ir::DType::kU4;
  ir::QuantPerChannel q{dtype, axis, {}, {}};
  for (int64_t channel = 0; channel < weight.dims()[axis]; ++channel) {
    const ir::QuantPerTensor one =
        ChooseQparams(RangeOf(weight.Sliced(axis, channel, 1)), dtype, symmetric);
    q.scales.push_back(one.scale);
    q.zero_points.push_back(one.zero_point);
  }
  return q;
}

absl::optional<ir::QuantPerTensor> ExactSplatQparams(const ir::Tensor& data, ir::DType dtype) {
  return ExactSplatQparams(RangeOf(data), dtype);
}

absl::optional<ir::QuantPerTensor> ExactSplatQparams(const Range& range, ir::DType dtype) {
  if (range.empty() || range.lo != range.hi || !std::isfinite(range.lo)) return absl::nullopt;
  const float value = range.lo;
  if (value == 0) return ir::QuantPerTensor{dtype, 1.0f, 0};
  // A power of two of quanta, about half of the range: dividing by it is exact.
  const int64_t quanta = (ir::MaxOf(dtype) + 1) / 2;
  const float scale = std::fabs(value) / static_cast<float>(quanta);
  const int64_t zero_point = ir::IsSigned(dtype) || value > 0 ? 0 : quanta;
  // A number next to the smallest that f32 has is one quantum.
  if (!std::isnormal(scale))
    return ir::QuantPerTensor{dtype, std::fabs(value), zero_point == 0 ? 0 : 1};
  return ir::QuantPerTensor{dtype, scale, zero_point};
}

}  // namespace g4c::quantization
