#include "passes/fuse_softmax.h"

#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// The operand of a `ReduceOp` over the last axis.
template <typename ReduceOp>
ValueId ReducedOverLast(const Graph& graph, ValueId value) {
  const auto* reduce = graph.ProducedBy<ReduceOp>(value);
  if (reduce == nullptr || !reduce->keep_dims) return ir::kNoValue;
  const ValueId x = graph.Producer(value)->inputs[0];
  return reduce->axes == ir::Ints{graph.value(x).type.shape.rank() - 1} ? x : ir::kNoValue;
}

bool FuseAt(Graph& graph, NodeId id, Report& report) {
  const ValueId y = graph.node(id).outputs[0];
  ValueId e = ir::kNoValue;
  ValueId sum = ir::kNoValue;
  if (const absl::optional<Operands> quotient = OperandsOf<ir::Div>(graph, y)) {
    e = quotient->a;
    sum = quotient->b;
  } else if (const absl::optional<Operands> product = OperandsOf<ir::Mul>(graph, y)) {
    for (const auto& [a, b] :
         {Operands{product->a, product->b}, Operands{product->b, product->a}}) {
      const absl::optional<Operands> inverse = OperandsOf<ir::Div>(graph, b);
      if (!inverse || UniformFloat(graph, inverse->a) != 1.0f) continue;
      e = a;
      sum = inverse->b;
      break;
    }
  }
  if (e == ir::kNoValue || ReducedOverLast<ir::ReduceSum>(graph, sum) != e) return false;
  const ValueId shifted = OperandOf<ir::Exp>(graph, e);
  if (shifted == ir::kNoValue) return false;
  ValueId x = shifted;
  if (const absl::optional<Operands> difference = OperandsOf<ir::Sub>(graph, shifted)) {
    if (ReducedOverLast<ir::ReduceMax>(graph, difference->b) == difference->a) x = difference->a;
  }
  if (graph.value(x).type != graph.value(y).type) return false;
  report.FusedQparams(InnerQparams(graph, y, {x}));
  const ir::Provenance provenance = graph.Producer(e)->provenance;
  graph.MergeProvenance(id, provenance);
  Become(graph, y, ir::Softmax{}, {x});
  return true;
}

}  // namespace

absl::StatusOr<bool> FuseSoftmax::Run(Graph& graph, Report& report) {
  int fused = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    if (graph.node(id).outputs.size() == 1) fused += FuseAt(graph, id, report);
  }
  report.Count(name(), fused);
  if (fused > 0) graph.EraseDead();
  return fused > 0;
}

}  // namespace g4c::passes
