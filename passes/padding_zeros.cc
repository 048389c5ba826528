#include "passes/padding_zeros.h"

#include <algorithm>

#include "passes/constants.h"
#include "passes/fold_attention_mask.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

bool AllZero(const ir::Tensor& data) {
  const std::vector<float> elements = data.Floats();
  return std::all_of(elements.begin(), elements.end(), [](float x) { return x == 0; });
}

// The parts of `data` outside `kept` along `axis`.
std::vector<ir::Tensor> Dropped(const ir::Tensor& data, int axis, PatchRun kept) {
  return {data.Sliced(axis, 0, kept.begin),
          data.Sliced(axis, kept.end, data.dims()[axis] - kept.end)};
}

// f(0) = 0, element by element or along the last axis.
bool KeepsZero(const ir::Op& op) {
  if (const auto* clamp = std::get_if<ir::Clamp>(&op)) return clamp->min <= 0 && clamp->max >= 0;
  return std::visit(
      [](const auto& concrete) {
        using T = std::decay_t<decltype(concrete)>;
        return kIsOneOf<T, ir::Abs, ir::Cast, ir::Ceil, ir::Dequantize, ir::Erf, ir::Floor,
                        ir::Gelu, ir::L2Norm, ir::Neg, ir::Quantize, ir::Relu, ir::RmsNorm,
                        ir::Round, ir::Sign, ir::Sin, ir::Sqrt, ir::Square, ir::Tanh,
                        ir::BroadcastTo, ir::Slice, ir::Split>;
      },
      op);
}

}  // namespace

PaddingZeros::PaddingZeros(const ir::Graph& graph, const quantization::ValidRows& rows,
                           PatchRun kept)
    : graph_(graph),
      rows_(rows),
      kept_(kept),
      masked_sums_(graph.num_values(), false),
      zeros_(graph.num_values(), 0) {
  for (const quantization::MaskedLogits& masked : quantization::FindMaskedLogits(graph)) {
    // What the quantiser put in is a mask by construction; a weak fill of the source's is not one.
    const std::vector<float> mask = RealData(graph.value(masked.mask)).Floats();
    masked_sums_[masked.sum] = ir::HasQparams(graph.value(masked.sum).quantization) ||
                               *std::min_element(mask.begin(), mask.end()) <= kMaskingFill;
  }
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    if (graph.IsConstant(id)) zeros_[id] = OfConstant(id);
  }
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    for (ir::ValueId result : node.outputs) {
      if (!rows.PatchAxes(result).empty()) zeros_[result] = OfResult(node, result);
    }
  }
}

PaddingZeros::AxisMask PaddingZeros::OfConstant(ir::ValueId id) const {
  AxisMask zeros = 0;
  const ir::Value& value = graph_.value(id);
  if (UniformFloat(graph_, id) == 0.0f) return kEverywhere;
  if (rows_.PatchAxes(id).empty() || value.type.dtype != ir::DType::kF32) return zeros;
  const ir::Tensor data = RealData(value);
  for (int axis : rows_.PatchAxes(id)) {
    const std::vector<ir::Tensor> dropped = Dropped(data, axis, kept_);
    if (std::all_of(dropped.begin(), dropped.end(), AllZero)) zeros |= AxisMask{1} << axis;
  }
  return zeros;
}

PaddingZeros::AxisMask PaddingZeros::Aligned(ir::ValueId operand, int rank) const {
  if (zeros_[operand] == kEverywhere) return kEverywhere;
  return zeros_[operand] << (rank - graph_.value(operand).type.shape.rank());
}

bool PaddingZeros::IsMaskedSum(ir::ValueId id) const {
  while (graph_.ProducedBy<ir::Quantize>(id) != nullptr ||
         graph_.ProducedBy<ir::Dequantize>(id) != nullptr) {
    id = graph_.Producer(id)->inputs[0];
  }
  return masked_sums_[id];
}

PaddingZeros::AxisMask PaddingZeros::OfSelect(const ir::Node& node, int rank) const {
  const ir::ValueId condition = node.inputs[0];
  const AxisMask a = Aligned(node.inputs[1], rank);
  const AxisMask b = Aligned(node.inputs[2], rank);
  AxisMask zeros = a & b;
  if (!graph_.IsConstant(condition)) return zeros;
  const ir::Tensor& data = *graph_.value(condition).constant;
  // The branch that a padded patch takes is the only one that matters there.
  for (int axis : rows_.PatchAxes(condition)) {
    bool any_a = false;
    bool any_b = false;
    for (const ir::Tensor& part : Dropped(data, axis, kept_)) {
      for (float chosen : part.Floats()) (chosen != 0 ? any_a : any_b) = true;
    }
    const AxisMask bit = AxisMask{1} << (axis + rank - data.rank());
    if (!any_a) zeros |= b & bit;
    if (!any_b) zeros |= a & bit;
  }
  return zeros;
}

PaddingZeros::AxisMask PaddingZeros::OfProduct(const ir::Node& node, const ir::BatchMatMul& product,
                                               int rank) const {
  const AxisMask last_two = AxisMask{3} << (rank - 2);
  const AxisMask x = Aligned(node.inputs[0], rank);
  const AxisMask y = Aligned(node.inputs[1], rank);
  AxisMask zeros = (x | y) & ~last_two;
  if ((x >> (product.adj_x ? rank - 1 : rank - 2)) & 1) zeros |= AxisMask{1} << (rank - 2);
  if ((y >> (product.adj_y ? rank - 2 : rank - 1)) & 1) zeros |= AxisMask{1} << (rank - 1);
  return zeros;
}

PaddingZeros::AxisMask PaddingZeros::OfResult(const ir::Node& node, ir::ValueId result) const {
  const ir::ValueId x = node.inputs[0];
  const int rank = graph_.value(result).type.shape.rank();
  const auto all_of = [&] {
    AxisMask zeros = kEverywhere;
    for (ir::ValueId operand : node.inputs) zeros &= Aligned(operand, rank);
    return zeros;
  };
  if (KeepsZero(node.op)) return Aligned(x, rank);
  if (std::holds_alternative<ir::Mul>(node.op))
    return Aligned(x, rank) | Aligned(node.inputs[1], rank);
  if (std::holds_alternative<ir::Add>(node.op) || std::holds_alternative<ir::Sub>(node.op) ||
      std::holds_alternative<ir::Maximum>(node.op) ||
      std::holds_alternative<ir::Minimum>(node.op) || std::holds_alternative<ir::Concat>(node.op)) {
    return all_of();
  }
  if (std::holds_alternative<ir::Select>(node.op)) return OfSelect(node, rank);
  if (std::holds_alternative<ir::Softmax>(node.op)) {
    return IsMaskedSum(x) ? AxisMask{1} << (rank - 1) : 0;
  }
  if (const auto* product = std::get_if<ir::BatchMatMul>(&node.op))
    return OfProduct(node, *product, rank);
  if (std::holds_alternative<ir::FullyConnected>(node.op)) {
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != ir::kNoValue;
    return has_bias ? 0 : Aligned(x, rank) & ~(AxisMask{1} << (rank - 1));
  }
  AxisMask zeros = 0;
  if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
    for (int i = 0; i < rank; ++i) zeros |= ((zeros_[x] >> transpose->perm[i]) & 1) << i;
  } else if (std::holds_alternative<ir::Reshape>(node.op)) {
    const std::vector<int>& from = rows_.PatchAxes(x);
    const std::vector<int>& to = rows_.PatchAxes(result);
    for (size_t i = 0; from.size() == to.size() && i < to.size(); ++i)
      zeros |= ((zeros_[x] >> from[i]) & 1) << to[i];
  }
  return zeros;
}

}  // namespace g4c::passes
