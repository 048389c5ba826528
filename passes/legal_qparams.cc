#include <algorithm>
#include <map>

#include "base/status.h"
#include "ir/circle_name.h"
#include "ir/quantize_constant.h"
#include "passes/constants.h"
#include "passes/legal_rule.h"
#include "passes/shift_zero_points.h"
#include "quantization/constants.h"
#include "quantization/qparams.h"
#include "quantization/shared_qparams.h"

namespace g4c::passes {
namespace {

using ir::DType;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

bool IsQuantised(const Graph& graph, ValueId id) {
  return id != ir::kNoValue && ir::HasQparams(graph.value(id).quantization);
}

bool IsConversion(const ir::Op& op) { return ir::InfoOf(op).rule == ir::QparamRule::kConverts; }

const ir::QuantPerTensor* PerTensor(const Graph& graph, ValueId id) {
  return id == ir::kNoValue ? nullptr
                            : std::get_if<ir::QuantPerTensor>(&graph.value(id).quantization);
}

const ir::Quantization& FloatKept() {
  static const ir::Quantization& kept =
      *new ir::Quantization(ir::QuantNone{ir::NoQuantReason::kFloatKept});
  return kept;
}

// A node of one operand and the operand's type, on `source`.
ValueId Convert(Graph& graph, ir::Op op, ValueId source, absl::string_view suffix,
                const ir::Provenance& provenance, const ir::Quantization& q,
                ir::QuantOrigin origin) {
  const std::string name = absl::StrCat(graph.value(source).name, suffix);
  const ir::Type type = graph.value(source).type;
  const NodeId node = graph.AddNode(std::move(op), {source}, {name}, {type}, provenance);
  const ValueId result = graph.node(node).outputs[0];
  graph.SetQuantization(result, q, origin);
  return result;
}

// `operand` with other qparams. A constant is quantised from its real numbers instead.
ValueId Requantised(Graph& graph, ValueId operand, const ir::Quantization& q,
                    const ir::Provenance& provenance) {
  if (!graph.IsConstant(operand)) {
    return Convert(graph, ir::Quantize{}, operand, "_requantised", provenance, q,
                   ir::QuantOrigin::kDerived);
  }
  const ir::Value& value = graph.value(operand);
  const bool real = ir::IsFloat(value.constant->dtype());
  ir::Tensor data = real ? *value.constant : RealData(value);
  const ValueId twin =
      graph.AddConstant(std::string(value.name), ir::Type(value.type), std::move(data));
  graph.SetQuantization(twin, q, ir::QuantOrigin::kDerived);
  return twin;
}

// The node's result gets `q`, and a quantize behind it gives what it had.
void RequantiseResult(Graph& graph, NodeId id, int result, const ir::Quantization& q) {
  const ValueId raw = graph.node(id).outputs[result];
  const ir::Quantization wanted = graph.value(raw).quantization;
  const ir::QuantOrigin origin = graph.value(raw).quant_origin;
  const ir::Provenance provenance = graph.node(id).provenance;
  const ValueId after = Convert(graph, ir::Quantize{}, raw, "_raw", provenance, wanted, origin);
  const NodeId quantizer = graph.value(after).producer;
  graph.ReplaceAllUsesAcrossTypes(raw, after);
  graph.SetOperand(quantizer, 0, raw);
  graph.SwapNames(raw, after);
  graph.SetQuantization(raw, q, ir::QuantOrigin::kDerived);
}

// y: q = op(a: p, k)  ->  quantize(op(dequantize(a), real k)); quantize(x) ->
// quantize(dequantize(x))
absl::StatusOr<bool> FloatIsland(Graph& graph, NodeId id, const RuleContext&) {
  const bool converts = IsConversion(graph.node(id).op);
  if (converts && !(std::holds_alternative<ir::Quantize>(graph.node(id).op) &&
                    IsQuantised(graph, graph.node(id).inputs[0]))) {
    return false;
  }
  bool changed = false;
  const ir::Provenance provenance = graph.node(id).provenance;
  std::map<ValueId, ValueId> real_of;
  for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
    const ValueId operand = graph.node(id).inputs[i];
    if (!IsQuantised(graph, operand)) continue;
    ValueId& real = real_of.try_emplace(operand, ir::kNoValue).first->second;
    if (real == ir::kNoValue && graph.IsConstant(operand)) {
      const std::string name = graph.value(operand).name;
      real = graph.AddConstant(name, RealData(graph.value(operand)));
      graph.SetQuantization(real, FloatKept(), ir::QuantOrigin::kNone);
    } else if (real == ir::kNoValue) {
      real = Convert(graph, ir::Dequantize{}, operand, "_float", provenance, FloatKept(),
                     ir::QuantOrigin::kNone);
    }
    graph.SetOperand(id, static_cast<int>(i), real);
    changed = true;
  }
  if (converts) return changed;
  const size_t results = graph.node(id).outputs.size();
  for (size_t i = 0; i < results; ++i) {
    if (!IsQuantised(graph, graph.node(id).outputs[i])) continue;
    RequantiseResult(graph, id, static_cast<int>(i), FloatKept());
    changed = true;
  }
  return changed;
}

// y: u8 = op(a: u8)  ->  quantize(op(quantize(a): i8): i8): u8, or the other way round. Exact.
absl::StatusOr<bool> ShiftNode(Graph& graph, NodeId id, DType from, DType to) {
  if (IsConversion(graph.node(id).op)) return false;
  const auto is_from = [&](ValueId value) {
    return IsQuantised(graph, value) && ir::QuantDType(graph.value(value).quantization) == from;
  };
  bool changed = false;
  const ir::Provenance provenance = graph.node(id).provenance;
  std::map<ValueId, ValueId> shifted_of;
  for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
    const ValueId operand = graph.node(id).inputs[i];
    if (!is_from(operand)) continue;
    changed = true;
    if (graph.IsConstant(operand)) {
      ShiftConstant(graph, operand, from, to);
      continue;
    }
    ValueId& shifted = shifted_of.try_emplace(operand, ir::kNoValue).first->second;
    if (shifted == ir::kNoValue) {
      shifted =
          Convert(graph, ir::Quantize{}, operand, "_shifted", provenance,
                  Shifted(graph.value(operand).quantization, from, to), ir::QuantOrigin::kDerived);
    }
    graph.SetOperand(id, static_cast<int>(i), shifted);
  }
  const size_t results = graph.node(id).outputs.size();
  for (size_t i = 0; i < results; ++i) {
    const ValueId result = graph.node(id).outputs[i];
    if (!is_from(result)) continue;
    RequantiseResult(graph, id, static_cast<int>(i),
                     Shifted(graph.value(result).quantization, from, to));
    changed = true;
  }
  return changed;
}

absl::StatusOr<bool> ShiftToI8(Graph& graph, NodeId id, const RuleContext&) {
  return ShiftNode(graph, id, DType::kU8, DType::kI8);
}
absl::StatusOr<bool> ShiftToU8(Graph& graph, NodeId id, const RuleContext&) {
  return ShiftNode(graph, id, DType::kI8, DType::kU8);
}

// The qparams nearest to `q` that a clause allows; nullopt where `q` does.
absl::optional<ir::QuantPerTensor> Demanded(const ir::ValueClause& clause,
                                            const ir::QuantPerTensor& q) {
  ir::QuantPerTensor wanted = q;
  if (clause.zero_point && *clause.zero_point != q.zero_point) {
    wanted = quantization::ChooseQparams(quantization::RepresentableRange(q), q.dtype,
                                         /*symmetric=*/true);
    wanted.zero_point = *clause.zero_point;
  }
  if (clause.scale) wanted.scale = *clause.scale;
  if (wanted == q) return absl::nullopt;
  return wanted;
}

const ir::ValueClause& ClauseAt(const std::vector<ir::ValueClause>& clauses, size_t i) {
  return clauses[std::min(i, clauses.size() - 1)];
}

// y: q = op(x)  ->  quantize(op(x): p): q, with p what the target fixes
absl::StatusOr<bool> QparamsOfResult(Graph& graph, NodeId id, const RuleContext& context) {
  if (context.violation.form == nullptr || IsConversion(graph.node(id).op)) return false;
  bool changed = false;
  const size_t results = graph.node(id).outputs.size();
  for (size_t i = 0; i < results; ++i) {
    const ir::QuantPerTensor* q = PerTensor(graph, graph.node(id).outputs[i]);
    if (q == nullptr) continue;
    const auto wanted = Demanded(ClauseAt(context.violation.form->results, i), *q);
    if (!wanted) continue;
    RequantiseResult(graph, id, static_cast<int>(i), *wanted);
    changed = true;
  }
  return changed;
}

// y: q = op(a: p)  ->  op(quantize(a): r), with r the result's qparams where the target wants equal
// ones, or what it fixes
absl::StatusOr<bool> QparamsOfOperands(Graph& graph, NodeId id, const RuleContext& context) {
  const ir::OperatorForm* form = context.violation.form;
  if (form == nullptr || IsConversion(graph.node(id).op)) return false;
  const ir::Quantization result = graph.value(graph.node(id).outputs[0]).quantization;
  const ir::Provenance provenance = graph.node(id).provenance;
  bool changed = false;
  for (size_t i = 0; i < graph.node(id).inputs.size(); ++i) {
    const ValueId operand = graph.node(id).inputs[i];
    const ir::QuantPerTensor* q = PerTensor(graph, operand);
    if (q == nullptr || quantization::IsWeight(graph.node(id), static_cast<int>(i)) ||
        quantization::IsBias(graph.node(id), static_cast<int>(i))) {
      continue;
    }
    ir::Quantization wanted = *q;
    if (form->equal_qparams && ir::HasQparams(result)) {
      wanted = result;
    } else if (const auto fixed = Demanded(ClauseAt(form->operands, i), *q)) {
      wanted = *fixed;
    }
    if (wanted == graph.value(operand).quantization) continue;
    graph.SetOperand(id, static_cast<int>(i), Requantised(graph, operand, wanted, provenance));
    changed = true;
  }
  return changed;
}

// quantize(x: f32): i8  ->  quantize(quantize(x): u8): i8, both with the same numbers, or the other
// way round
absl::StatusOr<bool> QuantizeInTwoSteps(Graph& graph, NodeId id, const RuleContext&) {
  if (!std::holds_alternative<ir::Quantize>(graph.node(id).op)) return false;
  const ir::QuantPerTensor* q = PerTensor(graph, graph.node(id).outputs[0]);
  if (q == nullptr || (q->dtype != DType::kI8 && q->dtype != DType::kU8)) return false;
  const DType other = q->dtype == DType::kI8 ? DType::kU8 : DType::kI8;
  RequantiseResult(graph, id, 0, Shifted(*q, q->dtype, other));
  return true;
}

// dequantize(k), k a constant  ->  the real numbers of k
absl::StatusOr<bool> DequantizeConstant(Graph& graph, NodeId id, const RuleContext&) {
  const ValueId constant = graph.node(id).inputs[0];
  if (!std::holds_alternative<ir::Dequantize>(graph.node(id).op) || !graph.IsConstant(constant)) {
    return false;
  }
  const ValueId y = graph.node(id).outputs[0];
  const ValueId real =
      graph.AddConstant(std::string(graph.value(y).name), RealData(graph.value(constant)));
  graph.SetQuantization(real, graph.value(y).quantization, graph.value(y).quant_origin);
  RETURN_IF_ERROR(graph.ReplaceAllUses(y, real));
  return true;
}

constexpr LegalRule kRules[] = {
    {"qparams-of-result", QparamsOfResult},
    {"qparams-of-operands", QparamsOfOperands},
    {"shift-to-i8", ShiftToI8},
    {"shift-to-u8", ShiftToU8},
    {"quantize-in-two-steps", QuantizeInTwoSteps},
    {"dequantize-constant", DequantizeConstant},
    {"float-island", FloatIsland},
};

}  // namespace

absl::Span<const LegalRule> QparamRules() { return kRules; }

}  // namespace g4c::passes
