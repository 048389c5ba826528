// conv that cuts the input into patches: kernel = stride, no padding, one group.
#include "ir/resolve.h"
#include "passes/decompose_composites.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::ValueId;

// x [N, C, o_1 k_1, ...] -> [N, C, o_1, k_1, ...] -> [N, o_1, ..., C, k_1, ...] -> [N, o_1, ..., C
// k_1 ...]
//   -> fully_connected -> [N, o_1, ..., M] -> [N, M, o_1, ...]
absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::Conv& op) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  const Dims dims = graph.value(inputs[0]).type.shape.dims();
  const Dims weight = graph.value(inputs[1]).type.shape.dims();
  ASSIGN_OR_RETURN(
      const ir::ConvWindow window,
      ir::ResolveConv(op, graph.value(inputs[0]).type.shape, graph.value(inputs[1]).type.shape));
  const size_t spatial = window.kernel.size();
  if (op.group != 1 || window.kernel != window.strides) return false;
  for (size_t i = 0; i < spatial; ++i) {
    if (window.pads_before[i] != 0 || window.pads_after[i] != 0) return false;
    if (window.dilations[i] != 1 && window.kernel[i] != 1) return false;
  }

  RewriteBuilder build(graph, y);
  ValueId x = inputs[0];
  Dims cut = {dims[0], dims[1]};
  Ints perm = {0};
  Dims patches = {dims[0]};
  int64_t patch = dims[1];
  for (size_t i = 0; i < spatial; ++i) {
    // What is left over at the end of an axis is not read.
    x = build.Slice(x, static_cast<int>(2 + i), 0, window.out[i] * window.kernel[i]);
    cut.push_back(window.out[i]);
    cut.push_back(window.kernel[i]);
    perm.push_back(static_cast<int64_t>(2 + 2 * i));
    patches.push_back(window.out[i]);
    patch *= window.kernel[i];
  }
  perm.push_back(1);
  for (size_t i = 0; i < spatial; ++i) perm.push_back(static_cast<int64_t>(3 + 2 * i));
  patches.push_back(patch);
  const ValueId rows = build.Reshape(build.Transpose(build.Reshape(x, cut), perm), patches);
  std::vector<ValueId> operands = {rows, build.Reshape(inputs[1], {weight[0], patch}),
                                   ir::kNoValue};
  if (inputs.size() > 2) operands[2] = inputs[2];
  const ValueId columns = build.Add(ir::FullyConnected{}, operands);
  Ints back = {0, static_cast<int64_t>(1 + spatial)};
  for (size_t i = 0; i < spatial; ++i) back.push_back(static_cast<int64_t>(1 + i));
  RETURN_IF_ERROR(build.Finish(build.Transpose(columns, back)));
  return true;
}

}  // namespace g4c::passes
