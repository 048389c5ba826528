// Element by element. Floats are computed in f64 and rounded once.
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/reference.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::DType;
using ir::Tensor;

// result[i] = fn(x[i]), computed in C.
template <typename C, typename Fn>
Tensor Map(const Tensor& x, DType result, Fn fn) {
  Tensor out = Tensor::Allocate(result, x.dims());
  ParallelForRange(x.NumElements(), kTile, [&](int64_t begin, int64_t end) {
    C block[kBlock];
    for (int64_t i = begin; i < end; i += kBlock) {
      const absl::Span<C> span(block, std::min(kBlock, end - i));
      Read(x, i, span);
      for (C& value : span) value = fn(value);
      Write(absl::Span<const C>(span), i, out);
    }
  });
  return out;
}

// result[i] = fn(a[i], b[i]) after broadcasting to `dims`.
template <typename C, typename Fn>
Tensor Map(const Tensor& a, const Tensor& b, const ir::Dims& dims, DType result, Fn fn) {
  const Tensor wide_a = a.BroadcastTo(dims);
  const Tensor wide_b = b.BroadcastTo(dims);
  Tensor out = Tensor::Allocate(result, dims);
  ParallelForRange(out.NumElements(), kTile, [&](int64_t begin, int64_t end) {
    C block_a[kBlock], block_b[kBlock];
    for (int64_t i = begin; i < end; i += kBlock) {
      const int64_t count = std::min(kBlock, end - i);
      Read(wide_a, i, absl::MakeSpan(block_a, count));
      Read(wide_b, i, absl::MakeSpan(block_b, count));
      for (int64_t k = 0; k < count; ++k) block_a[k] = fn(block_a[k], block_b[k]);
      Write(absl::MakeConstSpan(block_a, count), i, out);
    }
  });
  return out;
}

template <typename Fn>
Results OfReal(const Operands& in, Fn fn) {
  return One(Map<double>(in[0], in.dtype(), fn));
}

// fn is generic over the arithmetic type.
template <typename Fn>
Results OfNumber(const Operands& in, Fn fn) {
  return WithArithmetic(in[0].dtype(),
                        [&](auto c) { return One(Map<decltype(c)>(in[0], in.dtype(), fn)); });
}

template <typename Fn>
Tensor Binary(const Operands& in, Fn fn) {
  return WithArithmetic(in[0].dtype(), [&](auto c) {
    using C = decltype(c);
    return Map<C>(in[0], in[1], in.dims(), in.dtype(),
                  [fn](C a, C b) { return static_cast<C>(fn(a, b)); });
  });
}

absl::Status NeedNoZero(const Operands& in) {
  if (ir::IsFloat(in[1].dtype()) || ir::NumElements(in.dims()) == 0) return absl::OkStatus();
  const std::vector<int64_t> divisors = in[1].Ints();
  for (size_t i = 0; i < divisors.size(); ++i) {
    if (divisors[i] == 0)
      return InvalidInput("integer division by zero: element ", i, " of the divisor");
  }
  return absl::OkStatus();
}

template <typename C>
C Quotient(C a, C b) {
  if constexpr (std::is_same_v<C, int64_t>) {
    if (b == -1) return WrappingSub<C>(0, a);  // also of the lowest integer
  }
  return a / b;
}

template <typename C>
C Remainder(C a, C b, bool fmod) {
  if constexpr (std::is_same_v<C, double>) {
    const double r = std::fmod(a, b);
    return !fmod && r != 0 && (r < 0) != (b < 0) ? r + b : r;
  } else {
    if constexpr (std::is_same_v<C, int64_t>) {
      if (b == -1) return 0;
      const C r = a % b;
      return !fmod && r != 0 && (r < 0) != (b < 0) ? r + b : r;
    }
    return a % b;
  }
}

// Integers: modulo 2^64; a negative exponent gives the power cut to an integer (0 but for the bases
// 1 and -1).
template <typename C>
C Power(C base, C exponent) {
  if constexpr (std::is_same_v<C, double>) {
    return std::pow(base, exponent);
  } else {
    if constexpr (std::is_same_v<C, int64_t>) {
      if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
    }
    C result = 1;
    for (uint64_t rest = exponent; rest != 0; rest >>= 1) {
      if (rest & 1) result = WrappingMul(result, base);
      base = WrappingMul(base, base);
    }
    return result;
  }
}

// A float as x86 converts it: towards zero; what does not fit (and NaN) is the lowest integer of 32
// bits for dtypes of at most 32 bits (of which narrower ones keep the low bits), else of 64.
int64_t TruncatedTo(DType dtype, double x) {
  const bool wide = ir::BitWidth(dtype) > 32 || dtype == DType::kU32;
  if (dtype == DType::kU64 && x >= 0x1p63 && x < 0x1p64) {
    return static_cast<int64_t>(static_cast<uint64_t>(x));
  }
  const double limit = wide ? 0x1p63 : 0x1p31;
  if (!(x > -limit - (wide ? 0 : 1) && x < limit)) {
    return wide ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int32_t>::min();
  }
  return static_cast<int64_t>(x);
}

}  // namespace

Results Activated(ir::Activation activation, Tensor x) {
  const auto clamped = [&](int64_t low, int64_t high) {
    return WithArithmetic(x.dtype(), [&](auto c) {
      using C = decltype(c);
      if constexpr (std::is_same_v<C, uint64_t>) low = std::max<int64_t>(low, 0);
      return One(Map<C>(x, x.dtype(), [=](C v) { return std::min<C>(std::max<C>(v, low), high); }));
    });
  };
  switch (activation) {
    case ir::Activation::kNone:
      return One(std::move(x));
    case ir::Activation::kRelu:
      return WithArithmetic(x.dtype(), [&](auto c) {
        using C = decltype(c);
        return One(Map<C>(x, x.dtype(), [](C v) { return std::max<C>(v, 0); }));
      });
    case ir::Activation::kRelu6:
      return clamped(0, 6);
    case ir::Activation::kReluN1To1:
      return clamped(-1, 1);
    case ir::Activation::kTanh:
      if (!ir::IsFloat(x.dtype())) break;
      return One(Map<double>(x, x.dtype(), [](double v) { return std::tanh(v); }));
    case ir::Activation::kSignBit:
      if (!ir::IsFloat(x.dtype())) break;
      return One(Map<double>(x, x.dtype(), [](double v) { return std::signbit(v) ? 1.0 : 0.0; }));
  }
  return Unsupported("a fused activation '",
                     ir::EnumNames(activation)[static_cast<int>(activation)], "' of ",
                     ir::DTypeName(x.dtype()));
}

#define REAL_OP(Name, expression)                             \
  Results Evaluate(const ir::Name&, const Operands& in) {     \
    return OfReal(in, [](double x) { return (expression); }); \
  }
REAL_OP(Ceil, std::ceil(x))
REAL_OP(Cos, std::cos(x))
REAL_OP(Erf, std::erf(x))
REAL_OP(Exp, std::exp(x))
REAL_OP(Floor, std::floor(x))
REAL_OP(Log, std::log(x))
REAL_OP(Logistic, 1 / (1 + std::exp(-x)))
REAL_OP(Round, std::rint(x))
REAL_OP(Rsqrt, 1 / std::sqrt(x))
REAL_OP(Sin, std::sin(x))
REAL_OP(Sqrt, std::sqrt(x))
REAL_OP(Tanh, std::tanh(x))
#undef REAL_OP

#define NUMBER_OP(Name, expression)                       \
  Results Evaluate(const ir::Name&, const Operands& in) { \
    return OfNumber(in, [](auto x) {                      \
      using C = decltype(x);                              \
      return static_cast<C>(expression);                  \
    });                                                   \
  }
NUMBER_OP(Abs, x < C{0} ? WrappingSub(C{0}, x) : x + C{0})
NUMBER_OP(Neg, (std::is_same_v<C, double> ? -x : WrappingSub(C{0}, x)))
NUMBER_OP(Relu, x < C{0} ? C{0} : x)
NUMBER_OP(Sign, x > C{0} ? C{1} : x < C{0} ? static_cast<C>(-1) : x)
NUMBER_OP(Square, WrappingMul(x, x))
#undef NUMBER_OP

#define BINARY_OP(Name, expression)                                      \
  Results Evaluate(const ir::Name&, const Operands& in) {                \
    return One(Binary(in, [](auto a, auto b) { return (expression); })); \
  }
BINARY_OP(Equal, a == b)
BINARY_OP(Greater, a > b)
BINARY_OP(GreaterEqual, a >= b)
BINARY_OP(Less, a < b)
BINARY_OP(LessEqual, a <= b)
BINARY_OP(LogicalAnd, a != 0 && b != 0)
BINARY_OP(LogicalOr, a != 0 || b != 0)
BINARY_OP(LogicalXor, (a != 0) != (b != 0))
BINARY_OP(Maximum, LargerOf(a, b))
BINARY_OP(Minimum, SmallerOf(a, b))
BINARY_OP(NotEqual, a != b)
BINARY_OP(Pow, Power(a, b))
BINARY_OP(SquaredDifference, WrappingMul(WrappingSub(a, b), WrappingSub(a, b)))
#undef BINARY_OP

Results Evaluate(const ir::Add& op, const Operands& in) {
  return Activated(op.activation, Binary(in, [](auto a, auto b) { return WrappingAdd(a, b); }));
}
Results Evaluate(const ir::Sub& op, const Operands& in) {
  return Activated(op.activation, Binary(in, [](auto a, auto b) { return WrappingSub(a, b); }));
}
Results Evaluate(const ir::Mul& op, const Operands& in) {
  return Activated(op.activation, Binary(in, [](auto a, auto b) { return WrappingMul(a, b); }));
}
Results Evaluate(const ir::Div& op, const Operands& in) {
  RETURN_IF_ERROR(NeedNoZero(in));
  return Activated(op.activation, Binary(in, [](auto a, auto b) { return Quotient(a, b); }));
}

Results Evaluate(const ir::Mod& op, const Operands& in) {
  RETURN_IF_ERROR(NeedNoZero(in));
  return One(Binary(in, [fmod = op.fmod](auto a, auto b) { return Remainder(a, b, fmod); }));
}

Results Evaluate(const ir::LogicalNot&, const Operands& in) {
  return OfNumber(in, [](auto x) { return static_cast<decltype(x)>(x == 0); });
}

Results Evaluate(const ir::IsNan&, const Operands& in) {
  return OfReal(in, [](double x) { return std::isnan(x) ? 1.0 : 0.0; });
}

Results Evaluate(const ir::Clamp& op, const Operands& in) {
  return OfReal(in, [op](double x) { return x < op.min ? op.min : x > op.max ? op.max : x; });
}

Results Evaluate(const ir::Gelu& op, const Operands& in) {
  if (!op.approximate)
    return OfReal(in, [](double x) { return 0.5 * x * std::erfc(-x * M_SQRT1_2); });
  return OfReal(in, [](double x) {
    const double inner = M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x);
    return 0.5 * x * (1 + std::tanh(inner));
  });
}

Results Evaluate(const ir::Cast& op, const Operands& in) {
  const Tensor& x = in[0];
  if (ir::IsFloat(op.to) && op.to != DType::kF32) {
    return Unsupported("a cast to ", ir::DTypeName(op.to), ": numbers are f32 here");
  }
  if (x.dtype() == op.to) return One(x);
  if (ir::IsFloat(x.dtype()) && ir::IsInteger(op.to)) {
    Tensor out = Tensor::Allocate(op.to, x.dims());
    ParallelForRange(x.NumElements(), kBlock, [&](int64_t begin, int64_t end) {
      double reals[kBlock];
      int64_t integers[kBlock];
      Read(x, begin, absl::MakeSpan(reals, end - begin));
      for (int64_t i = 0; i < end - begin; ++i) integers[i] = TruncatedTo(op.to, reals[i]);
      Write(absl::MakeConstSpan(integers, end - begin), begin, out);
    });
    return One(std::move(out));
  }
  if (x.dtype() == DType::kBool) {
    return One(Map<int64_t>(x, op.to, [](int64_t v) { return v != 0 ? 1 : 0; }));
  }
  return WithArithmetic(
      x.dtype(), [&](auto c) { return One(Map<decltype(c)>(x, op.to, [](auto v) { return v; })); });
}

Results Evaluate(const ir::Select&, const Operands& in) {
  const Tensor condition = RowMajor(in[0].BroadcastTo(in.dims()));
  const Tensor a = RowMajor(in[1].BroadcastTo(in.dims()));
  const Tensor b = RowMajor(in[2].BroadcastTo(in.dims()));
  Tensor out = Tensor::Allocate(in.dtype(), in.dims());
  WithWidth(ir::ByteWidth(in.dtype()), [&](auto width) {
    using T = decltype(width);
    const uint8_t* choose = condition.data<uint8_t>();
    T* to = out.mutable_data<T>();
    for (int64_t i = 0; i < out.NumElements(); ++i)
      to[i] = choose[i] != 0 ? a.data<T>()[i] : b.data<T>()[i];
  });
  return One(std::move(out));
}

Results Evaluate(const ir::Quantize&, const Operands& in) { return One(in[0]); }
Results Evaluate(const ir::Dequantize&, const Operands& in) { return One(in[0]); }

}  // namespace g4c::evaluator
