#include <algorithm>

#include "base/status.h"
#include "passes/legal_rule.h"
#include "passes/matchers.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// The qparams of `as` also hold for a value that has the same numbers in another shape.
void SameQparams(Graph& graph, ValueId value, ValueId as) {
  graph.SetQuantization(value, graph.value(as).quantization, graph.value(as).quant_origin);
}

// A constant with data of `as` in another shape; integers still stand for reals.
ValueId ConstantLike(Graph& graph, RewriteBuilder& build, ValueId as, ir::Tensor data) {
  const ir::Type type{graph.value(as).type.dtype, ir::Shape(data.dims())};
  const ValueId constant = build.Constant(std::move(data));
  graph.SetType(constant, type);
  SameQparams(graph, constant, as);
  return constant;
}

// batch_matmul(k, b), k a constant  ->  transpose(fully_connected(b^T, k)), or with a batch
//                                       transpose(batch_matmul(b^T, k^T))
absl::StatusOr<bool> SwapConstantProduct(Graph& graph, NodeId id, const RuleContext&) {
  const auto* product = std::get_if<ir::BatchMatMul>(&graph.node(id).op);
  if (product == nullptr || !graph.IsConstant(graph.node(id).inputs[0])) return false;
  const ValueId a = graph.node(id).inputs[0];
  const ValueId b = graph.node(id).inputs[1];
  const ValueId y = graph.node(id).outputs[0];
  const ir::BatchMatMul op = *product;
  const Dims a_dims = DimsOf(graph, a);
  const bool per_channel = std::holds_alternative<ir::QuantPerChannel>(graph.value(a).quantization);
  if (per_channel || graph.IsConstant(b)) return false;
  RewriteBuilder build(graph, y);
  ValueId swapped;
  const size_t rank = a_dims.size();
  if (ir::NumElements(Dims(a_dims.begin(), a_dims.end() - 2)) == 1 &&
      DimsOf(graph, b).size() >= rank) {
    ir::Tensor weight = graph.value(a).constant->Reshaped({a_dims[rank - 2], a_dims[rank - 1]});
    if (op.adj_x) weight = weight.Transposed({1, 0});
    const ValueId constant = ConstantLike(graph, build, a, std::move(weight));
    ValueId rows = b;
    if (!op.adj_y) {
      rows = build.Swap(b);
      RETURN_IF_ERROR(build.status());
      SameQparams(graph, rows, b);
    }
    swapped = build.Add(ir::FullyConnected{}, {rows, constant, ir::kNoValue});
  } else {
    swapped = build.Add(ir::BatchMatMul{!op.adj_y, !op.adj_x}, {b, a});
  }
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, swapped, y);
  RETURN_IF_ERROR(build.Finish(build.Swap(swapped)));
  return true;
}

// batch_matmul(a, b)  ->  reshape(batch_matmul(reshape(a), reshape(b))) with one leading axis
absl::StatusOr<bool> NarrowProduct(Graph& graph, NodeId id, const RuleContext&) {
  const auto* product = std::get_if<ir::BatchMatMul>(&graph.node(id).op);
  if (product == nullptr) return false;
  const ValueId y = graph.node(id).outputs[0];
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ir::BatchMatMul op = *product;
  const Dims dims = DimsOf(graph, y);
  if (dims.size() <= 3) return false;
  // The batch as one axis where it is the same on both sides; else its last axis, which may be
  // broadcast, stays one of its own.
  const auto agrees = [&](size_t behind) {
    return std::all_of(inputs.begin(), inputs.end(), [&](ValueId input) {
      const Dims& own = DimsOf(graph, input);
      return own.size() == dims.size() &&
             std::equal(own.begin(), own.end() - behind, dims.begin(), dims.end() - behind);
    });
  };
  const size_t kept = agrees(2) ? 2 : 3;
  if (dims.size() <= kept + 1 || !agrees(kept)) {
    return Unsupported("the batches ", ir::ShapeText(DimsOf(graph, inputs[0])), " and ",
                       ir::ShapeText(DimsOf(graph, inputs[1])), " cannot be one axis");
  }
  RewriteBuilder build(graph, y);
  std::vector<ValueId> narrow;
  for (ValueId input : inputs) {
    const Dims own = DimsOf(graph, input);
    Dims joined = {ir::NumElements(Dims(own.begin(), own.end() - kept))};
    joined.insert(joined.end(), own.end() - kept, own.end());
    const ValueId reshaped = build.Reshape(input, joined);
    RETURN_IF_ERROR(build.status());
    SameQparams(graph, reshaped, input);
    narrow.push_back(reshaped);
  }
  const ValueId result = build.Add(op, narrow);
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, result, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(result, dims)));
  return true;
}

// split(x)  ->  slice(x), slice(x), ...
absl::StatusOr<bool> SplitAsSlices(Graph& graph, NodeId id, const RuleContext&) {
  const auto* op = std::get_if<ir::Split>(&graph.node(id).op);
  if (op == nullptr) return false;
  const ir::Split split = *op;
  const ValueId x = graph.node(id).inputs[0];
  const std::vector<ValueId> pieces = graph.node(id).outputs;
  int64_t begin = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    RewriteBuilder build(graph, pieces[i]);
    const ValueId piece = build.Slice(x, static_cast<int>(split.axis), begin, split.sizes[i]);
    RETURN_IF_ERROR(build.status());
    SameQparams(graph, piece, pieces[i]);
    RETURN_IF_ERROR(build.Finish(piece));
    begin += split.sizes[i];
  }
  return true;
}

// op(x), along the last axis -> reshape(op(reshape(x, [1, n, c])))
absl::StatusOr<bool> RowsOfRank3(Graph& graph, NodeId id, const RuleContext&) {
  const ir::Op op = graph.node(id).op;
  if (!std::holds_alternative<ir::RmsNorm>(op) && !std::holds_alternative<ir::L2Norm>(op) &&
      !std::holds_alternative<ir::Softmax>(op) && !std::holds_alternative<ir::FullyConnected>(op)) {
    return false;
  }
  std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId y = graph.node(id).outputs[0];
  const Dims dims = DimsOf(graph, inputs[0]);
  if (dims.empty() || dims.size() == 3) return false;
  RewriteBuilder build(graph, y);
  const int64_t columns = std::max<int64_t>(1, dims.back());
  inputs[0] = build.Reshape(inputs[0], {1, ir::NumElements(dims) / columns, dims.back()});
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, inputs[0], graph.node(id).inputs[0]);
  const ValueId rows = build.Add(op, inputs);
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, rows, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(rows, DimsOf(graph, y))));
  return true;
}

// op(a, b, ...), element by element -> reshape(op(reshape(a, [n]), ...)), operands of y's shape or
// of one element
absl::StatusOr<bool> ElementsOfRank1(Graph& graph, NodeId id, const RuleContext&) {
  const ir::Op op = graph.node(id).op;
  const bool converts = ir::InfoOf(op).rule == ir::QparamRule::kConverts;
  if (!IsElementwise(op) && !converts) return false;
  const ValueId y = graph.node(id).outputs[0];
  const Dims dims = DimsOf(graph, y);
  if (dims.size() <= 1) return false;
  std::vector<ValueId> inputs = graph.node(id).inputs;
  RewriteBuilder build(graph, y);
  for (ValueId& input : inputs) {
    if (input == ir::kNoValue) continue;
    const Dims own = DimsOf(graph, input);
    const bool single = ir::NumElements(own) == 1;
    if (own != dims && !single) return false;
    if (std::holds_alternative<ir::QuantPerChannel>(graph.value(input).quantization)) return false;
    const Dims flat_dims = {single ? 1 : ir::NumElements(dims)};
    const ValueId flat =
        graph.IsConstant(input)
            ? ConstantLike(graph, build, input, graph.value(input).constant->Reshaped(flat_dims))
            : build.Reshape(input, flat_dims);
    RETURN_IF_ERROR(build.status());
    if (flat != input) SameQparams(graph, flat, input);
    input = flat;
  }
  const ValueId flat = build.Add(op, inputs);
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, flat, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(flat, dims)));
  return true;
}

// reduce(x) over adjacent axes  ->  reshape(reduce(reshape(x), axis 1)) of rank 3
template <typename ReduceOp>
absl::StatusOr<bool> NarrowReduceOf(Graph& graph, NodeId id, const ReduceOp& reduce) {
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  const Dims dims = DimsOf(graph, x);
  if (dims.size() <= 3 || reduce.axes.empty()) return false;
  const size_t first = reduce.axes.front();
  const size_t last = reduce.axes.back();
  if (last - first + 1 != reduce.axes.size()) {
    return Unsupported("the reduced axes are not adjacent");
  }
  const auto product = [&](size_t begin, size_t end) {
    return ir::NumElements(Dims(dims.begin() + begin, dims.begin() + end));
  };
  RewriteBuilder build(graph, y);
  const ValueId flat = build.Reshape(
      x, {product(0, first), product(first, last + 1), product(last + 1, dims.size())});
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, flat, x);
  const ValueId reduced = build.Add(ReduceOp{{1}, true}, {flat});
  RETURN_IF_ERROR(build.status());
  SameQparams(graph, reduced, y);
  RETURN_IF_ERROR(build.Finish(build.Reshape(reduced, DimsOf(graph, y))));
  return true;
}

absl::StatusOr<bool> NarrowReduce(Graph& graph, NodeId id, const RuleContext&) {
  const ir::Op op = graph.node(id).op;
  if (const auto* sum = std::get_if<ir::ReduceSum>(&op)) return NarrowReduceOf(graph, id, *sum);
  if (const auto* mean = std::get_if<ir::ReduceMean>(&op)) return NarrowReduceOf(graph, id, *mean);
  if (const auto* max = std::get_if<ir::ReduceMax>(&op)) return NarrowReduceOf(graph, id, *max);
  if (const auto* min = std::get_if<ir::ReduceMin>(&op)) return NarrowReduceOf(graph, id, *min);
  return false;
}

constexpr LegalRule kRules[] = {
    {"swap-constant-product", SwapConstantProduct},
    {"product-of-rank-3", NarrowProduct},
    {"split-as-slices", SplitAsSlices},
    {"rows-of-rank-3", RowsOfRank3},
    {"reduce-of-rank-3", NarrowReduce},
    {"elements-of-rank-1", ElementsOfRank1},
};

}  // namespace

absl::Span<const LegalRule> ShapeRules() { return kRules; }

}  // namespace g4c::passes
