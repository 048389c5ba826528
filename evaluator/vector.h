// Sixteen floats at a time.
//
// The width is part of what is computed (partial sums are kept per lane), the instruction set is
// not: the compiler cuts a Lanes into what the machine has, so that results are the same bits
// everywhere. Files that include this are compiled without contraction of a * b + c
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

inline constexpr int kLanes = 16;
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

// e^x with a relative error below 2^-22 where the result is a normal number; 0 below -87.33,
// infinity above 88.73; NaN stays. x = n ln 2 + r, |r| <= ln 2 / 2 (n ln 2 in two parts, the first
// exact); e^r by its Taylor polynomial of degree 7.
G4C_INLINE Lanes Exp(Lanes x) {
  const Lanes bounded = x < -87.5f ? Splat(-87.5f) : x > 89.0f ? Splat(89.0f) : x;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low mantissa bits.
  const Lanes shifted = bounded * 1.44269504f + 12582912.0f;
  const Lanes n = shifted - 12582912.0f;
  const Lanes r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
  Lanes p = r * (1.0f / 5040) + (1.0f / 720);
  p = p * r + (1.0f / 120);
  p = p * r + (1.0f / 24);
  p = p * r + (1.0f / 6);
  p = p * r + 0.5f;
  p = (p * r) * r + r + 1.0f;
  // 2^n in two factors: n = 128 is no exponent of a float.
  const IntLanes whole = reinterpret_cast<IntLanes>(shifted) - 0x4B400000;
  const IntLanes half = whole >> 1;
  const Lanes scale_a = reinterpret_cast<Lanes>((half + 127) << 23);
  const Lanes scale_b = reinterpret_cast<Lanes>((whole - half + 127) << 23);
  const Lanes result = p * scale_a * scale_b;
  return x < -87.33f ? Lanes{} : x > 88.73f ? Splat(__builtin_inff()) : result;
}

}  // namespace g4c::evaluator

#endif  // EVALUATOR_VECTOR_H_
