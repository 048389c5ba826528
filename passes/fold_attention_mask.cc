#include "passes/fold_attention_mask.h"

#include <algorithm>
#include <cmath>

#include "evaluator/evaluate_node.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

bool FeedsOnlySoftmax(const Graph& graph, ValueId value) {
  const std::vector<ir::Use>& uses = graph.Uses(value);
  return !uses.empty() && !graph.IsOutput(value) &&
         std::all_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
           return std::holds_alternative<ir::Softmax>(graph.node(use.node).op);
         });
}

// Whether the constant is read by nothing but masks of logits.
bool OnlyMasks(const Graph& graph, ValueId mask) {
  const std::vector<ir::Use>& uses = graph.Uses(mask);
  return !graph.IsOutput(mask) && std::all_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
    const ir::Node& user = graph.node(use.node);
    const bool masks =
        std::holds_alternative<ir::Add>(user.op) || std::holds_alternative<ir::Select>(user.op);
    return masks && FeedsOnlySoftmax(graph, user.outputs[0]);
  });
}

// The data with leading dims of 1 up to `rank`.
Tensor AtRank(const Tensor& data, size_t rank) {
  Dims dims(rank - data.dims().size(), 1);
  dims.insert(dims.end(), data.dims().begin(), data.dims().end());
  return data.Reshaped(dims);
}

// The elements of batch `b` (all, where the mask has one batch for all) and query `i`.
Tensor RowOf(const Tensor& mask, int64_t b, int64_t i) {
  const int query_axis = mask.rank() - 2;
  Tensor row = mask.Sliced(query_axis, i, 1);
  if (query_axis > 0 && mask.dims()[0] > 1) row = row.Sliced(0, b, 1);
  return row;
}

// The mask with one query, where all queries that count agree; nullopt where they do not. `mask` is
// [B or 1, .., Q, S].
absl::optional<Tensor> OneRow(const Tensor& mask, const absl::optional<Tensor>& valid) {
  const int query_axis = mask.rank() - 2;
  const int64_t queries = mask.dims()[query_axis];
  // A mask without a batch of its own holds for the batches of the valid rows.
  const bool batched = query_axis > 0 && mask.dims()[0] > 1;
  const bool known =
      valid && valid->dims()[1] == queries && (!batched || valid->dims()[0] == mask.dims()[0]);
  const std::vector<int64_t> counts = known ? valid->Ints() : std::vector<int64_t>();
  const int64_t batches = batched ? mask.dims()[0] : (known ? valid->dims()[0] : 1);
  Dims dims = mask.dims();
  dims[query_axis] = 1;
  std::vector<Tensor> rows;
  for (int64_t b = 0; b < batches; ++b) {
    absl::optional<Tensor> first;
    if (!batched && !rows.empty()) first = rows[0];
    for (int64_t i = 0; i < queries; ++i) {
      if (known && counts[b * queries + i] == 0) continue;
      const Tensor row = RowOf(mask, b, i);
      if (!first) {
        first = row;
      } else if (!first->SameContent(row)) {
        return absl::nullopt;
      }
    }
    if (!first) first = RowOf(mask, b, 0);  // a batch of padding only
    if (batched || rows.empty()) rows.push_back(*first);
  }
  if (rows.size() == 1) return rows[0];
  std::vector<const Tensor*> pointers;
  for (const Tensor& row : rows) pointers.push_back(&row);
  absl::StatusOr<std::vector<Tensor>> joined = evaluator::EvaluateNode(ir::Concat{0}, pointers, 1);
  G4C_CHECK(joined.ok());
  return (*joined)[0];
}

}  // namespace

absl::StatusOr<bool> FoldAttentionMask::FoldAdd(Graph& graph, NodeId id, Report& report) {
  const ValueId y = graph.node(id).outputs[0];
  const absl::optional<Operands> sum = OperandsOf<ir::Add>(graph, y);
  if (!sum || !FeedsOnlySoftmax(graph, y)) return false;
  const bool second = graph.IsConstant(sum->b);
  const ValueId mask = second ? sum->b : sum->a;
  const ValueId logits = second ? sum->a : sum->b;
  if (!graph.IsConstant(mask) || graph.IsConstant(logits)) return false;
  if (graph.value(logits).type != graph.value(y).type) return false;
  if (UniformFloat(graph, mask) == 0.0f) return ReplaceByEqual(graph, y, logits);

  const ir::Value& value = graph.value(mask);
  if (std::holds_alternative<ir::QuantPerChannel>(value.quantization)) return false;
  const Dims& dims = graph.value(logits).type.shape.dims();
  if (dims.size() < 2) return false;
  const Tensor full = AtRank(*value.constant, dims.size());
  const int query_axis = full.rank() - 2;
  Tensor row = full;
  if (full.dims()[query_axis] > 1) {
    if (!OnlyMasks(graph, mask)) {
      report.Declined(name(), ir::Describe(graph, id), "the mask is read elsewhere too");
      return false;
    }
    const absl::optional<Tensor> one = OneRow(full, options_.valid);
    if (!one) {
      report.Declined(
          name(), ir::Describe(graph, id),
          options_.valid
              ? "the mask differs between valid queries"
              : "the mask differs between queries, and which of them are padding is not known");
      return false;
    }
    row = *one;
  }
  // What does not vary over the batch or the heads is stored once.
  row = DistinctPart(Compacted(row));
  // One number for all keys masks nothing.
  if (row.NumElements() == 1) return false;
  if (row.dims() == value.constant->dims()) return false;
  if (DistinctBytes(row) > options_.max_bytes) {
    report.Declined(
        name(), ir::Describe(graph, id),
        absl::StrCat("its row has ", DistinctBytes(row), " bytes, more than ", options_.max_bytes));
    return false;
  }
  ir::Type type = value.type;
  type.shape = row.dims();
  const std::string value_name = value.name;
  const ir::Quantization q = value.quantization;
  const ir::QuantOrigin origin = value.quant_origin;
  report.Folded(name(), value_name, DistinctBytes(row));
  const ValueId folded = graph.AddConstant(value_name, std::move(type), std::move(row));
  graph.SetQuantization(folded, q, origin);
  graph.SetOperand(id, second ? 1 : 0, folded);
  graph.SwapNames(mask, folded);
  return true;
}

// Exporters of scaled_dot_product_attention guard against a query that sees no key: its logits are
// all -inf. Logits that are products are finite, and so is a row with a finite element in the mask.
bool FoldAttentionMask::DropNanGuard(Graph& graph, NodeId id) const {
  if (!std::holds_alternative<ir::Select>(graph.node(id).op)) return false;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId p = inputs[2];
  if (OperandOf<ir::IsNan>(graph, inputs[0]) != p) return false;
  ValueId logits = OperandOf<ir::Softmax>(graph, p);
  if (logits == ir::kNoValue) return false;
  if (const absl::optional<Operands> sum = OperandsOf<ir::Add>(graph, logits)) {
    const bool second = graph.IsConstant(sum->b);
    const ValueId mask = second ? sum->b : sum->a;
    if (!graph.IsConstant(mask)) return false;
    const Tensor& data = *graph.value(mask).constant;
    const std::vector<float> numbers = data.Floats();
    const int64_t keys = data.rank() == 0 ? 1 : data.dims().back();
    for (size_t begin = 0; begin < numbers.size(); begin += keys) {
      const auto first = numbers.begin() + begin;
      if (std::none_of(first, first + keys, [](float x) { return std::isfinite(x); })) return false;
    }
    logits = second ? sum->a : sum->b;
  }
  if (const auto scaled = NumberOperandOf<ir::Mul>(graph, logits)) logits = scaled->x;
  if (graph.ProducedBy<ir::BatchMatMul>(logits) == nullptr) return false;
  const ValueId y = graph.node(id).outputs[0];
  return graph.value(p).type == graph.value(y).type && ReplaceByEqual(graph, y, p);
}

absl::StatusOr<bool> FoldAttentionMask::FoldSelect(Graph& graph, NodeId id, Report& report) {
  if (!std::holds_alternative<ir::Select>(graph.node(id).op)) return false;
  const ValueId y = graph.node(id).outputs[0];
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (!FeedsOnlySoftmax(graph, y) || !graph.IsConstant(inputs[0])) return false;
  // select(c, s, fill), or select(c, fill, s)
  const bool fill_last = UniformFloat(graph, inputs[2]).has_value();
  const ValueId logits = inputs[fill_last ? 1 : 2];
  const absl::optional<float> fill = UniformFloat(graph, inputs[fill_last ? 2 : 1]);
  if (!fill || *fill > kMaskingFill || graph.value(logits).type != graph.value(y).type)
    return false;
  if (ir::HasQparams(graph.value(y).quantization)) return false;
  const Tensor condition = *graph.value(inputs[0]).constant;
  if (condition.rank() == 0) return false;

  // Every row of the condition must leave a key: a row of fills is uniform, but one of lowered
  // logits is not.
  const std::vector<int64_t> sees = condition.Ints();
  const int64_t keys = condition.dims().back();
  for (size_t begin = 0; begin < sees.size(); begin += keys) {
    const bool any = std::any_of(sees.begin() + begin, sees.begin() + begin + keys,
                                 [&](int64_t c) { return (c != 0) == fill_last; });
    if (any) continue;
    report.Declined(name(), ir::Describe(graph, id), "a query sees no key");
    return false;
  }
  const Tensor zero = Tensor::ScalarF32(0);
  const Tensor masked = Tensor::ScalarF32(*fill);
  const Tensor* operands[] = {&condition, fill_last ? &zero : &masked, fill_last ? &masked : &zero};
  ASSIGN_OR_RETURN(std::vector<Tensor> mask, evaluator::EvaluateNode(ir::Select{}, operands, 1));
  const std::string value_name = graph.value(inputs[0]).name;
  Become(graph, y, ir::Add{}, {logits, graph.AddConstant(value_name, std::move(mask[0]))});
  return true;
}

absl::StatusOr<bool> FoldAttentionMask::Run(Graph& graph, Report& report) {
  bool changed = false;
  for (NodeId id : graph.TopologicalOrder()) {
    if (graph.node(id).outputs.size() != 1) continue;
    ASSIGN_OR_RETURN(const bool select, FoldSelect(graph, id, report));
    ASSIGN_OR_RETURN(const bool add, FoldAdd(graph, id, report));
    changed |= select || add || DropNanGuard(graph, id);
  }
  if (changed) graph.EraseDead();
  return changed;
}

}  // namespace g4c::passes
