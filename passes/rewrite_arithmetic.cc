#include <cmath>

#include "passes/matchers.h"
#include "passes/rewrite_builder.h"
#include "passes/rewrites.h"

namespace g4c::passes {
namespace {

using ir::DType;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

bool IsNumber(const Graph& graph, ValueId value, double number) {
  if (const absl::optional<float> real = UniformFloat(graph, value)) return *real == number;
  if (const absl::optional<int64_t> integer = UniformInt(graph, value)) return *integer == number;
  return false;
}

// Replaces y by x where both have one type.
bool DropTo(Graph& graph, ValueId y, ValueId x) {
  return graph.value(x).type == graph.value(y).type && ReplaceByEqual(graph, y, x);
}

//   x + 0, 0 + x, x - 0  ->  x        x * 1, 1 * x, x / 1  ->  x
absl::StatusOr<bool> DropNeutral(Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  const bool sum = IsPlain<ir::Add>(node.op);
  const bool difference = IsPlain<ir::Sub>(node.op);
  const bool product = IsPlain<ir::Mul>(node.op);
  const bool quotient = IsPlain<ir::Div>(node.op);
  if (!sum && !difference && !product && !quotient) return false;
  const double neutral = sum || difference ? 0 : 1;
  const ValueId y = node.outputs[0];
  const ValueId a = node.inputs[0];
  const ValueId b = node.inputs[1];
  if (IsNumber(graph, b, neutral) && DropTo(graph, y, a)) return true;
  return (sum || product) && IsNumber(graph, a, neutral) && DropTo(graph, y, b);
}

//   x^1 -> x          x^2 -> square(x)     x^3 -> square(x) * x
//   x^0.5 -> sqrt(x)  x^-0.5 -> rsqrt(x)   x^-1 -> 1 / x
absl::StatusOr<bool> ReplacePower(Graph& graph, NodeId id) {
  if (!std::holds_alternative<ir::Pow>(graph.node(id).op)) return false;
  const ValueId y = graph.node(id).outputs[0];
  const ValueId x = graph.node(id).inputs[0];
  const absl::optional<float> exponent = UniformFloat(graph, graph.node(id).inputs[1]);
  if (!exponent || graph.value(x).type != graph.value(y).type) return false;
  if (*exponent == 1.0f) return ReplaceByEqual(graph, y, x);
  if (*exponent == 2.0f) {
    Become(graph, y, ir::Square{}, {x});
  } else if (*exponent == 3.0f) {
    RewriteBuilder build(graph, y);
    const ValueId square = build.Add(ir::Square{}, {x});
    RETURN_IF_ERROR(build.status());
    Become(graph, y, ir::Mul{}, {square, x});
  } else if (*exponent == 0.5f) {
    Become(graph, y, ir::Sqrt{}, {x});
  } else if (*exponent == -0.5f) {
    Become(graph, y, ir::Rsqrt{}, {x});
  } else if (*exponent == -1.0f) {
    RewriteBuilder build(graph, y);
    Become(graph, y, ir::Div{}, {build.Number(1), x});
  } else {
    return false;
  }
  return true;
}

//   x * x  ->  square(x)
absl::StatusOr<bool> MakeSquare(Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  if (!IsPlain<ir::Mul>(node.op) || node.inputs[0] != node.inputs[1]) return false;
  if (graph.value(node.outputs[0]).type.dtype != DType::kF32) return false;
  Become(graph, node.outputs[0], ir::Square{}, {node.inputs[0]});
  return true;
}

//   x / k  ->  x * (1 / k), k a power of two: the only reciprocals that are exact
absl::StatusOr<bool> MultiplyByReciprocal(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  if (graph.value(y).type.dtype != DType::kF32) return false;
  const absl::optional<WithNumber> operands =
      NumberOperandOf<ir::Div>(graph, y, /*commutes=*/false);
  if (!operands) return false;
  int exponent;
  if (std::abs(std::frexp(operands->k, &exponent)) != 0.5f || exponent < -124 || exponent > 125)
    return false;
  const ValueId reciprocal =
      AddNumber(graph, graph.value(graph.node(id).inputs[1]).name, 1.0f / operands->k);
  Become(graph, y, ir::Mul{}, {operands->x, reciprocal});
  return true;
}

//   neg(neg(x)) -> x        not(not(x)) -> x
absl::StatusOr<bool> DropDoubleNegation(Graph& graph, NodeId id) {
  const ValueId y = graph.node(id).outputs[0];
  for (const ValueId inner : {OperandOf<ir::Neg>(graph, y), OperandOf<ir::LogicalNot>(graph, y)}) {
    if (inner == ir::kNoValue) continue;
    const ValueId x = std::holds_alternative<ir::Neg>(graph.node(id).op)
                          ? OperandOf<ir::Neg>(graph, inner)
                          : OperandOf<ir::LogicalNot>(graph, inner);
    if (x != ir::kNoValue) return ReplaceByEqual(graph, y, x);
  }
  return false;
}

// Whether every number of `from` is a number of `to`.
bool Preserves(DType from, DType to) {
  if (from == to || from == DType::kBool) return true;
  if (to == DType::kBool || ir::IsFloat(from)) return false;
  const int bits = ir::BitWidth(from) - (ir::IsSigned(from) ? 1 : 0);
  if (to == DType::kF32) return bits <= 24;
  if (!ir::IsInteger(to) || (ir::IsSigned(from) && !ir::IsSigned(to))) return false;
  return bits <= ir::BitWidth(to) - (ir::IsSigned(to) ? 1 : 0);
}

//   cast(x) -> x, to its own dtype
//   cast(cast(x)) -> cast(x), where the inner one keeps every number
absl::StatusOr<bool> SimplifyCast(Graph& graph, NodeId id) {
  const auto* cast = std::get_if<ir::Cast>(&graph.node(id).op);
  if (cast == nullptr) return false;
  const ValueId y = graph.node(id).outputs[0];
  const ValueId x = graph.node(id).inputs[0];
  if (graph.value(x).type == graph.value(y).type) return ReplaceByEqual(graph, y, x);
  const ValueId source = OperandOf<ir::Cast>(graph, x);
  if (source == ir::kNoValue ||
      !Preserves(graph.value(source).type.dtype, graph.value(x).type.dtype))
    return false;
  graph.SetOperand(id, 0, source);
  return true;
}

//   select(true, a, b) -> a     select(false, a, b) -> b
//   select(c, a, a) -> a        select(not c, a, b) -> select(c, b, a)
absl::StatusOr<bool> SimplifySelect(Graph& graph, NodeId id) {
  if (!std::holds_alternative<ir::Select>(graph.node(id).op)) return false;
  const ir::Node& node = graph.node(id);
  const ValueId y = node.outputs[0];
  const ValueId condition = node.inputs[0];
  const absl::optional<int64_t> constant = UniformInt(graph, condition);
  if (constant || node.inputs[1] == node.inputs[2]) {
    const ValueId chosen = node.inputs[constant && *constant == 0 ? 2 : 1];
    if (graph.value(chosen).type == graph.value(y).type) return ReplaceByEqual(graph, y, chosen);
    Become(graph, y, ir::BroadcastTo{graph.value(y).type.shape.dims()}, {chosen});
    return true;
  }
  const ValueId positive = OperandOf<ir::LogicalNot>(graph, condition);
  if (positive == ir::kNoValue) return false;
  const std::vector<ValueId> swapped = {positive, node.inputs[2], node.inputs[1]};
  Become(graph, y, ir::Select{}, swapped);
  return true;
}

//   c == true -> c        c == false -> not c        (Boolean c)
absl::StatusOr<bool> SimplifyBoolEqual(Graph& graph, NodeId id) {
  if (!std::holds_alternative<ir::Equal>(graph.node(id).op)) return false;
  const ValueId y = graph.node(id).outputs[0];
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  for (const auto& [x, k] : {Operands{inputs[0], inputs[1]}, Operands{inputs[1], inputs[0]}}) {
    if (graph.value(x).type != graph.value(y).type) continue;  // a Boolean of the result's shape
    const absl::optional<int64_t> constant = UniformInt(graph, k);
    if (!constant) continue;
    if (*constant != 0) return ReplaceByEqual(graph, y, x);
    Become(graph, y, ir::LogicalNot{}, {x});
    return true;
  }
  return false;
}

}  // namespace

absl::Span<const Rewrite> ArithmeticRewrites() {
  static constexpr Rewrite kRewrites[] = {
      {"drop-neutral", DropNeutral},
      {"replace-power", ReplacePower},
      {"make-square", MakeSquare},
      {"multiply-by-reciprocal", MultiplyByReciprocal},
      {"drop-double-negation", DropDoubleNegation},
      {"simplify-cast", SimplifyCast},
      {"simplify-select", SimplifySelect},
      {"simplify-bool-equal", SimplifyBoolEqual},
  };
  return kRewrites;
}

}  // namespace g4c::passes
