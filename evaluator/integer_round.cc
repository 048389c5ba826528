#include "evaluator/integer_round.h"

#include <cstring>

#include "evaluator/vector.h"

namespace g4c::evaluator {
namespace {

typedef double Reals __attribute__((vector_size(32)));
typedef int64_t Longs __attribute__((vector_size(32)));
typedef int32_t Words __attribute__((vector_size(32)));
constexpr int kReals = 4;

// Added to a number below 2^51 it leaves the nearest integer, ties to even, in the low bits.
constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52
constexpr int64_t kMagicBits = 0x4338000000000000;
constexpr double kTie = 0.5 - 0x1p-20;

template <typename V, typename T>
G4C_INLINE V LoadAs(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

}  // namespace

bool IsNearTie(double real) {
  if (!(std::fabs(real) < 0x1p40)) return false;
  return std::fabs(real - ((real + kMagic) - kMagic)) > kTie;
}

G4C_VECTORISED bool RoundReals(const double* reals, int64_t count, const StoredRange& range,
                               int32_t* out) {
  const double low = static_cast<double>(range.lo - range.zero_point);
  const double high = static_cast<double>(range.hi - range.zero_point);
  const int32_t zero_point = static_cast<int32_t>(range.zero_point);
  const Reals lows = low - Reals{}, highs = high - Reals{};
  Longs near{};
  int64_t i = 0;
  for (; i + kReals <= count; i += kReals) {
    Reals v = LoadAs<Reals>(reals + i);
    v = v < lows ? lows : v;
    v = v > highs ? highs : v;
    const Reals shifted = v + kMagic;
    const Reals rest = v - (shifted - kMagic);
    near |= (rest > kTie) | (rest < -kTie);
    const Words words = reinterpret_cast<Words>(shifted);
    for (int lane = 0; lane < kReals; ++lane) out[i + lane] = words[2 * lane] + zero_point;
  }
  bool any = (near[0] | near[1] | near[2] | near[3]) != 0;
  for (; i < count; ++i) {
    const double v = reals[i] < low ? low : reals[i] > high ? high : reals[i];
    any = any || IsNearTie(v);
    out[i] = static_cast<int32_t>((v + kMagic) - kMagic) + zero_point;
  }
  return any;
}

G4C_VECTORISED void Combine(const Combination& c, const int32_t* x, const int32_t* y, int64_t count,
                            double* reals) {
  const double a = c.a, b = c.b, ab = c.ab;
  const int32_t zx = c.zx, zy = c.zy;
  for (int64_t i = 0; i < count; ++i) {
    const double dx = x[i] - zx, dy = y[i] - zy;
    reals[i] = (a * dx + b * dy) + ab * (dx * dy);
  }
}

G4C_VECTORISED void ScaleSums(const int64_t* sums, const double* offsets, const double* zeros,
                              double row, const double* multipliers, int64_t count, double* reals) {
  int64_t i = 0;
  for (; i + kReals <= count; i += kReals) {
    const Reals sum = reinterpret_cast<Reals>(LoadAs<Longs>(sums + i) + kMagicBits) - kMagic;
    const Reals total = (sum + LoadAs<Reals>(offsets + i)) - LoadAs<Reals>(zeros + i) * row;
    const Reals real = total * LoadAs<Reals>(multipliers + i);
    std::memcpy(reals + i, &real, sizeof(real));
  }
  for (; i < count; ++i) {
    reals[i] = ((static_cast<double>(sums[i]) + offsets[i]) - zeros[i] * row) * multipliers[i];
  }
}

}  // namespace g4c::evaluator
