// Values as polynomials of others: how a fusion recognises a formula in whatever order it is
// written.
#ifndef PASSES_POLYNOMIAL_H_
#define PASSES_POLYNOMIAL_H_

#include <map>
#include <utility>

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// The coefficient of x^i t^j at (i, j); zeros are left out.
using Polynomial = std::map<std::pair<int, int>, double>;

// `value` as a polynomial of `x` and `t` (kNoValue: of x alone), seen through add, sub, mul, neg,
// square, division by a number, and numbers. nullopt: another operator, a tensor constant, a degree
// above 4, or a formula deeper than kMaxPolynomialDepth (which bounds the recursion).
inline constexpr int kMaxPolynomialDepth = 10;
absl::optional<Polynomial> PolynomialOf(const ir::Graph& graph, ir::ValueId value, ir::ValueId x,
                                        ir::ValueId t);

// Whether both have the same terms with coefficients within a relative error.
bool SamePolynomial(const Polynomial& a, const Polynomial& b, double relative);

}  // namespace g4c::passes

#endif  // PASSES_POLYNOMIAL_H_
