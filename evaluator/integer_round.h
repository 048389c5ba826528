// The roundings of many results at once: in double, with the exact rule for the few that lie too
// near a tie to tell.
//
// A kernel computes the exact results as reals with an error of at most 2^-21 where they are below
// 2^18 in magnitude (beyond that all results saturate alike). Rounding the reals to nearest gives
// what rounding the exact results gives unless a real is within 2^-20 of a tie.
#ifndef EVALUATOR_INTEGER_ROUND_H_
#define EVALUATOR_INTEGER_ROUND_H_

#include <cmath>
#include <cstdint>

#include "absl/types/span.h"
#include "evaluator/integer_arithmetic.h"

namespace g4c::evaluator {

// A multiplier as a double, which holds it exactly.
inline double RealOf(Multiplier multiplier) {
  return std::ldexp(static_cast<double>(multiplier.mantissa), multiplier.shift - 31);
}

// out[i] = range.Store(round(reals[i])), saturated before it is rounded. Whether any real was
// within 2^-20 of a tie.
bool RoundReals(const double* reals, int64_t count, const StoredRange& range, int32_t* out);
// Whether this one was.
bool IsNearTie(double real);

// The same, with exact(i), a stored integer, where rounding could not tell.
template <typename Exact>
void StoreReals(const double* reals, int64_t count, const StoredRange& range, int32_t* out,
                Exact exact) {
  if (!RoundReals(reals, count, range, out)) return;
  for (int64_t i = 0; i < count; ++i) {
    if (IsNearTie(reals[i])) out[i] = static_cast<int32_t>(exact(i));
  }
}

// reals[i] = a dx + b dy + ab dx dy with dx = x[i] - zx, dy = y[i] - zy.
struct Combination {
  double a = 0, b = 0, ab = 0;
  int32_t zx = 0, zy = 0;
};
void Combine(const Combination& combination, const int32_t* x, const int32_t* y, int64_t count,
             double* reals);

// reals[i] = (sums[i] + offsets[i] - zeros[i] * row) * multipliers[i]; |sums[i]| < 2^51.
void ScaleSums(const int64_t* sums, const double* offsets, const double* zeros, double row,
               const double* multipliers, int64_t count, double* reals);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_ROUND_H_
