#include "quantization/mask_fill.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "quantization/fixed_range.h"

namespace g4c::quantization {
namespace {

int64_t MaskedKeys(const ir::Tensor& mask) {
  int64_t most = 0;
  const int64_t keys = mask.dims().back();
  const std::vector<float> entries = mask.Floats();
  for (size_t row = 0; row < entries.size(); row += keys) {
    int64_t masked = 0;
    for (int64_t key = 0; key < keys; ++key) masked += entries[row + key] != 0;
    // A fully masked row is a padded query: meaningless whatever it gets.
    if (masked < keys) most = std::max(most, masked);
  }
  return std::max<int64_t>(most, 1);
}

}  // namespace

ir::Tensor MaskWithFill(const ir::Tensor& mask, float fill) {
  std::vector<float> entries = mask.Floats();
  for (float& x : entries) x = x == 0 ? 0 : fill;
  return ir::Tensor::Of<float>(ir::DType::kF32, mask.dims(), entries);
}

absl::Status ChooseMaskFills(ir::Graph& graph, const Observations& observations,
                             const ActivationDTypes& activations, ir::QuantOrigin origin) {
  // Layers share a mask constant; each fill goes to a constant of its own.
  std::map<std::pair<ir::ValueId, float>, ir::ValueId> filled;
  for (const MaskedLogits& masked : FindMaskedLogits(graph)) {
    if (!std::holds_alternative<ir::QuantUnknown>(graph.value(masked.sum).quantization)) continue;
    if (masked.logits >= static_cast<ir::ValueId>(observations.size())) continue;
    const Observation& seen = observations[masked.logits];
    if (seen.range.empty()) continue;
    const ir::DType activation = activations.Of(masked.sum);
    const ir::Tensor mask = *graph.value(masked.mask).constant;
    const ir::Node& softmax = graph.node(graph.Uses(masked.sum)[0].node);
    const auto output = FixedRangeQparams(softmax.op, activations.Of(softmax.outputs[0]));
    const double quantum = output ? output->scale : 1.0 / 256;
    const double depth = std::log(2.0 * static_cast<double>(MaskedKeys(mask)) / quantum);
    const float bottom = static_cast<float>(seen.lowest_row_max - depth);
    const float hi = WithHeadroom(seen.range, activation).hi;
    ir::QuantPerTensor q = ChooseQparams({bottom, std::max(0.0f, hi)}, activation);
    graph.SetQuantization(masked.sum, q, origin);

    const float fill = RepresentableRange(q).lo - hi;
    auto [it, inserted] = filled.try_emplace({masked.mask, fill}, ir::kNoValue);
    if (inserted) {
      const std::string name = graph.value(masked.mask).name;
      it->second = graph.AddConstant(name, MaskWithFill(mask, fill));
      graph.SetQuantization(it->second, ChooseQparams({fill, 0}, activation),
                            ir::QuantOrigin::kDerived);
    }
    const int side = graph.node(masked.add).inputs[0] == masked.mask ? 0 : 1;
    graph.SetOperand(masked.add, side, it->second);
  }
  return absl::OkStatus();
}

}  // namespace g4c::quantization
