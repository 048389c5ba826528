#include "evaluator/fast_rows.h"

#include <algorithm>
#include <cmath>

#include "evaluator/vector.h"

namespace g4c::evaluator {
namespace {

// out[i] = fn(in[i]); the last few elements go through a padded vector.
template <typename Fn>
G4C_INLINE void MapRun(const float* in, float* out, int64_t count, Fn fn) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Store(fn(Load(in + i)), out + i);
  if (i < count) StorePart(fn(LoadPart(in + i, count - i, 0.0f)), out + i, count - i);
}

G4C_INLINE double SumOf(Lanes v) {
  double sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += v[lane];
  return sum;
}

// e^(t^2) erfc(t) for t >= 0 with a relative error below 2e-7, up to t = 10.5: u times a polynomial
// of degree 7 in u = 1 / (1 + 0.44 t), fitted to the smallest relative error.
G4C_INLINE Lanes ScaledErfc(Lanes t) {
  const Lanes u = 1.0f / (1.0f + 0.44f * t);
  Lanes p = u * 0.07133044637f - 0.27841672228f;
  p = p * u + 0.29753979377f;
  p = p * u - 0.02101147491f;
  p = p * u + 0.21627916728f;
  p = p * u + 0.21716290547f;
  p = p * u + 0.24889689691f;
  p = p * u + 0.24821916956f;
  return p * u;
}

// 1 / (1 + e^-x). Far below 0 e^-x is infinite and the quotient 0.
G4C_INLINE Lanes Logistic(Lanes x) { return 1.0f / (1.0f + Exp(-x)); }

// Near 0, where (1 - e) / (1 + e) cancels, the Taylor polynomial; its error at the border 0.25 is
// 2e-8.
G4C_INLINE Lanes Tanh(Lanes x) {
  const Lanes square = x * x;
  Lanes p = square * (62.0f / 2835) - (17.0f / 315);
  p = p * square + (2.0f / 15);
  p = p * square - (1.0f / 3);
  const Lanes small = p * square * x + x;
  const Lanes e = Exp(-2.0f * Magnitude(x));
  const Lanes large = (1.0f - e) / (1.0f + e);
  const Lanes with_sign = x < 0.0f ? -large : large;
  return Magnitude(x) < 0.25f ? small : with_sign;
}

// Near 0, where 1 - erfc cancels, the Taylor polynomial; its error at the border 0.5 is 3e-8.
G4C_INLINE Lanes Erf(Lanes x) {
  const Lanes square = x * x;
  Lanes p = (1.0f / 216) - square * (1.0f / 1320);
  p = p * square - (1.0f / 42);
  p = p * square + 0.1f;
  p = p * square - (1.0f / 3);
  const Lanes small = (p * square * x + x) * 1.12837917f;
  const Lanes t = Magnitude(x);
  const Lanes large = 1.0f - Exp(-(t * t)) * ScaledErfc(t);
  const Lanes with_sign = x < 0.0f ? -large : large;
  return t < 0.5f ? small : with_sign;
}

}  // namespace

G4C_VECTORISED float BiasedMaxRow(float* row, const float* bias, int64_t count, float beta) {
  const float lowest = -__builtin_inff();
  Lanes max = Splat(lowest);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Lanes x = (bias != nullptr ? Load(row + i) + Load(bias + i) : Load(row + i)) * beta;
    Store(x, row + i);
    max = Larger(x, max);
  }
  float row_max = lowest;
  for (int lane = 0; lane < kLanes; ++lane) row_max = max[lane] > row_max ? max[lane] : row_max;
  for (; i < count; ++i) {
    row[i] = (bias != nullptr ? row[i] + bias[i] : row[i]) * beta;
    row_max = row[i] > row_max ? row[i] : row_max;
  }
  return row_max;
}

G4C_VECTORISED double ExpSumRow(float* row, int64_t count, float max) {
  Lanes sum{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Lanes e = ExpOfNegative(Load(row + i) - max);
    Store(e, row + i);
    sum += e;
  }
  if (i < count) {
    Lanes e = ExpOfNegative(LoadPart(row + i, count - i, max) - max);
    for (int64_t lane = count - i; lane < kLanes; ++lane) e[lane] = 0;
    StorePart(e, row + i, count - i);
    sum += e;
  }
  return SumOf(sum);
}

G4C_VECTORISED void ScaleRow(float* row, int64_t count, float factor) {
  MapRun(
      row, row, count, [factor](Lanes x) __attribute__((always_inline)) { return x * factor; });
}

void SoftmaxRow(const float* in, float* out, int64_t count, float beta) {
  if (out != in) std::copy(in, in + count, out);
  const float max = BiasedMaxRow(out, nullptr, count, beta);
  ScaleRow(out, count, static_cast<float>(1.0 / ExpSumRow(out, count, max)));
}

G4C_VECTORISED void RmsNormRow(const float* in, const float* gain, float* out, int64_t count,
                               float epsilon) {
  Lanes squares{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Lanes x = Load(in + i);
    squares += x * x;
  }
  if (i < count) {
    const Lanes x = LoadPart(in + i, count - i, 0.0f);
    squares += x * x;
  }
  const double mean = SumOf(squares) / static_cast<double>(count);
  const float factor = static_cast<float>(1.0 / std::sqrt(mean + static_cast<double>(epsilon)));
  if (gain == nullptr) {
    MapRun(
        in, out, count, [factor](Lanes x) __attribute__((always_inline)) { return x * factor; });
    return;
  }
  for (i = 0; i + kLanes <= count; i += kLanes) {
    Store(Load(in + i) * factor * Load(gain + i), out + i);
  }
  if (i < count) {
    const Lanes x =
        LoadPart(in + i, count - i, 0.0f) * factor * LoadPart(gain + i, count - i, 0.0f);
    StorePart(x, out + i, count - i);
  }
}

G4C_VECTORISED void ExpRun(const float* in, float* out, int64_t count) {
  MapRun(
      in, out, count, [](Lanes x) __attribute__((always_inline)) { return Exp(x); });
}

G4C_VECTORISED void TanhRun(const float* in, float* out, int64_t count) {
  MapRun(
      in, out, count, [](Lanes x) __attribute__((always_inline)) { return Tanh(x); });
}

G4C_VECTORISED void LogisticRun(const float* in, float* out, int64_t count) {
  MapRun(
      in, out, count, [](Lanes x) __attribute__((always_inline)) { return Logistic(x); });
}

G4C_VECTORISED void ErfRun(const float* in, float* out, int64_t count) {
  MapRun(
      in, out, count, [](Lanes x) __attribute__((always_inline)) { return Erf(x); });
}

// 0.5 x (1 + tanh(z)) = x logistic(2 z), z = sqrt(2 / pi) (x + 0.044715 x^3). Below -10 the factor
// is 0, and so that -infinity gives no NaN, x is bounded there.
G4C_VECTORISED void GeluTanhRun(const float* in, float* out, int64_t count) {
  MapRun(
      in, out, count, [](Lanes x) __attribute__((always_inline)) {
        const Lanes bounded = x < -20.0f ? Splat(-20.0f) : x;
        const Lanes twice = (bounded + bounded * bounded * bounded * 0.044715f) * 1.59576912f;
        return bounded * Logistic(twice);
      });
}

// x Phi(x): 0.5 x erfc(-x / sqrt(2)), for x > 0 as x - x Phi(-x).
G4C_VECTORISED void GeluErfRun(const float* in, float* out, int64_t count) {
  MapRun(
      in, out, count, [](Lanes x) __attribute__((always_inline)) {
        const Lanes bounded = x < -14.0f ? Splat(-14.0f) : x;
        const Lanes t = Magnitude(bounded) * 0.707106781f;
        // Above 14 the tail is 0 whatever ScaledErfc gives.
        const Lanes tail = bounded * 0.5f * (Exp(-(t * t)) * ScaledErfc(t));
        const Lanes upper = t > 10.0f ? x : x - tail;
        return x < 0.0f ? tail : upper;
      });
}

}  // namespace g4c::evaluator
