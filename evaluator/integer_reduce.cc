#include "evaluator/integer_reduce.h"

#include <algorithm>
#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/numeric/bits.h"
#include "base/parallel.h"
#include "evaluator/litert_arithmetic.h"

namespace g4c::evaluator {
namespace {

// What a reduction gives for a row of q - zero_point, |result| < 2^63 for up to 2^47 elements, and
// how that becomes a stored integer.
using Reduce = int64_t (*)(const std::vector<int64_t>& row);
using Store = std::function<int64_t(int64_t)>;

struct ReduceNode {
  Affine in, out;
  std::vector<int> perm;  // the reduced axes last
  int64_t length = 1;     // elements of a row
};

absl::StatusOr<ReduceNode> ReduceNodeOf(const ir::Ints& axes, const IntegerNode& node) {
  ReduceNode result;
  ASSIGN_OR_RETURN(result.in, node.InputAffine(0));
  ASSIGN_OR_RETURN(result.out, node.OutputAffine());
  const ir::Dims& dims = node.input_dims(0);
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    if (!absl::c_linear_search(axes, i)) result.perm.push_back(i);
  }
  for (const int64_t axis : axes) {
    result.perm.push_back(static_cast<int>(axis));
    result.length *= dims[axis];
  }
  return result;
}

// The row's result times `factor`, rounded once.
Store Exactly(const ReduceNode& reduce, double factor) {
  return [multiplier = QuantizeMultiplier(factor), range = reduce.out.range()](int64_t value) {
    return Rescale(value, multiplier, range);
  };
}

// The scales' ratio is divided by the row's length in fixed point.
Store LitertMean(const ReduceNode& reduce) {
  Multiplier multiplier = LitertMultiplier(reduce.in.scale / reduce.out.scale);
  const int bits =
      std::min({static_cast<int>(absl::bit_width(static_cast<uint64_t>(reduce.length))) - 1, 32,
                31 + multiplier.shift});
  multiplier.mantissa =
      static_cast<int32_t>((static_cast<int64_t>(multiplier.mantissa) << bits) / reduce.length);
  multiplier.shift -= bits;
  return [multiplier, range = reduce.out.range()](int64_t sum) {
    return range.Store(ScaleAsLitert(LitertScaling::kTwice, sum, multiplier));
  };
}

// LiteRT's 8-bit mean over axes 1 and 2 of 4 rounds what the zero point adds by itself.
Store LitertImageMean(const ReduceNode& reduce) {
  const float in = static_cast<float>(reduce.in.scale), out = static_cast<float>(reduce.out.scale);
  const float length = static_cast<float>(reduce.length);
  const int64_t raw = reduce.length * reduce.in.zero_point;
  const float zero = static_cast<float>(reduce.in.zero_point) * in / out;
  StoredRange range = reduce.out.range();
  const int64_t bias = -std::llround(zero);
  return [=, multiplier = LitertMultiplier(in / (length * out))](int64_t sum) {
    return range.Store(bias + ScaleAsLitert(LitertScaling::kTwiceUp, sum + raw, multiplier));
  };
}

IntegerKernel Kernel(const ReduceNode& node, const ir::Dims& out_dims, Reduce reduce, Store store) {
  return
      [=](absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor x = inputs[0]->Transposed(node.perm);
        ir::Tensor result = ir::Tensor::Allocate(node.out.dtype, out_dims);
        const int64_t grain =
            std::max<int64_t>(1, kIntegerBlock / std::max<int64_t>(1, node.length));
        ParallelForRange(result.NumElements(), grain, [&](int64_t begin, int64_t end) {
          std::vector<int64_t> row(node.length);
          for (int64_t r = begin; r < end; ++r) {
            x.ReadInts(r * node.length, absl::MakeSpan(row));
            for (int64_t& q : row) q -= node.in.zero_point;
            const int64_t stored = store(reduce(row));
            StoreInts({&stored, 1}, r, result);
          }
        });
        return std::vector<ir::Tensor>{std::move(result)};
      };
}

int64_t Sum(const std::vector<int64_t>& row) {
  int64_t sum = 0;
  for (const int64_t q : row) sum += q;
  return sum;
}

int64_t Max(const std::vector<int64_t>& row) { return *std::max_element(row.begin(), row.end()); }
int64_t Min(const std::vector<int64_t>& row) { return *std::min_element(row.begin(), row.end()); }

// Rescaling is monotone: the extremum of the integers is the extremum of the reals.
absl::StatusOr<IntegerKernel> PrepareExtremum(const ir::Ints& axes, const IntegerNode& node,
                                              Reduce reduce) {
  ASSIGN_OR_RETURN(const ReduceNode rows, ReduceNodeOf(axes, node));
  if (rows.length == 0) return node.NoRule("it reduces over no element");
  return Kernel(rows, node.output_dims(), reduce, Exactly(rows, rows.in.scale / rows.out.scale));
}

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceSum& op, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const ReduceNode rows, ReduceNodeOf(op.axes, node));
  return Kernel(rows, node.output_dims(), Sum, Exactly(rows, rows.in.scale / rows.out.scale));
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMean& op, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const ReduceNode rows, ReduceNodeOf(op.axes, node));
  if (rows.length == 0) return node.NoRule("it reduces over no element");
  const bool image = node.input_dims(0).size() == 4 && op.axes == ir::Ints{1, 2} && op.keep_dims &&
                     ir::BitWidth(rows.in.dtype) == 8;
  const double length = static_cast<double>(rows.length);
  return Kernel(rows, node.output_dims(), Sum,
                !node.AsLitert() ? Exactly(rows, rows.in.scale / (rows.out.scale * length))
                : image          ? LitertImageMean(rows)
                                 : LitertMean(rows));
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMax& op, const IntegerNode& node) {
  return PrepareExtremum(op.axes, node, Max);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMin& op, const IntegerNode& node) {
  return PrepareExtremum(op.axes, node, Min);
}

}  // namespace g4c::evaluator
