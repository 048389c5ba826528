#include <cmath>

#include "base/status.h"
#include "ir/fused_activation.h"
#include "passes/activations.h"
#include "passes/constants.h"
#include "passes/legal_rule.h"
#include "passes/matchers.h"
#include "passes/rewrite_builder.h"
#include "quantization/fixed_range.h"
#include "quantization/qparams.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

constexpr float kPi = 3.14159265358979f;

bool IsQuantised(const Graph& graph, ValueId id) {
  return ir::HasQparams(graph.value(id).quantization);
}

// The attributes of a float node; what a formula has inside gets no qparams.
template <typename OpType>
const OpType* FloatNode(const Graph& graph, NodeId id) {
  const auto* op = std::get_if<OpType>(&graph.node(id).op);
  return op == nullptr || IsQuantised(graph, graph.node(id).outputs[0]) ? nullptr : op;
}

// One formula for the result of the node `id`, which is float and has the operands x. What is
// inside is float on purpose.
template <typename Formula>
absl::StatusOr<bool> Rewritten(Graph& graph, NodeId id, Formula&& formula) {
  const std::vector<ValueId> x = graph.node(id).inputs;
  const int first_new = graph.num_values();
  RewriteBuilder build(graph, graph.node(id).outputs[0]);
  const ValueId y = formula(build, x);
  RETURN_IF_ERROR(build.status());
  for (ValueId value = first_new; value < graph.num_values(); ++value) {
    graph.SetQuantization(value, ir::QuantNone{ir::NoQuantReason::kFloatKept},
                          ir::QuantOrigin::kNone);
  }
  RETURN_IF_ERROR(build.Finish(y));
  return true;
}

int64_t LastAxis(const Graph& graph, ValueId id) { return graph.value(id).type.shape.rank() - 1; }

// rms_norm(x, g) -> x * rsqrt(mean(x * x) + epsilon) * g
absl::StatusOr<bool> NormAsFormula(Graph& graph, NodeId id, const RuleContext&) {
  const auto* norm = FloatNode<ir::RmsNorm>(graph, id);
  if (norm == nullptr) return false;
  const float epsilon = norm->epsilon;
  const int64_t axis = LastAxis(graph, graph.node(id).inputs[0]);
  return Rewritten(graph, id, [&](RewriteBuilder& build, const std::vector<ValueId>& x) {
    const ValueId square = build.Add(ir::Mul{}, {x[0], x[0]});
    const ValueId mean = build.Add(ir::ReduceMean{{axis}, true}, {square});
    const ValueId sum = build.Add(ir::Add{}, {mean, build.Number(epsilon)});
    const ValueId normed = build.Add(ir::Mul{}, {x[0], build.Add(ir::Rsqrt{}, {sum})});
    const bool has_gain = x.size() > 1 && x[1] != ir::kNoValue;
    return !has_gain || UniformFloat(graph, x[1]) == 1.0f ? normed
                                                          : build.Add(ir::Mul{}, {normed, x[1]});
  });
}

// rms_norm(x, g) -> l2_norm(x) * (sqrt(C) g), on integers, where the target has that l2_norm. (In a
// float island rms_norm itself is as cheap, and it has no grid of 1/128 inside.) epsilon goes: it
// must be below half of what one quantum in one channel gives.
absl::StatusOr<bool> NormAsL2(Graph& graph, NodeId id, const RuleContext& context) {
  const auto* norm = std::get_if<ir::RmsNorm>(&graph.node(id).op);
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId y = graph.node(id).outputs[0];
  const auto* from = std::get_if<ir::QuantPerTensor>(&graph.value(inputs[0]).quantization);
  const auto* to = std::get_if<ir::QuantPerTensor>(&graph.value(y).quantization);
  if (norm == nullptr || from == nullptr || to == nullptr || from->dtype != to->dtype) return false;
  const auto channels = static_cast<float>(graph.value(y).type.shape.dims().back());
  if (norm->epsilon > 0.5f * from->scale * from->scale / channels) return false;
  const absl::optional<ir::QuantPerTensor> fixed =
      quantization::FixedRangeQparams(ir::L2Norm{}, to->dtype);
  if (!fixed) return false;
  ir::Tensor gain = ir::Tensor::ScalarF32(1);
  if (inputs.size() > 1 && inputs[1] != ir::kNoValue) {
    if (!graph.IsConstant(inputs[1])) return false;
    gain = RealData(graph.value(inputs[1]));
  }
  std::vector<float> factors = gain.Floats();
  for (float& factor : factors) factor *= std::sqrt(channels);
  const ir::Tensor factor = ir::Tensor::Of<float>(ir::DType::kF32, gain.dims(), factors);
  const ir::DType dtype = to->dtype;
  RewriteBuilder build(graph, y);
  const ValueId unit = build.Add(ir::L2Norm{}, {inputs[0]});
  const ValueId constant = build.Constant(factor);
  const ValueId scaled = build.Add(ir::Mul{}, {unit, constant});
  RETURN_IF_ERROR(build.status());
  graph.SetQuantization(unit, *fixed, ir::QuantOrigin::kFixedRange);
  if (const auto violation = ir::FindViolation(context.target, graph, *graph.Producer(unit))) {
    return Unsupported("L2_NORMALIZATION breaks ", violation->clause, ": ", violation->text);
  }
  const auto exact = quantization::ExactSplatQparams(factor, dtype);
  graph.SetQuantization(
      constant, exact ? *exact : quantization::ChooseQparams(quantization::RangeOf(factor), dtype),
      ir::QuantOrigin::kWeight);
  RETURN_IF_ERROR(build.Finish(scaled));
  return true;
}

// f(x) with a fused clamp -> relu(f(x)), or minimum(maximum(f(x)))
absl::StatusOr<bool> ActivationApart(Graph& graph, NodeId id, const RuleContext&) {
  const absl::optional<ir::Activation> activation = ir::ActivationOf(graph.node(id).op);
  if (!activation) return false;
  const absl::optional<ir::Clamp> clamp = ClampOf(*activation);
  if (!clamp) return false;
  const ValueId y = graph.node(id).outputs[0];
  const ir::Quantization q = graph.value(y).quantization;
  const ir::QuantOrigin origin = graph.value(y).quant_origin;
  RewriteBuilder build(graph, y);
  const auto with_qparams = [&](ValueId value) {
    if (build.status().ok()) graph.SetQuantization(value, q, origin);
    return value;
  };
  ir::Op plain = ir::WithActivation(graph.node(id).op, ir::Activation::kNone);
  ValueId result = with_qparams(build.Add(std::move(plain), graph.node(id).inputs));
  if (*activation == ir::Activation::kRelu) {
    result = build.Add(ir::Relu{}, {result});
  } else {
    const ValueId low = with_qparams(build.Number(clamp->min));
    const ValueId high = with_qparams(build.Number(clamp->max));
    result = with_qparams(build.Add(ir::Maximum{}, {result, low}));
    result = build.Add(ir::Minimum{}, {result, high});
  }
  RETURN_IF_ERROR(build.Finish(result));
  return true;
}

// neg(x) -> x * -1
absl::StatusOr<bool> NegateByProduct(Graph& graph, NodeId id, const RuleContext&) {
  if (!std::holds_alternative<ir::Neg>(graph.node(id).op)) return false;
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  const ir::Quantization q = graph.value(y).quantization;
  RewriteBuilder build(graph, y);
  const ValueId minus = build.Number(-1);
  if (ir::HasQparams(q)) {
    const auto exact =
        quantization::ExactSplatQparams(*graph.value(minus).constant, ir::QuantDType(q));
    if (!exact) return false;
    graph.SetQuantization(minus, *exact, ir::QuantOrigin::kDerived);
  }
  RETURN_IF_ERROR(build.Finish(build.Add(ir::Mul{}, {x, minus})));
  return true;
}

// square(x) -> x * x
absl::StatusOr<bool> SquareByProduct(Graph& graph, NodeId id, const RuleContext&) {
  if (!std::holds_alternative<ir::Square>(graph.node(id).op)) return false;
  const ValueId x = graph.node(id).inputs[0];
  Become(graph, graph.node(id).outputs[0], ir::Mul{}, {x, x});
  return true;
}

// rsqrt(x) -> 1 / sqrt(x)
absl::StatusOr<bool> RsqrtByQuotient(Graph& graph, NodeId id, const RuleContext&) {
  if (FloatNode<ir::Rsqrt>(graph, id) == nullptr) return false;
  return Rewritten(graph, id, [](RewriteBuilder& build, const std::vector<ValueId>& x) {
    return build.Add(ir::Div{}, {build.Number(1), build.Add(ir::Sqrt{}, {x[0]})});
  });
}

// squared_difference(a, b) -> (a - b) * (a - b)
absl::StatusOr<bool> SquaredDifferenceByProduct(Graph& graph, NodeId id, const RuleContext&) {
  if (FloatNode<ir::SquaredDifference>(graph, id) == nullptr) return false;
  return Rewritten(graph, id, [](RewriteBuilder& build, const std::vector<ValueId>& x) {
    const ValueId difference = build.Add(ir::Sub{}, {x[0], x[1]});
    return build.Add(ir::Mul{}, {difference, difference});
  });
}

// softmax(x) -> e / sum(e), e = exp(beta (x - max(x)))
absl::StatusOr<bool> SoftmaxAsFormula(Graph& graph, NodeId id, const RuleContext&) {
  const auto* softmax = FloatNode<ir::Softmax>(graph, id);
  if (softmax == nullptr) return false;
  const float beta = softmax->beta;
  const int64_t axis = LastAxis(graph, graph.node(id).inputs[0]);
  return Rewritten(graph, id, [&](RewriteBuilder& build, const std::vector<ValueId>& x) {
    const ValueId highest = build.Add(ir::ReduceMax{{axis}, true}, {x[0]});
    const ValueId shifted = build.Add(ir::Sub{}, {x[0], highest});
    const ValueId e = build.Add(ir::Exp{}, {build.Scale(shifted, beta)});
    return build.Add(ir::Div{}, {e, build.Add(ir::ReduceSum{{axis}, true}, {e})});
  });
}

// gelu(x), the tanh form -> 0.5 x (1 + tanh(sqrt(2 / pi) x (1 + 0.044715 x x)))
absl::StatusOr<bool> GeluAsFormula(Graph& graph, NodeId id, const RuleContext&) {
  const auto* gelu = FloatNode<ir::Gelu>(graph, id);
  if (gelu == nullptr || !gelu->approximate) return false;
  return Rewritten(graph, id, [](RewriteBuilder& build, const std::vector<ValueId>& x) {
    const ValueId square = build.Add(ir::Mul{}, {x[0], x[0]});
    const ValueId cubic = build.Add(ir::Add{}, {build.Scale(square, 0.044715f), build.Number(1)});
    const ValueId inner = build.Scale(build.Add(ir::Mul{}, {x[0], cubic}), std::sqrt(2 / kPi));
    const ValueId gate = build.Add(ir::Add{}, {build.Add(ir::Tanh{}, {inner}), build.Number(1)});
    return build.Add(ir::Mul{}, {build.Scale(x[0], 0.5f), gate});
  });
}

// mean(x) -> sum(x) * (1 / N)
absl::StatusOr<bool> MeanAsSum(Graph& graph, NodeId id, const RuleContext&) {
  const auto* mean = FloatNode<ir::ReduceMean>(graph, id);
  if (mean == nullptr) return false;
  const ir::ReduceSum sum{mean->axes, mean->keep_dims};
  return Rewritten(graph, id, [&](RewriteBuilder& build, const std::vector<ValueId>& x) {
    int64_t count = 1;
    for (int64_t axis : sum.axes) count *= build.DimsOf(x[0])[axis];
    return build.Scale(build.Add(sum, {x[0]}), 1.0f / static_cast<float>(count));
  });
}

constexpr LegalRule kRules[] = {
    {"norm-as-l2", NormAsL2},
    {"norm-as-formula", NormAsFormula},
    {"activation-apart", ActivationApart},
    {"negate-by-product", NegateByProduct},
    {"square-by-product", SquareByProduct},
    {"rsqrt-by-quotient", RsqrtByQuotient},
    {"squared-difference-by-product", SquaredDifferenceByProduct},
    {"softmax-as-formula", SoftmaxAsFormula},
    {"gelu-as-formula", GeluAsFormula},
    {"mean-as-sum", MeanAsSum},
};

}  // namespace

absl::Span<const LegalRule> FormulaRules() { return kRules; }

}  // namespace g4c::passes
