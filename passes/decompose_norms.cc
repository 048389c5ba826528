// layer_norm and rms_norm_axes.
#include "ir/resolve.h"
#include "passes/decompose_composites.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {

using ir::Dims;
using ir::Graph;
using ir::ValueId;

absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::LayerNorm& op) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  const ValueId x = inputs[0];
  const int rank = graph.value(x).type.shape.rank();
  ASSIGN_OR_RETURN(const int first, ir::NormalizeAxis(op.axis, rank));
  ir::Ints axes;
  for (int axis = first; axis < rank; ++axis) axes.push_back(axis);

  RewriteBuilder build(graph, y);
  const ValueId centred = build.Add(ir::Sub{}, {x, build.Add(ir::ReduceMean{axes, true}, {x})});
  const ValueId variance =
      build.Add(ir::ReduceMean{axes, true}, {build.Add(ir::Square{}, {centred})});
  const ValueId inverse =
      build.Add(ir::Rsqrt{}, {build.Add(ir::Add{}, {variance, build.Number(op.epsilon)})});
  ValueId out = build.Add(ir::Mul{}, {centred, inverse});
  if (inputs.size() > 1 && inputs[1] != ir::kNoValue) out = build.Add(ir::Mul{}, {out, inputs[1]});
  if (inputs.size() > 2 && inputs[2] != ir::kNoValue) out = build.Add(ir::Add{}, {out, inputs[2]});
  RETURN_IF_ERROR(build.Finish(out));
  return true;
}

// Over several axes: the same numbers with those axes as one. A gain that is no vector over exactly
// these axes multiplies afterwards.
absl::StatusOr<bool> Decompose(Graph& graph, ValueId y, const ir::RmsNormAxes& op) {
  const std::vector<ValueId> inputs = graph.Producer(y)->inputs;
  const ValueId x = inputs[0];
  const Dims dims = graph.value(x).type.shape.dims();
  ASSIGN_OR_RETURN(const int first, ir::NormalizeAxis(op.axis, static_cast<int>(dims.size())));
  const Dims normed(dims.begin() + first, dims.end());
  const int64_t channels = ir::NumElements(normed);
  Dims flat(dims.begin(), dims.begin() + first);
  flat.push_back(channels);

  RewriteBuilder build(graph, y);
  const bool has_gain = inputs.size() > 1 && inputs[1] != ir::kNoValue;
  const bool fits = has_gain && build.DimsOf(inputs[1]) == normed && graph.IsConstant(inputs[1]);
  std::vector<ValueId> operands = {build.Reshape(x, flat)};
  if (fits) operands.push_back(build.Reshape(inputs[1], {channels}));
  ValueId out = build.Reshape(build.Add(ir::RmsNorm{op.epsilon}, operands), dims);
  if (has_gain && !fits) out = build.Add(ir::Mul{}, {out, inputs[1]});
  RETURN_IF_ERROR(build.Finish(out));
  return true;
}

}  // namespace g4c::passes
