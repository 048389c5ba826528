// Small questions that rewrites ask of a graph.
#ifndef PASSES_MATCHERS_H_
#define PASSES_MATCHERS_H_

#include "absl/types/optional.h"
#include "ir/elementwise.h"
#include "ir/graph.h"
#include "passes/constants.h"

namespace g4c::passes {

template <typename OpType, typename... List>
inline constexpr bool kIsOneOf = (std::is_same_v<OpType, List> || ...);

// The dims of a value whose shape is known.
inline const ir::Dims& DimsOf(const ir::Graph& graph, ir::ValueId value) {
  return graph.value(value).type.shape.dims();
}

// An `OpType` with every attribute at its default (no fused activation).
template <typename OpType>
bool IsPlain(const ir::Op& op) {
  const auto* concrete = std::get_if<OpType>(&op);
  return concrete != nullptr && *concrete == OpType{};
}

// The operand of an `OpType` of one operand that produces `value`; kNoValue where something else
// does.
template <typename OpType>
ir::ValueId OperandOf(const ir::Graph& graph, ir::ValueId value) {
  if (graph.ProducedBy<OpType>(value) == nullptr) return ir::kNoValue;
  return graph.Producer(value)->inputs[0];
}

// The operands of a binary `OpType` that produces `value`, without a fused activation.
struct Operands {
  ir::ValueId a;
  ir::ValueId b;
};
template <typename OpType>
absl::optional<Operands> OperandsOf(const ir::Graph& graph, ir::ValueId value) {
  const ir::Node* node = value == ir::kNoValue ? nullptr : graph.Producer(value);
  if (node == nullptr || !IsPlain<OpType>(node->op)) return absl::nullopt;
  return Operands{node->inputs[0], node->inputs[1]};
}

// value = op(x, k) or, for an operator where the order does not matter, op(k, x), with k one
// number; x has value's shape.
struct WithNumber {
  ir::ValueId x;
  float k;
};
template <typename OpType>
absl::optional<WithNumber> NumberOperandOf(const ir::Graph& graph, ir::ValueId value,
                                           bool commutes = true) {
  const absl::optional<Operands> operands = OperandsOf<OpType>(graph, value);
  if (!operands) return absl::nullopt;
  for (const auto& [x, k] :
       {Operands{operands->a, operands->b}, Operands{operands->b, operands->a}}) {
    if (graph.value(x).type == graph.value(value).type) {
      if (const absl::optional<float> number = UniformFloat(graph, k))
        return WithNumber{x, *number};
    }
    if (!commutes) break;
  }
  return absl::nullopt;
}

// Whether two numbers agree within a relative error.
bool Near(double a, double b, double relative);

// A node that gives `value` is rewritten in place to `op` on `inputs`, so that the result keeps its
// name, type and qparams. Provenance of what it swallows is for the caller to merge.
void Become(ir::Graph& graph, ir::ValueId value, ir::Op op, std::vector<ir::ValueId> inputs);

// Every user of `from` reads `to`, where both are the same numbers. Their qparams decide:
//   `from` has none, or the same ones       replaced
//   `to` has none, `from` is its only use   `to` takes them (or a twin of a constant)
//   they differ                             nothing happens: it is a requantisation
// Returns whether it was replaced. Both have one type.
bool ReplaceByEqual(ir::Graph& graph, ir::ValueId from, ir::ValueId to);

// A constant of one number with shape [].
ir::ValueId AddNumber(ir::Graph& graph, absl::string_view name, float number);

// How many values with qparams the subgraph between `root` (excluded) and `leaves` holds: what
// fusing it takes away.
int64_t InnerQparams(const ir::Graph& graph, ir::ValueId root,
                     const std::vector<ir::ValueId>& leaves);

}  // namespace g4c::passes

#endif  // PASSES_MATCHERS_H_
