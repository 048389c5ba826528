// Slow independent models: the real result in long double, and how far a stored integer may be from
// it.
#ifndef TESTS_EVALUATOR_INTEGER_MODEL_H_
#define TESTS_EVALUATOR_INTEGER_MODEL_H_

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "evaluator/integer_node.h"

namespace g4c::evaluator {

// The qparams of an activation in the operand and the result role.
inline Affine AffineOf(const ir::Quantization& quantization) {
  const auto& q = std::get<ir::QuantPerTensor>(quantization);
  return {q.dtype, q.scale, q.zero_point};
}

// In steps of the result, beside the half step of rounding: a multiplier is off by 2^-31 of up to
// 2^17 steps.
inline constexpr long double kMultiplierSlack = 0x1p-13L;
// The same for a table, whose entries are rounded from doubles.
inline constexpr long double kTableSlack = 0x1p-30L;

// `stored` is the integer nearest to `real`, saturated; either neighbour within `slack` of a tie.
inline void ExpectNearest(int64_t stored, long double real, const Affine& out, long double slack,
                          const std::string& what) {
  const long double exact =
      std::clamp<long double>(real / out.scale + out.zero_point, out.min(), out.max());
  EXPECT_LE(std::fabs(static_cast<long double>(stored) - exact), 0.5L + slack)
      << what << ": stored " << stored << ", exact " << static_cast<double>(exact);
}

}  // namespace g4c::evaluator

#endif  // TESTS_EVALUATOR_INTEGER_MODEL_H_
