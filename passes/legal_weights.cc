#include <algorithm>

#include "base/parallel.h"
#include "ir/circle_name.h"
#include "ir/quantize_constant.h"
#include "passes/constants.h"
#include "passes/legal_rule.h"
#include "quantization/qparams.h"

namespace g4c::passes {
namespace {

using ir::DType;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

constexpr int64_t kBlock = 1 << 16;

struct Channels {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
};

Channels ChannelsOf(const ir::Quantization& q) {
  if (const auto* channels = std::get_if<ir::QuantPerChannel>(&q)) {
    return {channels->scales, channels->zero_points};
  }
  const auto& one = std::get<ir::QuantPerTensor>(q);
  return {{one.scale}, {one.zero_point}};
}

// The same scales with zero points 0 in `dtype`, where every difference from the zero point fits.
absl::optional<ir::Quantization> Centred(const ir::Quantization& q, const ir::ValueClause& clause,
                                         DType dtype) {
  Channels channels = ChannelsOf(q);
  if (channels.scales.size() > 1 && !clause.per_channel) return absl::nullopt;
  const DType from = ir::QuantDType(q);
  for (int64_t& zero_point : channels.zero_points) {
    if (ir::MinOf(from) - zero_point < ir::MinOf(dtype) ||
        ir::MaxOf(from) - zero_point > ir::MaxOf(dtype)) {
      return absl::nullopt;
    }
    zero_point = 0;
  }
  if (std::holds_alternative<ir::QuantPerTensor>(q)) {
    return ir::QuantPerTensor{dtype, channels.scales[0], 0};
  }
  return ir::QuantPerChannel{dtype, 0, std::move(channels.scales), std::move(channels.zero_points)};
}

// The stored integers of a weight [rows, columns] minus their zero points, as `dtype`.
ir::Tensor CentredData(const ir::Value& weight, DType dtype) {
  const std::vector<int64_t> zero_points = ChannelsOf(weight.quantization).zero_points;
  const ir::Dims& dims = weight.type.shape.dims();
  const int64_t columns = dims[1];
  ir::Tensor out = ir::Tensor::Allocate(dtype, dims);
  const auto fill = [&](auto* data) {
    ParallelFor(dims[0], [&](int64_t row) {
      const int64_t zero_point = zero_points[zero_points.size() > 1 ? row : 0];
      std::vector<int32_t> stored(columns);
      ir::ReadStoredInts(weight, row * columns, absl::MakeSpan(stored));
      for (int64_t i = 0; i < columns; ++i) {
        data[row * columns + i] =
            static_cast<std::remove_reference_t<decltype(*data)>>(stored[i] - zero_point);
      }
    });
  };
  if (dtype == DType::kI16) {
    fill(out.mutable_data<int16_t>());
  } else {
    fill(out.mutable_data<int8_t>());
  }
  return out;
}

// New ranges for real numbers.
ir::Quantization Chosen(const ir::Tensor& real, const ir::ValueClause& clause, DType dtype) {
  if (clause.per_channel) return quantization::ChooseWeightQparams(real, 0, dtype);
  return quantization::ChooseQparams(
      quantization::RangeOf(real), dtype,
      clause.zero_point.has_value() || quantization::IsSymmetric(dtype) || ir::IsSigned(dtype));
}

// The bias follows from the scales of operand and weight.
void RescaleBias(Graph& graph, NodeId id) {
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() < 3 || inputs[2] == ir::kNoValue) return;
  const auto& input = std::get<ir::QuantPerTensor>(graph.value(inputs[0]).quantization);
  Channels channels = ChannelsOf(graph.value(inputs[1]).quantization);
  for (float& scale : channels.scales) scale *= input.scale;
  const ir::Value& bias = graph.value(inputs[2]);
  const DType dtype = ir::QuantDType(bias.quantization);
  const std::vector<int64_t> zeros(channels.scales.size(), 0);
  ir::Quantization q = ir::QuantPerChannel{dtype, 0, channels.scales, zeros};
  if (channels.scales.size() == 1) q = ir::QuantPerTensor{dtype, channels.scales[0], 0};
  if (q == bias.quantization) return;
  const ir::QuantOrigin origin = bias.quant_origin;
  ir::Tensor data = ir::IsFloat(bias.constant->dtype()) ? *bias.constant : RealData(bias);
  const ValueId twin =
      graph.AddConstant(std::string(bias.name), ir::Type(bias.type), std::move(data));
  graph.SetQuantization(twin, q, origin);
  graph.SetOperand(id, 2, twin);
}

bool Contains(const ir::ValueClause& clause, DType dtype) {
  return clause.dtypes.empty() ||
         std::find(clause.dtypes.begin(), clause.dtypes.end(), dtype) != clause.dtypes.end();
}

// The qparams and data that a weight can have under the forms of the target.
struct NewWeight {
  ir::Quantization q;
  ir::Tensor data;
};

class WeightChooser {
 public:
  WeightChooser(const ir::Value& weight, DType activation, DType result,
                const std::vector<ir::OperatorForm>& forms)
      : weight_(weight) {
    for (const ir::OperatorForm& form : forms) {
      if (form.operands.size() < 2 || !Contains(form.operands[0], activation) ||
          !Contains(form.results[0], result)) {
        continue;
      }
      for (DType dtype : {DType::kI4, DType::kU4, DType::kI8, DType::kU8, DType::kI16}) {
        const bool wide = ir::BitWidth(dtype) >= ir::BitWidth(ir::QuantDType(weight.quantization));
        if (wide && Contains(form.operands[1], dtype)) {
          choices_.emplace_back(dtype, &form.operands[1]);
        }
      }
    }
  }

  absl::optional<NewWeight> SameNumbers() const {
    for (const auto& [dtype, clause] : choices_) {
      if (!ir::IsSigned(dtype)) continue;
      const auto q = Centred(weight_.quantization, *clause, dtype);
      if (q && *q != weight_.quantization) return NewWeight{*q, CentredData(weight_, dtype)};
    }
    return absl::nullopt;
  }

  absl::optional<NewWeight> QuantizedAnew() const {
    for (const auto& [dtype, clause] : choices_) {
      const bool real = ir::IsFloat(weight_.constant->dtype());
      const ir::Tensor data = real ? *weight_.constant : RealData(weight_);
      const ir::Quantization q = Chosen(data, *clause, dtype);
      if (q != weight_.quantization) return NewWeight{q, data};
    }
    return absl::nullopt;
  }

 private:
  const ir::Value& weight_;
  // Dtypes that are not narrower than the weight's, in the order of the forms.
  std::vector<std::pair<DType, const ir::ValueClause*>> choices_;
};

// fully_connected(x, w: p)  ->  fully_connected(x, w: q), q what a form of the target takes: the
// same numbers where they fit around a zero point of 0 (u4 in i8), else quantised anew from the
// real ones, if these are still there.
absl::StatusOr<bool> WeightsInOtherDType(Graph& graph, NodeId id, const RuleContext& context) {
  if (!std::holds_alternative<ir::FullyConnected>(graph.node(id).op)) return false;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ir::Value weight = graph.value(inputs[1]);
  if (!weight.constant || !ir::HasQparams(weight.quantization)) return false;
  if (inputs.size() > 2 && inputs[2] != ir::kNoValue && !graph.IsConstant(inputs[2])) return false;
  if (!std::holds_alternative<ir::QuantPerTensor>(graph.value(inputs[0]).quantization)) {
    return false;
  }
  const auto entry = context.target.operators.find(ir::CircleName(graph, graph.node(id)));
  if (entry == context.target.operators.end()) return false;
  const WeightChooser chooser(weight, ir::StoredDType(graph.value(inputs[0])),
                              ir::StoredDType(graph.value(graph.node(id).outputs[0])),
                              entry->second);
  absl::optional<NewWeight> chosen = chooser.SameNumbers();
  if (!chosen) chosen = chooser.QuantizedAnew();
  if (!chosen) return false;
  const ValueId twin = graph.AddConstant(weight.name, weight.type, std::move(chosen->data));
  graph.SetQuantization(twin, chosen->q, ir::QuantOrigin::kWeight);
  graph.SetOperand(id, 1, twin);
  RescaleBias(graph, id);
  return true;
}

// The dtype of the bias that a form takes for this activation; nullopt where none needs one.
absl::optional<DType> BiasDType(const std::vector<ir::OperatorForm>& forms, DType activation) {
  for (const ir::OperatorForm& form : forms) {
    if (form.operands.size() < 3 || !Contains(form.operands[0], activation)) continue;
    const ir::ValueClause& bias = form.operands[2];
    if (!bias.may_be_omitted && !bias.absent && !bias.dtypes.empty()) return bias.dtypes[0];
  }
  return absl::nullopt;
}

// fully_connected(x, w)  ->  fully_connected(x, w, 0)
absl::StatusOr<bool> BiasOfZeros(Graph& graph, NodeId id, const RuleContext& context) {
  if (!std::holds_alternative<ir::FullyConnected>(graph.node(id).op)) return false;
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() > 2 && inputs[2] != ir::kNoValue) return false;
  const ir::Value& weight = graph.value(inputs[1]);
  const auto* x = std::get_if<ir::QuantPerTensor>(&graph.value(inputs[0]).quantization);
  if (x == nullptr || !ir::HasQparams(weight.quantization)) return false;
  const auto entry = context.target.operators.find(ir::CircleName(graph, graph.node(id)));
  if (entry == context.target.operators.end()) return false;
  const absl::optional<DType> dtype = BiasDType(entry->second, x->dtype);
  if (!dtype) return false;
  ir::Tensor zeros = ir::Tensor::Allocate(DType::kF32, {weight.type.shape.dims()[0]});
  const ValueId bias = graph.AddConstant("zero_bias", std::move(zeros));
  graph.SetQuantization(bias, ir::QuantPerTensor{*dtype, 1, 0}, ir::QuantOrigin::kWeight);
  graph.SetOperands(id, {inputs[0], inputs[1], bias});
  RescaleBias(graph, id);
  return true;
}

constexpr LegalRule kRules[] = {{"weights-in-other-dtype", WeightsInOtherDType},
                                {"bias-of-zeros", BiasOfZeros}};

}  // namespace

absl::Span<const LegalRule> WeightRules() { return kRules; }

}  // namespace g4c::passes
