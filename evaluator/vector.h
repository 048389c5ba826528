// Eight floats at a time.
//
// The width is part of what is computed (partial sums are kept per lane), the instruction set is
// not: the compiler cuts a Lanes into what the machine has, so that results are the same bits
// everywhere. Eight, because gcc 12 takes comparisons of anything wider than an AVX2 register
// apart, element by element. Files that include this are compiled without contraction of a * b + c
// (evaluator/CMakeLists.txt).
#ifndef EVALUATOR_VECTOR_H_
#define EVALUATOR_VECTOR_H_

#include <cstdint>
#include <cstring>

// A function that is compiled once an instruction set; the best one is chosen when the program
// starts. The sanitizers' run time is not ready at that time.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define G4C_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default"), noinline))
#else
#define G4C_VECTORISED
#endif
#define G4C_INLINE inline __attribute__((always_inline))

namespace g4c::evaluator {

inline constexpr int kLanes = 8;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t IntLanes __attribute__((vector_size(kLanes * sizeof(int32_t))));

G4C_INLINE Lanes Splat(float value) { return value - Lanes{}; }

G4C_INLINE Lanes Load(const float* p) {
  Lanes v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
G4C_INLINE void Store(Lanes v, float* p) { std::memcpy(p, &v, sizeof(v)); }

// The first `count` elements, the others `rest`.
G4C_INLINE Lanes LoadPart(const float* p, int64_t count, float rest) {
  Lanes v = Splat(rest);
  std::memcpy(&v, p, count * sizeof(float));
  return v;
}
G4C_INLINE void StorePart(Lanes v, float* p, int64_t count) {
  std::memcpy(p, &v, count * sizeof(float));
}

// NaN in `b` wins, NaN in `a` loses.
G4C_INLINE Lanes Larger(Lanes a, Lanes b) { return a > b ? a : b; }

G4C_INLINE Lanes Magnitude(Lanes x) {
  return reinterpret_cast<Lanes>(reinterpret_cast<IntLanes>(x) & 0x7FFFFFFF);
}

// e^r for |r| <= ln 2 / 2 by its Taylor polynomial of degree 7, in pairs of terms: half as long a
// chain of operations as Horner's.
G4C_INLINE Lanes ExpNearZero(Lanes r) {
  const Lanes square = r * r;
  Lanes p = r * (1.0f / 5040) + (1.0f / 720);
  p = p * square + (r * (1.0f / 120) + (1.0f / 24));
  p = p * square + (r * (1.0f / 6) + 0.5f);
  return (p * square + r) + 1.0f;
}

// x = n ln 2 + r (n ln 2 in two parts, the first exact).
struct ExpParts {
  Lanes r;
  IntLanes n;
};
G4C_INLINE ExpParts SplitExponent(Lanes x) {
  // Adding 1.5 * 2^23 leaves the nearest integer in the low mantissa bits.
  const Lanes shifted = x * 1.44269504f + 12582912.0f;
  const Lanes n = shifted - 12582912.0f;
  return {(x - n * 0.693359375f) - n * -2.12194440e-4f,
          reinterpret_cast<IntLanes>(shifted) - 0x4B400000};
}

// e^x with a relative error below 2^-22 where the result is a normal number; 0 below -87.33,
// infinity above 88.73; NaN stays.
G4C_INLINE Lanes Exp(Lanes x) {
  const ExpParts parts = SplitExponent(x < -87.5f ? Splat(-87.5f) : x > 89.0f ? Splat(89.0f) : x);
  // 2^n in two factors: n = 128 is no exponent of a float.
  const IntLanes half = parts.n >> 1;
  const Lanes scale_a = reinterpret_cast<Lanes>((half + 127) << 23);
  const Lanes scale_b = reinterpret_cast<Lanes>((parts.n - half + 127) << 23);
  const Lanes result = ExpNearZero(parts.r) * scale_a * scale_b;
  return x < -87.33f ? Lanes{} : x > 88.73f ? Splat(__builtin_inff()) : result;
}

// The same for x <= 0 (or NaN): softmax needs no more.
G4C_INLINE Lanes ExpOfNegative(Lanes x) {
  const ExpParts parts = SplitExponent(x < -87.33f ? Splat(-87.33f) : x);
  const Lanes result = ExpNearZero(parts.r) * reinterpret_cast<Lanes>((parts.n + 127) << 23);
  return x < -87.33f ? Lanes{} : result;
}

}  // namespace g4c::evaluator

#endif  // EVALUATOR_VECTOR_H_
