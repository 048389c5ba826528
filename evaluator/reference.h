// The plain loops behind EvaluateNode: one free function an operator, tensors and attributes in,
// tensors out.
//
// Written to be read, not to be fast; evaluator/fast_*.h has the fast ones. Operands fit the
// operator's shape rule and float operands are f32 (those of data-moving operators may be of any
// dtype): EvaluateNode has seen to both.
#ifndef EVALUATOR_REFERENCE_H_
#define EVALUATOR_REFERENCE_H_

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ir/graph.h"
#include "ir/op.h"
#include "ir/tensor.h"

namespace g4c::evaluator {

struct Operands {
  absl::Span<const ir::Tensor* const> inputs;  // null where omitted
  absl::Span<const ir::Type> results;  // what the shape rule infers; static but for non_zero

  int size() const { return static_cast<int>(inputs.size()); }
  bool Has(int i) const { return Get(i) != nullptr; }
  const ir::Tensor* Get(int i) const { return i < size() ? inputs[i] : nullptr; }
  const ir::Tensor& operator[](int i) const { return *inputs[i]; }
  ir::DType dtype() const { return results[0].dtype; }
  const ir::Dims& dims() const { return results[0].shape.dims(); }
};

using Results = absl::StatusOr<std::vector<ir::Tensor>>;

inline Results One(ir::Tensor tensor) {
  std::vector<ir::Tensor> results;
  results.push_back(std::move(tensor));
  return results;
}

// The two halves of EvaluateNode: the types of the results, checked in every way that EvaluateNode
// checks, and the results themselves.
absl::StatusOr<std::vector<ir::Type>> InferResults(const ir::Op& op,
                                                   absl::Span<const ir::Tensor* const> inputs,
                                                   int num_outputs);
Results EvaluateReference(const ir::Op& op, absl::Span<const ir::Tensor* const> inputs,
                          absl::Span<const ir::Type> results);

// InvalidInput where a result would be larger than kMaxResultBytes: for sizes that only the data
// tells.
absl::Status CheckResultSize(ir::DType dtype, const ir::Dims& dims);

// `x` after a fused activation. Unsupported for one that is none of integers.
Results Activated(ir::Activation activation, ir::Tensor x);

#define G4C_OP(Name, text, min_inputs, max_inputs, outputs, rule) \
  Results Evaluate(const ir::Name& op, const Operands& in);
#include "ir/op_table.inc"
#undef G4C_OP

}  // namespace g4c::evaluator

#endif  // EVALUATOR_REFERENCE_H_
