#include "quantization/constants.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel.h"
#include "base/text.h"
#include "quantization/finite.h"
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
  Choice Choose(NodeId id, int position) const {
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
    if (auto exact = ExactSplatQparams(data, *dtype)) return {*exact, ir::QuantOrigin::kDerived};
    if (!options_.activation) return {};
    return {ChooseQparams(RangeOf(data), *dtype), ir::QuantOrigin::kWeight};
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
};

bool IsMaskOrBound(const Node& node) {
  return std::holds_alternative<ir::Maximum>(node.op) ||
         std::holds_alternative<ir::Minimum>(node.op) ||
         std::holds_alternative<ir::Select>(node.op) || std::holds_alternative<ir::Add>(node.op) ||
         std::holds_alternative<ir::Quantize>(node.op);
}

// NaN is never allowed; -Inf as a mask fill and any Inf as a clamp bound are.
bool Allowed(const Node& reader, float x) {
  if (std::isnan(x)) return false;
  if (std::holds_alternative<ir::Add>(reader.op) || std::holds_alternative<ir::Select>(reader.op))
    return x < 0;
  return IsMaskOrBound(reader);
}

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

absl::Status CheckConstantsFinite(const Graph& graph) {
  constexpr int64_t kBlock = 1 << 16;
  struct Block {
    ValueId constant;
    NodeId reader;
    int64_t begin;
    int64_t size;
  };
  std::vector<Block> blocks;
  std::vector<bool> listed(graph.num_values(), false);
  for (NodeId id : graph.TopologicalOrder()) {
    for (ValueId input : graph.node(id).inputs) {
      if (!graph.IsConstant(input) || listed[input]) continue;
      const ir::Tensor& data = *graph.value(input).constant;
      if (!ir::IsFloat(data.dtype())) continue;
      listed[input] = true;
      const int64_t total = data.NumElements();
      for (int64_t begin = 0; begin < total; begin += kBlock) {
        blocks.push_back({input, id, begin, std::min(kBlock, total - begin)});
      }
    }
  }
  std::atomic<int64_t> first_bad{static_cast<int64_t>(blocks.size())};
  const auto bad_element = [&](const Block& block) -> absl::optional<std::pair<int64_t, float>> {
    const ir::Tensor& data = *graph.value(block.constant).constant;
    std::vector<float> converted;
    absl::Span<const float> elements;
    if (data.dtype() == ir::DType::kF32 && data.IsContiguous()) {
      elements = {data.data<float>() + block.begin, static_cast<size_t>(block.size)};
    } else {
      converted.resize(block.size);
      data.ReadFloats(block.begin, absl::MakeSpan(converted));
      elements = converted;
    }
    if (!AnyNotFinite(elements)) return absl::nullopt;
    for (int64_t i = 0; i < block.size; ++i) {
      if (!std::isfinite(elements[i]) && !Allowed(graph.node(block.reader), elements[i])) {
        return std::make_pair(block.begin + i, elements[i]);
      }
    }
    return absl::nullopt;
  };
  ParallelFor(static_cast<int64_t>(blocks.size()), [&](int64_t i) {
    if (i >= first_bad.load() || !bad_element(blocks[i])) return;
    int64_t seen = first_bad.load();
    while (i < seen && !first_bad.compare_exchange_weak(seen, i)) {
    }
  });
  const int64_t found = first_bad.load();
  if (found == static_cast<int64_t>(blocks.size())) return absl::OkStatus();
  const Block& block = blocks[found];
  const auto [place, element] = *bad_element(block);
  const bool repeatable = std::isnan(element);
  return InvalidInput("constant '", graph.value(block.constant).name, "' holds ",
                      FormatFloat(element), " at element ", place, "; it is read by ",
                      ir::Describe(graph, block.reader),
                      repeatable ? "" : ", which is no clamp and no mask",
                      ". Repair the checkpoint that the model was exported from");
}

}  // namespace g4c::quantization
