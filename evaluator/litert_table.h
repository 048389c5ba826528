// Functions of one operand as LiteRT's kernels tabulate them (docs/integer_semantics.md, "As LiteRT
// rounds").
#ifndef EVALUATOR_LITERT_TABLE_H_
#define EVALUATOR_LITERT_TABLE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "evaluator/integer_node.h"

namespace g4c::evaluator {

// 512 segments of equal length over the integers of i16: 513 points, between which values are
// interpolated.
class SegmentTable {
 public:
  // Of f from `low` to `high`, in steps; 32767 where f is no finite number. Each point is moved by
  // half the error that interpolation makes in the middle of its segment. Computed in Real, float
  // or double.
  template <typename Real, typename F>
  static SegmentTable Of(Real low, Real high, Real steps_per_unit, F f) {
    const Real length = (high - low) / kSegments;
    const auto steps = [&](Real x) {
      const Real value = f(x) * steps_per_unit;
      return std::isfinite(value) ? value : Real{32767};
    };
    SegmentTable table;
    for (int i = 0; i < kSegments; ++i) {
      const Real here = std::round(steps(low + i * length));
      const Real middle = std::round(steps(low + i * length + length / 2));
      const Real next = steps(low + (i + 1) * length);
      const Real error = std::round((next + here) / 2) - middle;
      table.points_.push_back(Point(here - std::round(error / 2)));
    }
    table.points_.push_back(Point(std::round(steps(high))));
    return table;
  }

  // value: of i16.
  int32_t operator()(int32_t value) const {
    const int32_t segment = kSegments / 2 + (value >> 7), offset = value & 127;
    const int32_t slope = points_[segment + 1] - points_[segment];
    return points_[segment] + ((slope * offset + 64) >> 7);
  }

 private:
  static constexpr int kSegments = 512;
  static int32_t Point(double steps) {
    return static_cast<int32_t>(std::clamp(steps, -32768.0, 32767.0));
  }
  std::vector<int32_t> points_;
};

// The stored result of every integer of the operand's dtype. f takes and gives float.
template <typename F>
std::vector<int32_t> LitertTable(const Affine& in, const Affine& out, F f) {
  const float scale = static_cast<float>(in.scale), step = static_cast<float>(out.scale);
  std::vector<int32_t> entries;
  if (in.dtype == ir::DType::kI16) {
    // 65536 steps for the reals from the lowest to the highest integer, which are 65535 apart.
    const float steps_per_unit = 65536 / (step * 32767 - step * -32768);
    const auto table = SegmentTable::Of<float>(scale * -32768, scale * 32767, steps_per_unit, f);
    for (int64_t q = in.min(); q <= in.max(); ++q)
      entries.push_back(table(static_cast<int32_t>(q)));
    return entries;
  }
  for (int64_t q = in.min(); q <= in.max(); ++q) {
    const float steps = f(scale * static_cast<float>(q - in.zero_point)) * (1 / step);
    entries.push_back(static_cast<int32_t>(out.range().Store(RoundHalfEven(std::round(steps)))));
  }
  return entries;
}

}  // namespace g4c::evaluator

#endif  // EVALUATOR_LITERT_TABLE_H_
