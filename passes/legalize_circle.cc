#include "passes/legalize_circle.h"

#include <cmath>
#include <limits>

#include "ir/fused_activation.h"
#include "passes/activations.h"
#include "passes/matchers.h"
#include "passes/rewrite_builder.h"
#include "passes/rewrites.h"
#include "quantization/qparams.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

constexpr float kInf = std::numeric_limits<float>::infinity();

// The result y of a clamp whose bounds its qparams imply: nothing is left to do but to reach those
// qparams.
absl::StatusOr<bool> DropImpliedClamp(Graph& graph, ValueId x, ValueId y) {
  if (graph.value(x).quantization == graph.value(y).quantization)
    return ReplaceByEqual(graph, y, x);
  if (!ir::HasQparams(graph.value(x).quantization)) return false;
  const ir::Node* producer = graph.Producer(x);
  // Fused into the operator that computes x for it alone: x goes, y and its qparams stay.
  if (producer != nullptr && graph.HasOneUse(x) &&
      ir::InfoOf(producer->op).rule == ir::QparamRule::kComputes) {
    graph.SetQuantization(x, graph.value(y).quantization, graph.value(y).quant_origin);
    RETURN_IF_ERROR(graph.ReplaceAllUses(y, x));
    graph.SwapNames(x, y);
    return true;
  }
  Become(graph, y, ir::Quantize{}, {x});
  return true;
}

// The clamp at y as an activation of the operator that computes x for it alone.
bool FuseActivation(Graph& graph, const ir::Clamp& clamp, ValueId x, ValueId y) {
  const absl::optional<ir::Activation> activation = ActivationFor(clamp);
  const ir::Node* producer = graph.Producer(x);
  if (!activation || producer == nullptr || !graph.HasOneUse(x)) return false;
  if (ir::ActivationOf(producer->op) != ir::Activation::kNone) return false;
  // A range of its own would saturate before the clamp does.
  const ir::Quantization& q = graph.value(x).quantization;
  if (ir::HasQparams(q) && q != graph.value(y).quantization) return false;
  const NodeId id = graph.value(y).producer;
  const ir::Provenance provenance = producer->provenance;
  const std::vector<ValueId> inputs = producer->inputs;
  ir::Op op = ir::WithActivation(producer->op, *activation);
  graph.MergeProvenance(id, provenance);
  Become(graph, y, std::move(op), inputs);
  return true;
}

absl::StatusOr<bool> LowerClamp(Graph& graph, NodeId id) {
  const auto* op = std::get_if<ir::Clamp>(&graph.node(id).op);
  if (op == nullptr) return false;
  const ir::Clamp clamp = *op;
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  const ir::Quantization q = graph.value(y).quantization;
  const ir::QuantOrigin origin = graph.value(y).quant_origin;
  if (const auto* per_tensor = std::get_if<ir::QuantPerTensor>(&q)) {
    const quantization::Range range = quantization::RepresentableRange(*per_tensor);
    if (clamp.min <= range.lo && range.hi <= clamp.max) {
      ASSIGN_OR_RETURN(const bool dropped, DropImpliedClamp(graph, x, y));
      if (dropped) return true;
    }
  }
  if (FuseActivation(graph, clamp, x, y)) return true;
  if (clamp.min == 0.0f && clamp.max == kInf) {
    Become(graph, y, ir::Relu{}, {x});
    return true;
  }
  RewriteBuilder build(graph, y);
  const auto bound = [&](float number) {
    const ValueId constant = build.Number(number);
    if (ir::HasQparams(q)) graph.SetQuantization(constant, q, origin);
    return constant;
  };
  ValueId below = x;
  if (clamp.min > -kInf && clamp.max < kInf) {
    below = build.Add(ir::Maximum{}, {x, bound(clamp.min)});
    RETURN_IF_ERROR(build.status());
    if (ir::HasQparams(q)) graph.SetQuantization(below, q, origin);
  }
  if (clamp.max < kInf) {
    Become(graph, y, ir::Minimum{}, {below, bound(clamp.max)});
  } else if (clamp.min > -kInf) {
    Become(graph, y, ir::Maximum{}, {x, bound(clamp.min)});
  } else {
    return ReplaceByEqual(graph, y, x);
  }
  return true;
}

absl::StatusOr<bool> LowerSquare(Graph& graph, NodeId id) {
  if (!std::holds_alternative<ir::Square>(graph.node(id).op)) return false;
  const ValueId x = graph.node(id).inputs[0];
  Become(graph, graph.node(id).outputs[0], ir::Mul{}, {x, x});
  return true;
}

absl::StatusOr<bool> AddGain(Graph& graph, NodeId id) {
  const auto* op = std::get_if<ir::RmsNorm>(&graph.node(id).op);
  if (op == nullptr) return false;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() > 1 && inputs[1] != ir::kNoValue) return false;
  const ValueId y = graph.node(id).outputs[0];
  ir::Tensor one = ir::Tensor::Of<float>(ir::DType::kF32, {1}, {1.0f});
  absl::optional<ir::QuantPerTensor> q;
  if (ir::HasQparams(graph.value(y).quantization)) {
    q = quantization::ExactSplatQparams(one, ir::QuantDType(graph.value(y).quantization));
  }
  const ValueId gain =
      graph.AddConstant(absl::StrCat(graph.value(y).name, "_gain"), std::move(one));
  if (q) graph.SetQuantization(gain, *q, ir::QuantOrigin::kWeight);
  graph.SetOperands(id, {inputs[0], gain});
  return true;
}

absl::StatusOr<bool> LowerLogic(Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  const ValueId a = node.inputs.empty() ? ir::kNoValue : node.inputs[0];
  const bool is_nan = std::holds_alternative<ir::IsNan>(node.op);
  if (!is_nan && !std::holds_alternative<ir::LogicalXor>(node.op)) return false;
  const ValueId b = is_nan ? a : node.inputs[1];
  Become(graph, node.outputs[0], ir::NotEqual{}, {a, b});
  return true;
}

template <typename ReduceOp>
bool DropDims(Graph& graph, ValueId y, ValueId reduced) {
  const ReduceOp* reduce = graph.ProducedBy<ReduceOp>(reduced);
  if (reduce == nullptr || !reduce->keep_dims || !graph.HasOneUse(reduced)) return false;
  const ir::Quantization& inner = graph.value(reduced).quantization;
  if (ir::HasQparams(inner) && inner != graph.value(y).quantization) return false;
  ir::Dims dims;
  const ir::Dims& kept = graph.value(reduced).type.shape.dims();
  for (size_t i = 0; i < kept.size(); ++i) {
    if (std::find(reduce->axes.begin(), reduce->axes.end(), static_cast<int64_t>(i)) ==
        reduce->axes.end()) {
      dims.push_back(kept[i]);
    }
  }
  if (dims != graph.value(y).type.shape.dims()) return false;
  ReduceOp op = *reduce;
  op.keep_dims = false;
  Become(graph, y, op, {graph.Producer(reduced)->inputs[0]});
  return true;
}

absl::StatusOr<bool> MergeReduce(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  const ValueId reduced = OperandOf<ir::Reshape>(graph, y);
  if (reduced == ir::kNoValue) return false;
  return DropDims<ir::ReduceSum>(graph, y, reduced) ||
         DropDims<ir::ReduceMean>(graph, y, reduced) ||
         DropDims<ir::ReduceMax>(graph, y, reduced) || DropDims<ir::ReduceMin>(graph, y, reduced) ||
         DropDims<ir::ReduceProd>(graph, y, reduced);
}

constexpr Rewrite kRules[] = {
    {"lower-clamp", LowerClamp}, {"lower-square", LowerSquare}, {"add-gain", AddGain},
    {"lower-logic", LowerLogic}, {"merge-reduce", MergeReduce},
};

}  // namespace

absl::StatusOr<bool> LegalizeCircle::Run(Graph& graph, Report& report) {
  bool changed = false;
  for (NodeId id : graph.TopologicalOrder()) {
    for (const Rewrite& rule : kRules) {
      if (graph.node(id).outputs.size() != 1) break;
      absl::StatusOr<bool> done = rule.run(graph, id);
      if (!done.ok()) return Prefixed(done.status(), absl::StrCat(ir::Describe(graph, id), ": "));
      report.Count(rule.name, *done);
      changed |= *done;
    }
  }
  if (changed) graph.EraseDead();
  return changed;
}

}  // namespace g4c::passes
