// Exact integer products of matrices of at most 16-bit elements: the inner loops of fully_connected
// and batch_matmul.
#ifndef EVALUATOR_INTEGER_DOT_H_
#define EVALUATOR_INTEGER_DOT_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

// The integers of a [rows, depth] operand as int16, without their zero points: sums of rows let the
// caller take those off afterwards, since
//   sum (a - za)(b - zb) = sum a b - za sum b - zb sum a + depth za zb.
// u16 is held less 32768 (Offset), which its zero point then is too.
struct PackedRows {
  int64_t rows;
  int64_t depth;
  int64_t stride;   // elements from row to row: depth, made even by a zero
  int64_t max_abs;  // of any integer of the dtype, after the offset
  std::vector<int16_t> data;
  std::vector<int64_t> sums;  // of each row
};

inline int64_t Offset(ir::DType dtype) { return dtype == ir::DType::kU16 ? 32768 : 0; }

// `matrix`: rank 2, an integer dtype of at most 16 bits, any strides.
PackedRows PackRows(const ir::Tensor& matrix);

// Calls finish(row, column_begin, sums) with sums[j] = dot(a's row, b's row column_begin + j), each
// pair once, in parallel; at most kMaxSums of them at a time. Requires a.depth == b.depth < 2^31;
// sums are exact: below 2^30 x 2^31.
inline constexpr int64_t kMaxSums = 64;
void MultiplyRows(
    const PackedRows& a, const PackedRows& b,
    absl::FunctionRef<void(int64_t row, int64_t column_begin, absl::Span<int64_t> sums)> finish);

}  // namespace g4c::evaluator

#endif  // EVALUATOR_INTEGER_DOT_H_
