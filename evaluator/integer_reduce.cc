#include "evaluator/integer_reduce.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "base/parallel.h"

namespace g4c::evaluator {
namespace {

// `factor`: what a sum of (q - zero_point), or the extremum of it, is multiplied with; a real
// number. reduce(row of q - zero_point) -> int64, |result| < 2^63 for up to 2^47 elements.
template <typename Reduce>
absl::StatusOr<IntegerKernel> Prepare(const ir::Ints& axes, const IntegerNode& node, bool mean,
                                      bool needs_elements, Reduce reduce) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  // The reduced axes go last.
  const ir::Dims& dims = node.input_dims(0);
  std::vector<int> perm;
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    if (!absl::c_linear_search(axes, i)) perm.push_back(i);
  }
  int64_t length = 1;
  for (const int64_t axis : axes) {
    perm.push_back(static_cast<int>(axis));
    length *= dims[axis];
  }
  if (length == 0 && needs_elements) return node.NoRule("it reduces over no element");
  const double divisor = mean ? static_cast<double>(length) : 1.0;
  const Multiplier multiplier = QuantizeMultiplier(in.scale / (out.scale * divisor));
  return IntegerKernel(
      [=, out_dims = node.output_dims()](
          absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor x = inputs[0]->Transposed(perm);
        ir::Tensor result = ir::Tensor::Allocate(out.dtype, out_dims);
        const int64_t grain = std::max<int64_t>(1, kIntegerBlock / std::max<int64_t>(1, length));
        ParallelForRange(result.NumElements(), grain, [&](int64_t begin, int64_t end) {
          std::vector<int64_t> row(length);
          for (int64_t r = begin; r < end; ++r) {
            x.ReadInts(r * length, absl::MakeSpan(row));
            for (int64_t& q : row) q -= in.zero_point;
            const int64_t stored = Rescale(reduce(row), multiplier, out.range());
            StoreInts({&stored, 1}, r, result);
          }
        });
        return std::vector<ir::Tensor>{std::move(result)};
      });
}

int64_t Sum(const std::vector<int64_t>& row) {
  int64_t sum = 0;
  for (const int64_t q : row) sum += q;
  return sum;
}

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceSum& op, const IntegerNode& node) {
  return Prepare(op.axes, node, /*mean=*/false, /*needs_elements=*/false, Sum);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMean& op, const IntegerNode& node) {
  return Prepare(op.axes, node, /*mean=*/true, /*needs_elements=*/true, Sum);
}
// Rescaling is monotone: the extremum of the integers is the extremum of the reals.
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMax& op, const IntegerNode& node) {
  return Prepare(
      op.axes, node, /*mean=*/false, /*needs_elements=*/true,
      [](const std::vector<int64_t>& row) { return *std::max_element(row.begin(), row.end()); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::ReduceMin& op, const IntegerNode& node) {
  return Prepare(
      op.axes, node, /*mean=*/false, /*needs_elements=*/true,
      [](const std::vector<int64_t>& row) { return *std::min_element(row.begin(), row.end()); });
}

}  // namespace g4c::evaluator
