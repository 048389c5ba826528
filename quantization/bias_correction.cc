#include "quantization/bias_correction.h"

#include "absl/strings/str_cat.h"

namespace g4c::quantization {
namespace {

ir::ValueId BiasOf(const ir::Node& node) {
  return node.inputs.size() > 2 ? node.inputs[2] : ir::kNoValue;
}

}  // namespace

bool HasFreeBias(const ir::Graph& graph, ir::NodeId id) {
  const ir::ValueId bias = BiasOf(graph.node(id));
  if (bias == ir::kNoValue) return true;
  const ir::Value& value = graph.value(bias);
  return value.constant.has_value() && ir::IsFloat(value.constant->dtype()) &&
         !ir::HasQparams(value.quantization);
}

std::vector<float> LostMeans(absl::Span<const float> real_weight,
                             absl::Span<const float> given_weight,
                             absl::Span<const double> real_means,
                             absl::Span<const double> given_means) {
  const size_t columns = real_means.size();
  std::vector<float> shift(real_weight.size() / columns);
  for (size_t row = 0; row < shift.size(); ++row) {
    double sum = 0;
    for (size_t j = 0; j < columns; ++j) {
      sum += real_weight[row * columns + j] * real_means[j] -
             given_weight[row * columns + j] * given_means[j];
    }
    shift[row] = static_cast<float>(sum);
  }
  return shift;
}

void AddToBias(ir::Graph& graph, ir::NodeId id, absl::Span<const float> shift) {
  const ir::ValueId bias = BiasOf(graph.node(id));
  std::vector<float> sums(shift.begin(), shift.end());
  if (bias != ir::kNoValue) {
    const std::vector<float> before = graph.value(bias).constant->Floats();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += before[i];
  }
  const ir::Tensor data =
      ir::Tensor::Of<float>(ir::DType::kF32, {static_cast<int64_t>(sums.size())}, sums);
  if (bias != ir::kNoValue && graph.HasOneUse(bias)) return graph.SetConstant(bias, data);
  const ir::Node& node = graph.node(id);
  std::vector<ir::ValueId> operands(node.inputs.begin(), node.inputs.begin() + 2);
  const std::string name = absl::StrCat(graph.value(operands[1]).name, ".bias");
  operands.push_back(graph.AddConstant(name, data));
  graph.SetOperands(id, std::move(operands));
}

}  // namespace g4c::quantization
