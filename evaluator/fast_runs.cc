#include "evaluator/fast_runs.h"

#include <cmath>

#include "evaluator/elements.h"
#include "evaluator/fast_rows.h"
#include "evaluator/vector.h"

namespace g4c::evaluator {
namespace {

#define G4C_LAMBDA __attribute__((always_inline))

template <typename Fn>
G4C_INLINE void EachLanes(const float* in, float* out, int64_t count, Fn fn) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Store(fn(Load(in + i)), out + i);
  if (i < count) StorePart(fn(LoadPart(in + i, count - i, 0.0f)), out + i, count - i);
}

G4C_VECTORISED void NegRun(const float* in, float* out, int64_t count, float, float) {
  EachLanes(in, out, count, [](Lanes x) G4C_LAMBDA { return -x; });
}
G4C_VECTORISED void AbsRun(const float* in, float* out, int64_t count, float, float) {
  EachLanes(in, out, count, [](Lanes x) G4C_LAMBDA { return Magnitude(x); });
}
G4C_VECTORISED void SquareRun(const float* in, float* out, int64_t count, float, float) {
  EachLanes(in, out, count, [](Lanes x) G4C_LAMBDA { return x * x; });
}
G4C_VECTORISED void ClampRun(const float* in, float* out, int64_t count, float low, float high) {
  EachLanes(in, out, count, [low, high](Lanes x) G4C_LAMBDA {
    const Lanes raised = x < low ? Splat(low) : x;
    return raised > high ? Splat(high) : raised;
  });
}
void SqrtRun(const float* in, float* out, int64_t count, float, float) {
  for (int64_t i = 0; i < count; ++i) out[i] = std::sqrt(in[i]);
}
void RsqrtRun(const float* in, float* out, int64_t count, float, float) {
  for (int64_t i = 0; i < count; ++i) out[i] = 1.0f / std::sqrt(in[i]);
}

// A kernel of fast_rows.h, which has no attributes.
template <void (*kRun)(const float*, float*, int64_t)>
void Plain(const float* in, float* out, int64_t count, float, float) {
  kRun(in, out, count);
}

template <typename Fn, typename ScalarFn>
G4C_INLINE void PairsOfLanes(const float* a, int64_t step_a, const float* b, int64_t step_b,
                             float* out, int64_t count, Fn fn, ScalarFn scalar) {
  int64_t i = 0;
  if (step_a == 1 && step_b == 1) {
    for (; i + kLanes <= count; i += kLanes) Store(fn(Load(a + i), Load(b + i)), out + i);
  } else if (step_a == 1 && step_b == 0) {
    const Lanes right = Splat(*b);
    for (; i + kLanes <= count; i += kLanes) Store(fn(Load(a + i), right), out + i);
  } else if (step_a == 0 && step_b == 1) {
    const Lanes left = Splat(*a);
    for (; i + kLanes <= count; i += kLanes) Store(fn(left, Load(b + i)), out + i);
  }
  for (; i < count; ++i) out[i] = scalar(a[i * step_a], b[i * step_b]);
}

#define G4C_BINARY(Name, expression)                                                              \
  G4C_VECTORISED void Name(const float* a, int64_t step_a, const float* b, int64_t step_b,        \
                           float* out, int64_t count) {                                           \
    PairsOfLanes(                                                                                 \
        a, step_a, b, step_b, out, count, [](Lanes x, Lanes y) G4C_LAMBDA { return expression; }, \
        [](float x, float y) G4C_LAMBDA { return expression; });                                  \
  }
G4C_BINARY(AddRun, x + y)
G4C_BINARY(SubRun, x - y)
G4C_BINARY(MulRun, x* y)
G4C_BINARY(DivRun, x / y)
G4C_BINARY(SquaredDifferenceRun, (x - y) * (x - y))
// NaN where one is NaN.
G4C_BINARY(MaximumRun, (x != x) | (x > y) ? x : y)
G4C_BINARY(MinimumRun, (x != x) | (x < y) ? x : y)
#undef G4C_BINARY

template <typename Op>
bool IsPlain(const ir::Op& op) {
  const auto* plain = std::get_if<Op>(&op);
  return plain != nullptr && plain->activation == ir::Activation::kNone;
}

}  // namespace

absl::optional<UnaryKernel> UnaryKernelOf(const ir::Op& op) {
  if (const auto* gelu = std::get_if<ir::Gelu>(&op)) {
    return UnaryKernel{gelu->approximate ? Plain<GeluTanhRun> : Plain<GeluErfRun>};
  }
  if (const auto* clamp = std::get_if<ir::Clamp>(&op)) {
    return UnaryKernel{ClampRun, clamp->min, clamp->max};
  }
  if (std::holds_alternative<ir::Relu>(op)) return UnaryKernel{ClampRun, 0, __builtin_inff()};
  if (std::holds_alternative<ir::Exp>(op)) return UnaryKernel{Plain<ExpRun>};
  if (std::holds_alternative<ir::Tanh>(op)) return UnaryKernel{Plain<TanhRun>};
  if (std::holds_alternative<ir::Logistic>(op)) return UnaryKernel{Plain<LogisticRun>};
  if (std::holds_alternative<ir::Erf>(op)) return UnaryKernel{Plain<ErfRun>};
  if (std::holds_alternative<ir::Neg>(op)) return UnaryKernel{NegRun};
  if (std::holds_alternative<ir::Abs>(op)) return UnaryKernel{AbsRun};
  if (std::holds_alternative<ir::Square>(op)) return UnaryKernel{SquareRun};
  if (std::holds_alternative<ir::Sqrt>(op)) return UnaryKernel{SqrtRun};
  if (std::holds_alternative<ir::Rsqrt>(op)) return UnaryKernel{RsqrtRun};
  return absl::nullopt;
}

BinaryKernel BinaryKernelOf(const ir::Op& op) {
  if (IsPlain<ir::Add>(op)) return AddRun;
  if (IsPlain<ir::Sub>(op)) return SubRun;
  if (IsPlain<ir::Mul>(op)) return MulRun;
  if (IsPlain<ir::Div>(op)) return DivRun;
  if (std::holds_alternative<ir::Maximum>(op)) return MaximumRun;
  if (std::holds_alternative<ir::Minimum>(op)) return MinimumRun;
  if (std::holds_alternative<ir::SquaredDifference>(op)) return SquaredDifferenceRun;
  return nullptr;
}

}  // namespace g4c::evaluator
