#include "passes/polynomial.h"

#include <algorithm>

#include "passes/matchers.h"

namespace g4c::passes {
namespace {

constexpr int kMaxDegree = 4;

Polynomial Scaled(Polynomial p, double k) {
  for (auto& [powers, coefficient] : p) coefficient *= k;
  return p;
}

Polynomial Sum(Polynomial a, const Polynomial& b) {
  for (const auto& [powers, coefficient] : b) a[powers] += coefficient;
  return a;
}

absl::optional<Polynomial> Product(const Polynomial& a, const Polynomial& b) {
  Polynomial product;
  for (const auto& [p, c] : a) {
    for (const auto& [q, d] : b) {
      if (p.first + q.first > kMaxDegree || p.second + q.second > kMaxDegree) return absl::nullopt;
      product[{p.first + q.first, p.second + q.second}] += c * d;
    }
  }
  return product;
}

absl::optional<Polynomial> Visit(const ir::Graph& graph, ir::ValueId value, ir::ValueId x,
                                 ir::ValueId t, int depth) {
  if (value == x) return Polynomial{{{1, 0}, 1.0}};
  if (value == t) return Polynomial{{{0, 1}, 1.0}};
  if (const absl::optional<float> number = UniformFloat(graph, value))
    return Polynomial{{{0, 0}, *number}};
  if (depth == 0) return absl::nullopt;
  const auto of = [&](ir::ValueId operand) { return Visit(graph, operand, x, t, depth - 1); };
  if (const ir::ValueId operand = OperandOf<ir::Neg>(graph, value); operand != ir::kNoValue) {
    const absl::optional<Polynomial> p = of(operand);
    return p ? absl::optional<Polynomial>(Scaled(*p, -1)) : absl::nullopt;
  }
  if (const ir::ValueId operand = OperandOf<ir::Square>(graph, value); operand != ir::kNoValue) {
    const absl::optional<Polynomial> p = of(operand);
    return p ? Product(*p, *p) : absl::nullopt;
  }
  const auto binary = [&](absl::optional<Operands> operands,
                          auto combine) -> absl::optional<Polynomial> {
    const absl::optional<Polynomial> a = of(operands->a);
    if (!a) return absl::nullopt;
    const absl::optional<Polynomial> b = of(operands->b);
    if (!b) return absl::nullopt;
    return combine(*a, *b);
  };
  using Result = absl::optional<Polynomial>;
  if (const auto operands = OperandsOf<ir::Add>(graph, value)) {
    return binary(operands,
                  [](const Polynomial& a, const Polynomial& b) { return Result(Sum(a, b)); });
  }
  if (const auto operands = OperandsOf<ir::Sub>(graph, value)) {
    return binary(operands, [](const Polynomial& a, const Polynomial& b) {
      return Result(Sum(a, Scaled(b, -1)));
    });
  }
  if (const auto operands = OperandsOf<ir::Mul>(graph, value)) {
    return binary(operands, [](const Polynomial& a, const Polynomial& b) { return Product(a, b); });
  }
  if (const auto quotient = NumberOperandOf<ir::Div>(graph, value, /*commutes=*/false)) {
    const absl::optional<Polynomial> p = of(quotient->x);
    if (!p || quotient->k == 0) return absl::nullopt;
    return Scaled(*p, 1.0 / quotient->k);
  }
  return absl::nullopt;
}

}  // namespace

absl::optional<Polynomial> PolynomialOf(const ir::Graph& graph, ir::ValueId value, ir::ValueId x,
                                        ir::ValueId t) {
  absl::optional<Polynomial> p = Visit(graph, value, x, t, kMaxPolynomialDepth);
  if (p) std::erase_if(*p, [](const auto& term) { return term.second == 0; });
  return p;
}

bool SamePolynomial(const Polynomial& a, const Polynomial& b, double relative) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](const auto& p, const auto& q) {
           return p.first == q.first && Near(p.second, q.second, relative);
         });
}

}  // namespace g4c::passes
