#include "evaluator/litert_elementwise.h"

#include <algorithm>

#include "evaluator/litert_arithmetic.h"

namespace g4c::evaluator {
namespace {

// Both operands in steps of twice the larger scale over 2^bits.
struct CommonSteps {
  LitertScaling scaling;
  int bits;
  double step;
  Multiplier a, b;

  CommonSteps(const Affine& x, const Affine& y, LitertScaling scaling, int bits)
      : scaling(scaling), bits(bits), step(2 * std::max(x.scale, y.scale)) {
    a = LitertMultiplier(x.scale / step);
    b = LitertMultiplier(y.scale / step);
    step = std::ldexp(step, -bits);
  }
  int64_t OfA(int64_t d) const { return ScaleAsLitert(scaling, d << bits, a); }
  int64_t OfB(int64_t d) const { return ScaleAsLitert(scaling, d << bits, b); }
};

}  // namespace

LitertScaling LitertAddOperands(ir::DType dtype, const ir::Dims& a, const ir::Dims& b) {
  if (ir::BitWidth(dtype) > 8) return a == b ? LitertScaling::kOnce : LitertScaling::kTwice;
  const int64_t last_a = a.empty() ? 1 : a.back(), last_b = b.empty() ? 1 : b.back();
  return dtype == ir::DType::kU8 || last_a != last_b ? LitertScaling::kTwiceDown
                                                     : LitertScaling::kOnce;
}

PairRule LitertSum(const Affine& a, const Affine& b, int sign, LitertScaling operands,
                   const Affine& out, const StoredRange& range) {
  const CommonSteps steps(a, b, operands, ir::BitWidth(a.dtype) > 8 ? 15 : 20);
  const Multiplier multiplier = LitertMultiplier(steps.step / out.scale);
  return [=, za = a.zero_point, zb = b.zero_point](int64_t x, int64_t y) {
    const int64_t sum = steps.OfA(x - za) + sign * steps.OfB(y - zb);
    return range.Store(ScaleAsLitert(LitertScaling::kTwice, sum, multiplier));
  };
}

PairRule LitertProduct(const Affine& a, const Affine& b, const Affine& out,
                       const StoredRange& range) {
  const float scale = static_cast<float>(a.scale) * static_cast<float>(b.scale);
  const Multiplier multiplier = LitertMultiplier(scale / static_cast<float>(out.scale));
  return [=, za = a.zero_point, zb = b.zero_point](int64_t x, int64_t y) {
    return range.Store(ScaleAsLitert(LitertScaling::kTwice, (x - za) * (y - zb), multiplier));
  };
}

PairRule LitertSquaredDifference(const Affine& a, const Affine& b, const Affine& out) {
  const CommonSteps steps(a, b, LitertScaling::kTwice, 7);
  const Multiplier multiplier = LitertMultiplier(steps.step * steps.step / out.scale);
  return [=, za = a.zero_point, zb = b.zero_point, range = out.range()](int64_t x, int64_t y) {
    const int64_t difference = steps.OfA(x - za) - steps.OfB(y - zb);
    return range.Store(ScaleAsLitert(LitertScaling::kTwice, difference * difference, multiplier));
  };
}

}  // namespace g4c::evaluator
