// From a range of real numbers to qparams.
#ifndef QUANTIZATION_QPARAMS_H_
#define QUANTIZATION_QPARAMS_H_

#include <limits>

#include "absl/types/optional.h"
#include "ir/quantization.h"
#include "ir/tensor.h"

namespace g4c::quantization {

// A closed range; empty until something was added.
struct Range {
  float lo = std::numeric_limits<float>::infinity();
  float hi = -std::numeric_limits<float>::infinity();

  bool empty() const { return lo > hi; }
  void Add(float x) {
    if (x < lo) lo = x;
    if (x > hi) hi = x;
  }
  void Add(const Range& other) {
    if (other.empty()) return;
    Add(other.lo);
    Add(other.hi);
  }
  bool operator==(const Range&) const = default;
};

// The narrowest range that a scale may stand for: below it, products of scales leave f32's normal
// numbers. A value that is narrower gets this range and is a `degenerate` finding of the audit.
inline constexpr float kNarrowestRange = 1e-6f;

// u8, u4, u16 and i8 activations are asymmetric; i16, i32, i64 are symmetric. Weights: see
// ChooseWeightQparams.
bool IsSymmetric(ir::DType dtype);

// 16-bit activations are given a quarter more than was observed: unseen samples saturate less, and
// the resolution that it costs is not what limits 16 bits. Other ranges stay as they are.
Range WithHeadroom(Range range, ir::DType dtype);

// qparams whose representable range covers `range` and zero, computed in double, the scale rounded
// to f32:
//   asymmetric: scale = (hi - lo) / (qmax - qmin), zero point = round_half_even(qmin - lo / scale)
//   symmetric:  scale = max(|lo|, |hi|) / (qmax - zero point), zero point = 0 (u8: 128, u4: 8)
ir::QuantPerTensor ChooseQparams(Range range, ir::DType dtype, bool symmetric);
inline ir::QuantPerTensor ChooseQparams(Range range, ir::DType dtype) {
  return ChooseQparams(range, dtype, IsSymmetric(dtype));
}

// The real numbers that qparams can represent.
Range RepresentableRange(const ir::QuantPerTensor& q);

// Min and max of all elements; NaN is the caller's error.
Range RangeOf(absl::Span<const float> elements);
// The same of a tensor of any float dtype, read in blocks.
Range RangeOf(const ir::Tensor& data);

// Per-channel qparams of a weight from the min and max of each index of `axis`; u8 and u4
// asymmetric, i8, i4, i16 symmetric.
ir::QuantPerChannel ChooseWeightQparams(const ir::Tensor& weight, int axis, ir::DType dtype);

// qparams that represent every element of a constant of one repeated number exactly; nullopt for
// any other constant.
absl::optional<ir::QuantPerTensor> ExactSplatQparams(const ir::Tensor& data, ir::DType dtype);
absl::optional<ir::QuantPerTensor> ExactSplatQparams(const Range& range, ir::DType dtype);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_QPARAMS_H_
