#include "passes/rewrite_builder.h"

#include <numeric>
#include <utility>

namespace g4c::passes {

using ir::Dims;
using ir::Ints;
using ir::ValueId;

RewriteBuilder::RewriteBuilder(ir::Graph& graph, ValueId replaced)
    : graph_(graph),
      replaced_(replaced),
      name_(graph.value(replaced).name),
      provenance_(graph.Producer(replaced)->provenance),
      first_new_(graph.num_values()) {}

ValueId RewriteBuilder::Add(ir::Op op, std::vector<ValueId> inputs) {
  if (!status_.ok()) return ir::kNoValue;
  const std::string name = absl::StrCat(name_, "_", ir::OpName(op));
  absl::StatusOr<ValueId> value =
      graph_.AddInferred(std::move(op), std::move(inputs), name, provenance_);
  if (!value.ok()) {
    Fail(value.status());
    return ir::kNoValue;
  }
  return *value;
}

ValueId RewriteBuilder::Number(float number) { return Constant(ir::Tensor::ScalarF32(number)); }

ValueId RewriteBuilder::Constant(ir::Tensor data) {
  return graph_.AddConstant(absl::StrCat(name_, "_constant"), std::move(data));
}

ValueId RewriteBuilder::Reshape(ValueId x, Dims dims) {
  if (!status_.ok() || DimsOf(x) == dims) return x;
  return Add(ir::Reshape{std::move(dims)}, {x});
}

ValueId RewriteBuilder::Transpose(ValueId x, Ints perm) {
  if (!status_.ok()) return x;
  Ints identity(perm.size());
  std::iota(identity.begin(), identity.end(), 0);
  return perm == identity ? x : Add(ir::Transpose{std::move(perm)}, {x});
}

ValueId RewriteBuilder::Swap(ValueId x) {
  if (!status_.ok()) return x;
  Ints perm(DimsOf(x).size());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 2], perm[perm.size() - 1]);
  return Transpose(x, std::move(perm));
}

ValueId RewriteBuilder::Broadcast(ValueId x, Dims dims) {
  if (!status_.ok() || DimsOf(x) == dims) return x;
  return Add(ir::BroadcastTo{std::move(dims)}, {x});
}

ValueId RewriteBuilder::Slice(ValueId x, int axis, int64_t begin, int64_t size) {
  if (!status_.ok() || DimsOf(x)[axis] == size) return x;
  const Dims& dims = DimsOf(x);
  ir::Slice slice{Ints(dims.size(), 0), dims, Ints(dims.size(), 1)};
  slice.begin[axis] = begin;
  slice.size[axis] = size;
  return Add(std::move(slice), {x});
}

ValueId RewriteBuilder::Scale(ValueId x, float k) {
  return !status_.ok() || k == 1.0f ? x : Add(ir::Mul{}, {x, Number(k)});
}

absl::Status RewriteBuilder::Finish(ValueId y) {
  RETURN_IF_ERROR(status_);
  RETURN_IF_ERROR(graph_.ReplaceAllUses(replaced_, y));
  if (y < first_new_ || graph_.value(y).producer == ir::kNoNode) return absl::OkStatus();
  graph_.SwapNames(replaced_, y);
  graph_.SetQuantization(y, graph_.value(replaced_).quantization,
                         graph_.value(replaced_).quant_origin);
  return absl::OkStatus();
}

}  // namespace g4c::passes
