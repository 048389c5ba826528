#include "quantization/constants.h"

#include <algorithm>

#include "quantization/qparams.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

bool IsUnknown(const Graph& graph, ValueId id) {
  return std::holds_alternative<ir::QuantUnknown>(graph.value(id).quantization);
}

const ir::QuantPerTensor* PerTensor(const Graph& graph, ValueId id) {
  return std::get_if<ir::QuantPerTensor>(&graph.value(id).quantization);
}

// The scale of each output channel, or one scale.
std::vector<float> Scales(const ir::Quantization& q) {
  if (const auto* channels = std::get_if<ir::QuantPerChannel>(&q)) return channels->scales;
  return {std::get<ir::QuantPerTensor>(q).scale};
}

// qparams of a bias; unknown where input or weight have none.
ir::Quantization BiasQparams(const Graph& graph, const Node& node) {
  const ir::QuantPerTensor* input = PerTensor(graph, node.inputs[0]);
  const ir::Quantization& weight = graph.value(node.inputs[1]).quantization;
  if (input == nullptr || !ir::HasQparams(weight)) return ir::QuantUnknown{};
  const bool wide = input->dtype == ir::DType::kI16 || input->dtype == ir::DType::kU16;
  const ir::DType dtype = wide ? ir::DType::kI64 : ir::DType::kI32;
  std::vector<float> scales = Scales(weight);
  for (float& scale : scales) scale *= input->scale;
  if (scales.size() == 1) return ir::QuantPerTensor{dtype, scales[0], 0};
  const std::vector<int64_t> zero_points(scales.size(), 0);
  return ir::QuantPerChannel{dtype, 0, std::move(scales), zero_points};
}

class Filler {
 public:
  Filler(Graph& graph, const ConstantOptions& options) : graph_(graph), options_(options) {}

  absl::Status Run() {
    const std::vector<NodeId> order = graph_.TopologicalOrder();
    // Biases need the qparams of weights.
    for (const bool biases : {false, true}) {
      for (NodeId id : order) {
        for (size_t i = 0; i < graph_.node(id).inputs.size(); ++i) {
          const int position = static_cast<int>(i);
          if (IsBias(graph_.node(id), position) == biases) Fill(id, position);
        }
      }
    }
    for (const ir::GraphOutput& output : graph_.outputs()) {
      if (!graph_.IsConstant(output.value) || !IsUnknown(graph_, output.value) ||
          !options_.activation)
        continue;
      if (!IsReal(graph_.value(output.value))) continue;
      Set(output.value,
          ChooseQparams(RangeOf(*graph_.value(output.value).constant), *options_.activation),
          ir::QuantOrigin::kWeight);
    }
    return absl::OkStatus();
  }

 private:
  void Set(ValueId id, ir::Quantization q, ir::QuantOrigin origin) {
    graph_.SetQuantization(id, std::move(q), origin);
  }

  struct Choice {
    ir::Quantization q = ir::QuantUnknown{};
    ir::QuantOrigin origin = ir::QuantOrigin::kNone;
  };

  // What this reader wants of a constant.
  Choice Choose(NodeId id, int position) {
    const Node& node = graph_.node(id);
    const ValueId constant = node.inputs[position];
    const ir::Tensor& data = *graph_.value(constant).constant;
    if (IsBias(node, position)) return {BiasQparams(graph_, node), ir::QuantOrigin::kDerived};
    if (IsWeight(node, position)) {
      if (!options_.weight) return {};
      return {ChooseWeightQparams(data, 0, *options_.weight), ir::QuantOrigin::kWeight};
    }
    const bool bound = std::holds_alternative<ir::Maximum>(node.op) ||
                       std::holds_alternative<ir::Minimum>(node.op);
    if (bound) {
      // Runtimes compare the stored integers: both sides need one set of qparams.
      const ir::QuantPerTensor* other = PerTensor(graph_, node.inputs[1 - position]);
      if (other == nullptr) return {};
      return {*other, ir::QuantOrigin::kDerived};
    }
    absl::optional<ir::DType> dtype = ResultDType(node);
    if (!dtype) dtype = options_.activation;
    if (!dtype) dtype = OperandDType(node);
    if (!dtype) return {};
    const Range range = RangeOnce(data);
    if (auto exact = ExactSplatQparams(range, *dtype)) return {*exact, ir::QuantOrigin::kDerived};
    if (!options_.activation) return {};
    return {ChooseQparams(range, *dtype), ir::QuantOrigin::kWeight};
  }

  // Layers read the same tables as constants of their own.
  Range RangeOnce(const ir::Tensor& data) {
    auto& [seen, range] = ranges_[data.storage()];
    if (!seen.SameView(data)) {
      seen = data;
      range = RangeOf(data);
    }
    return range;
  }

  // An operator computes in the dtype of its result.
  absl::optional<ir::DType> ResultDType(const Node& node) const { return FirstDType(node.outputs); }
  absl::optional<ir::DType> OperandDType(const Node& node) const { return FirstDType(node.inputs); }

  absl::optional<ir::DType> FirstDType(const std::vector<ValueId>& values) const {
    for (ValueId id : values) {
      if (id == ir::kNoValue) continue;
      if (const ir::QuantPerTensor* q = PerTensor(graph_, id)) return q->dtype;
    }
    return absl::nullopt;
  }

  void Fill(NodeId id, int position) {
    const ValueId constant = graph_.node(id).inputs[position];
    if (!graph_.IsConstant(constant) || !IsReal(graph_.value(constant))) return;
    if (ir::IsInteger(graph_.value(constant).constant->dtype())) return;
    const auto chosen_before = chosen_.find(constant);
    if (chosen_before == chosen_.end() && !IsUnknown(graph_, constant)) return;
    const Choice choice = Choose(id, position);
    if (!ir::HasQparams(choice.q)) return;
    if (chosen_before == chosen_.end()) {
      Set(constant, choice.q, choice.origin);
      chosen_[constant] = {constant};
      return;
    }
    for (ValueId twin : chosen_before->second) {
      if (graph_.value(twin).quantization == choice.q) return graph_.SetOperand(id, position, twin);
    }
    const std::string name = graph_.value(constant).name;
    const ir::Type type = graph_.value(constant).type;
    const ir::Tensor data = *graph_.value(constant).constant;
    const ValueId twin = graph_.AddConstant(name, type, data);
    Set(twin, choice.q, choice.origin);
    chosen_before->second.push_back(twin);
    graph_.SetOperand(id, position, twin);
  }

  Graph& graph_;
  const ConstantOptions& options_;
  // Constants that were given qparams here: the value for each set of them.
  absl::flat_hash_map<ValueId, std::vector<ValueId>> chosen_;
  absl::flat_hash_map<const void*, std::pair<ir::Tensor, Range>> ranges_;  // by storage
};

}  // namespace

bool IsWeight(const Node& node, int position) {
  return position == 1 && std::holds_alternative<ir::FullyConnected>(node.op);
}

bool IsBias(const Node& node, int position) {
  return position == 2 && std::holds_alternative<ir::FullyConnected>(node.op);
}

absl::Status QuantizeConstants(Graph& graph, const ConstantOptions& options) {
  return Filler(graph, options).Run();
}

}  // namespace g4c::quantization
