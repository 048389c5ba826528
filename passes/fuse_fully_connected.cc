#include "passes/fuse_fully_connected.h"

#include "passes/matchers.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// The constant right operand of a batch_matmul as a weight [n, k]; kNoValue where it cannot be one.
ValueId WeightOf(Graph& graph, ValueId operand, bool adjoint) {
  const ir::Value& value = graph.value(operand);
  const Dims& dims = value.type.shape.dims();
  const int rank = static_cast<int>(dims.size());
  if (rank < 2 || ir::NumElements(Dims(dims.begin(), dims.end() - 2)) != 1) return ir::kNoValue;
  const int channel_axis = adjoint ? rank - 2 : rank - 1;
  ir::Quantization q = value.quantization;
  if (auto* channels = std::get_if<ir::QuantPerChannel>(&q)) {
    if (channels->axis != channel_axis) return ir::kNoValue;
    channels->axis = 0;
  }
  if (rank == 2 && adjoint) return operand;
  // Reshaping a transposed view would copy it.
  ir::Tensor matrix = *value.constant;
  if (rank > 2) matrix = matrix.Reshaped({dims[rank - 2], dims[rank - 1]});
  if (!adjoint) matrix = matrix.Transposed({1, 0});
  ir::Type type = value.type;
  type.shape = matrix.dims();
  const ir::QuantOrigin origin = value.quant_origin;
  const std::string name = value.name;
  const ValueId weight = graph.AddConstant(name, std::move(type), std::move(matrix));
  graph.SetQuantization(weight, std::move(q), origin);
  graph.SwapNames(operand, weight);
  return weight;
}

absl::StatusOr<bool> FuseProduct(Graph& graph, NodeId id) {
  const auto* product = std::get_if<ir::BatchMatMul>(&graph.node(id).op);
  if (product == nullptr || product->adj_x || !graph.IsConstant(graph.node(id).inputs[1]))
    return false;
  const ValueId x = graph.node(id).inputs[0];
  const ValueId y = graph.node(id).outputs[0];
  if (graph.IsConstant(x)) return false;  // folded, unless that is declined
  const bool adjoint = product->adj_y;
  const ValueId w = graph.node(id).inputs[1];
  const ValueId weight = WeightOf(graph, w, adjoint);
  if (weight == ir::kNoValue) return false;
  const Dims dims = graph.value(y).type.shape.dims();
  if (dims.size() == graph.value(x).type.shape.dims().size()) {
    Become(graph, y, ir::FullyConnected{}, {x, weight, ir::kNoValue});
    return true;
  }
  // Leading dims of 1 that the weight had and x has not.
  RewriteBuilder build(graph, y);
  const ValueId narrow = build.Add(ir::FullyConnected{}, {x, weight, ir::kNoValue});
  RETURN_IF_ERROR(build.status());
  graph.SetQuantization(narrow, graph.value(y).quantization, graph.value(y).quant_origin);
  Become(graph, y, ir::Reshape{dims}, {narrow});
  return true;
}

// The constant as a bias vector of n numbers; kNoValue where it is none.
ValueId BiasOf(Graph& graph, ValueId operand, int64_t n) {
  if (!graph.IsConstant(operand)) return ir::kNoValue;
  const ir::Value& value = graph.value(operand);
  const Dims& dims = value.type.shape.dims();
  const int64_t count = ir::NumElements(dims);
  // A bias of one number for all channels, too.
  if (count != 1 && (count != n || dims.back() != n)) return ir::kNoValue;
  ir::Tensor data = ir::HasQparams(value.quantization) ? RealData(value) : *value.constant;
  data = data.Reshaped({count}).BroadcastTo({n});
  if (count == n && dims.size() == 1 && !ir::HasQparams(value.quantization)) return operand;
  ir::Type type = value.type;
  type.shape = Dims{n};
  const std::string name = value.name;
  return graph.AddConstant(name, std::move(type), std::move(data));
}

bool FuseBias(Graph& graph, NodeId id, Report& report) {
  const ValueId y = graph.node(id).outputs[0];
  const absl::optional<Operands> sum = OperandsOf<ir::Add>(graph, y);
  if (!sum) return false;
  for (const auto& [product, bias] : {Operands{sum->a, sum->b}, Operands{sum->b, sum->a}}) {
    const ir::Node* node = graph.Producer(product);
    if (node == nullptr || !IsPlain<ir::FullyConnected>(node->op) || !graph.HasOneUse(product))
      continue;
    if (node->inputs.size() > 2 && node->inputs[2] != ir::kNoValue) continue;
    if (graph.value(product).type != graph.value(y).type) continue;
    const ValueId x = node->inputs[0];
    const ValueId weight = node->inputs[1];
    const ValueId vector = BiasOf(graph, bias, graph.value(y).type.shape.dims().back());
    if (vector == ir::kNoValue) continue;
    report.FusedQparams(ir::HasQparams(graph.value(product).quantization));
    const ir::Provenance provenance = graph.Producer(product)->provenance;
    graph.MergeProvenance(id, provenance);
    Become(graph, y, ir::FullyConnected{}, {x, weight, vector});
    return true;
  }
  return false;
}

bool DropZeroBias(Graph& graph, NodeId id) {
  if (!std::holds_alternative<ir::FullyConnected>(graph.node(id).op)) return false;
  std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() < 3 || inputs[2] == ir::kNoValue || UniformFloat(graph, inputs[2]) != 0.0f)
    return false;
  inputs[2] = ir::kNoValue;
  graph.SetOperands(id, std::move(inputs));
  return true;
}

// Elements [begin, begin + size) of axis 0 of a constant: a view.
ValueId Rows(Graph& graph, ValueId constant, int64_t begin, int64_t size) {
  const ir::Value value = graph.value(constant);
  const Dims& from = value.type.shape.dims();
  ir::Slice slice{ir::Ints(from.size(), 0), from, ir::Ints(from.size(), 1)};
  slice.begin[0] = begin;
  slice.size[0] = size;
  ir::Type type = value.type;
  type.shape = slice.size;
  const absl::optional<ir::Quantization> q =
      MovedQuantization(slice, value.quantization, from, slice.size, 0);
  const ValueId rows = graph.AddConstant(value.name, type, value.constant->Sliced(0, begin, size));
  graph.SetQuantization(rows, *q, value.quant_origin);
  return rows;
}

absl::StatusOr<bool> SplitProduct(Graph& graph, NodeId id) {
  const auto* split = std::get_if<ir::Split>(&graph.node(id).op);
  if (split == nullptr) return false;
  const ValueId joint = graph.node(id).inputs[0];
  const ir::Node* product = graph.Producer(joint);
  const int last = graph.value(joint).type.shape.rank() - 1;
  if (product == nullptr || !IsPlain<ir::FullyConnected>(product->op) || !graph.HasOneUse(joint) ||
      split->axis != last)
    return false;
  const std::vector<ValueId> inputs = product->inputs;
  const bool has_bias = inputs.size() > 2 && inputs[2] != ir::kNoValue;
  if (!graph.IsConstant(inputs[1]) || (has_bias && !graph.IsConstant(inputs[2]))) return false;
  const ir::Quantization q = graph.value(joint).quantization;
  const std::vector<ValueId> pieces = graph.node(id).outputs;
  for (ValueId piece : pieces) {
    const ir::Quantization& own = graph.value(piece).quantization;
    if (ir::HasQparams(own) && own != q) return false;  // a requantisation of the piece
  }
  const ir::QuantOrigin origin = graph.value(joint).quant_origin;
  const ir::Provenance provenance = product->provenance;
  const ir::Ints sizes = split->sizes;
  graph.MergeProvenance(id, provenance);
  int64_t begin = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    RewriteBuilder build(graph, pieces[i]);
    const ValueId bias = has_bias ? Rows(graph, inputs[2], begin, sizes[i]) : ir::kNoValue;
    const ValueId product_of_rows =
        build.Add(ir::FullyConnected{}, {inputs[0], Rows(graph, inputs[1], begin, sizes[i]), bias});
    RETURN_IF_ERROR(build.Finish(product_of_rows));
    graph.SetQuantization(product_of_rows, q, origin);
    begin += sizes[i];
  }
  return true;
}

}  // namespace

absl::StatusOr<bool> FuseFullyConnected::Run(Graph& graph, Report& report) {
  int fused = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    absl::StatusOr<bool> product = FuseProduct(graph, id);
    if (!product.ok())
      return Prefixed(product.status(), absl::StrCat(ir::Describe(graph, id), ": "));
    absl::StatusOr<bool> split = SplitProduct(graph, id);
    if (!split.ok()) return Prefixed(split.status(), absl::StrCat(ir::Describe(graph, id), ": "));
    fused += *product + *split + FuseBias(graph, id, report) + DropZeroBias(graph, id);
  }
  report.Count(name(), fused);
  if (fused > 0) graph.EraseDead();
  return fused > 0;
}

}  // namespace g4c::passes
