#include "evaluator/fast_attention.h"
#include "evaluator/fused_step.h"
#include "ir/resolve.h"

namespace g4c::evaluator {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

// One of a node's matrix operands, to be read with its last two axes swapped or not.
struct Operand {
  ValueId value;
  bool swap;

  Tensor Of(const Tensor& x) const {
    return swap ? x.Transposed(ir::FusedMatMulPerm(x.rank(), true, false)) : x;
  }
};

struct Product {
  Operand left, right;
};

// A product of matrices, of operands that have two axes at least.
absl::optional<Product> AsProduct(const Graph& graph, NodeId id) {
  if (id == ir::kNoNode) return absl::nullopt;
  const ir::Node& node = graph.node(id);
  const auto* batched = std::get_if<ir::BatchMatMul>(&node.op);
  if (batched == nullptr && !std::holds_alternative<ir::MatMul>(node.op)) return absl::nullopt;
  for (const ValueId operand : node.inputs) {
    const ir::Value& value = graph.value(operand);
    if (!IsStaticF32(value) || value.type.shape.rank() < 2) return absl::nullopt;
  }
  return Product{{node.inputs[0], batched != nullptr && batched->adj_x},
                 {node.inputs[1], batched != nullptr && batched->adj_y}};
}

// The factor of a softmax over the last axis.
absl::optional<float> SoftmaxBeta(const Graph& graph, const ir::Node& node) {
  if (const auto* softmax = std::get_if<ir::Softmax>(&node.op)) return softmax->beta;
  const auto* along = std::get_if<ir::SoftmaxAxis>(&node.op);
  const int rank = graph.value(node.inputs[0]).type.shape.rank();
  if (along == nullptr || (along->axis != -1 && along->axis != rank - 1)) return absl::nullopt;
  return 1.0f;
}

struct Match {
  Product logits;
  ValueId bias = ir::kNoValue;
  float beta = 1;
  // By AttentionStage.
  ValueId stages[3] = {ir::kNoValue, ir::kNoValue, ir::kNoValue};
  Operand v{};
  std::vector<NodeId> nodes;
};

// softmax(q k + bias) v that ends with node `last`.
absl::optional<Match> MatchAttention(const Graph& graph, NodeId last) {
  const absl::optional<Product> weighted = AsProduct(graph, last);
  if (!weighted.has_value() || weighted->left.swap) return absl::nullopt;
  Match match;
  match.v = weighted->right;
  match.stages[static_cast<int>(AttentionStage::kWeights)] = weighted->left.value;
  match.nodes = {last};
  // The producer of a value that only the step reads.
  const auto inside = [&](ValueId value) -> const ir::Node* {
    const NodeId producer = graph.value(value).producer;
    if (producer == ir::kNoNode || !graph.HasOneUse(value) || !IsStaticF32(graph.value(value))) {
      return nullptr;
    }
    match.nodes.push_back(producer);
    return &graph.node(producer);
  };
  const ir::Node* softmax = inside(weighted->left.value);
  if (softmax == nullptr || softmax->inputs.empty()) return absl::nullopt;
  if (!std::holds_alternative<ir::Softmax>(softmax->op) &&
      !std::holds_alternative<ir::SoftmaxAxis>(softmax->op)) {
    return absl::nullopt;
  }
  ValueId logits = softmax->inputs[0];
  if (!IsStaticF32(graph.value(logits)) || graph.value(logits).type.shape.rank() < 2) {
    return absl::nullopt;
  }
  const absl::optional<float> beta = SoftmaxBeta(graph, *softmax);
  if (!beta.has_value()) return absl::nullopt;
  match.beta = *beta;
  const ir::Node* producer = inside(logits);
  const auto* add = producer == nullptr ? nullptr : std::get_if<ir::Add>(&producer->op);
  if (add != nullptr && add->activation == ir::Activation::kNone) {
    const ir::Shape shape = graph.value(logits).type.shape;
    for (const int side : {0, 1}) {
      const ValueId product = producer->inputs[side];
      if (!AsProduct(graph, graph.value(product).producer).has_value()) continue;
      match.bias = producer->inputs[1 - side];
      match.stages[static_cast<int>(AttentionStage::kBiased)] = logits;
      if (graph.value(product).type.shape != shape || !IsStaticF32(graph.value(match.bias))) {
        return absl::nullopt;
      }
      logits = product;
      producer = inside(product);
      break;
    }
  }
  if (producer == nullptr) return absl::nullopt;
  const absl::optional<Product> product = AsProduct(graph, match.nodes.back());
  if (!product.has_value()) return absl::nullopt;
  match.logits = *product;
  match.stages[static_cast<int>(AttentionStage::kLogits)] = logits;
  return match;
}

}  // namespace

void AppendAttentionSteps(const Graph& graph, const std::vector<NodeId>& order,
                          std::vector<bool>& taken, std::vector<FusedStep>& steps) {
  for (const NodeId id : order) {
    absl::optional<Match> match = MatchAttention(graph, id);
    if (!match.has_value()) continue;
    bool free = true;
    for (const NodeId node : match->nodes) free = free && !taken[node];
    if (!free) continue;
    for (const NodeId node : match->nodes) taken[node] = true;
    FusedStep step;
    step.last = id;
    step.inputs = {match->logits.left.value, match->logits.right.value, match->v.value};
    if (match->bias != ir::kNoValue) step.inputs.push_back(match->bias);
    const ir::Dims dims = graph.value(graph.node(id).outputs[0]).type.shape.dims();
    const ir::Dims& logits = graph.value(match->stages[0]).type.shape.dims();
    // Of a v with more matrices the rows of the logits would come several times.
    step.shows = ir::NumElements(dims) * logits.back() == ir::NumElements(logits) * dims.back();
    for (const ValueId stage : match->stages) {
      if (stage != ir::kNoValue) step.inside.push_back(stage);
    }
    step.run = [match = *match, dims](absl::Span<Tensor* const> operands, const RowsHook& hook) {
      AttentionHook by_stage;
      if (hook != nullptr) {
        by_stage = [&](AttentionStage stage, int64_t row, absl::Span<float> rows) {
          hook(match.stages[static_cast<int>(stage)], row, rows);
        };
      }
      return FastAttention(match.logits.left.Of(*operands[0]), match.logits.right.Of(*operands[1]),
                           match.v.Of(*operands[2]), operands.size() > 3 ? operands[3] : nullptr,
                           match.beta, dims, by_stage);
    };
    steps.push_back(std::move(step));
  }
}

}  // namespace g4c::evaluator
