#include "ir/elementwise.h"

namespace g4c::ir {
namespace {

template <typename... OpTypes>
bool IsOneOf(const Op& op) {
  return (std::holds_alternative<OpTypes>(op) || ...);
}

}  // namespace

bool IsElementwise(const Op& op) {
  return IsOneOf<Abs, Ceil, Cos, Erf, Exp, Floor, IsNan, Logistic, Log, LogicalNot, Neg, Relu,
                 Round, Rsqrt, Sign, Sin, Sqrt, Square, Tanh, Add, Sub, Mul, Div, Pow, Maximum,
                 Minimum, SquaredDifference, LogicalAnd, LogicalOr, LogicalXor, Equal, NotEqual,
                 Greater, GreaterEqual, Less, LessEqual, Mod, Select, Clamp, Cast, Gelu>(op);
}

}  // namespace g4c::ir
