// The element-by-element rules of LiteRT's kernels, on stored operands (docs/integer_semantics.md,
// "As LiteRT rounds").
#ifndef EVALUATOR_LITERT_ELEMENTWISE_H_
#define EVALUATOR_LITERT_ELEMENTWISE_H_

#include <cstdint>
#include <functional>

#include "evaluator/integer_node.h"
#include "evaluator/litert_arithmetic.h"

namespace g4c::evaluator {

// The stored result of two stored operands.
using PairRule = std::function<int64_t(int64_t a, int64_t b)>;

// How an addition brings its operands to common steps, which depends on how they are broadcast; a
// subtraction always by kTwice.
LitertScaling LitertAddOperands(ir::DType dtype, const ir::Dims& a, const ir::Dims& b);
// s_a d_a + sign s_b d_b
PairRule LitertSum(const Affine& a, const Affine& b, int sign, LitertScaling operands,
                   const Affine& out, const StoredRange& range);
// s_a d_a s_b d_b
PairRule LitertProduct(const Affine& a, const Affine& b, const Affine& out,
                       const StoredRange& range);
// (s_a d_a - s_b d_b)^2
PairRule LitertSquaredDifference(const Affine& a, const Affine& b, const Affine& out);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_LITERT_ELEMENTWISE_H_
