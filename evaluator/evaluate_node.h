// What one operator computes: the reference that constant folding, tests and the executors share.
#ifndef EVALUATOR_EVALUATE_NODE_H_
#define EVALUATOR_EVALUATE_NODE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// No operator may produce more bytes than this in one result; what asks for more is refused before
// it is allocated.
inline constexpr int64_t kMaxResultBytes = int64_t{16} << 30;

// The results of `op` on real numbers, integers and Booleans. inputs[i] is null where the operand
// is omitted; of `choose` and `sequence_item` also where it is not the chosen one.
//
// Operands may be any views. f16, bf16 and f64 operands are read as f32; operators that move one
// operand's data keep its dtype and return views where strides can say the result. Sums are
// accumulated in f64 (integers: modulo 2^64), so that a result differs from the exact one by about
// one rounding to f32. quantize and dequantize are the identity here.
//
// InvalidInput: operands that contradict the operator's shape rule, an index out of range, an
// integer division by zero, a result larger than kMaxResultBytes. Unsupported: foreign. Messages do
// not name the node; callers prefix it.
absl::StatusOr<std::vector<ir::Tensor>> EvaluateNode(const ir::Op& op,
                                                     absl::Span<const ir::Tensor* const> inputs,
                                                     int num_outputs);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_EVALUATE_NODE_H_
