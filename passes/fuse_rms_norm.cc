#include "passes/fuse_rms_norm.h"

#include <algorithm>

#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// x as a mean of squares over its last axis: the x of mean(x^2), sum(x^2) / C or sum(x^2) * (1 /
// C); kNoValue for anything else.
ValueId MeanOfSquares(const Graph& graph, ValueId value) {
  const auto over_last_axis = [&](const auto* reduce, ValueId reduced) {
    const int rank = graph.value(reduced).type.shape.rank();
    return reduce->keep_dims && reduce->axes == ir::Ints{rank - 1};
  };
  if (const auto* mean = graph.ProducedBy<ir::ReduceMean>(value)) {
    const ValueId squares = graph.Producer(value)->inputs[0];
    return over_last_axis(mean, squares) ? OperandOf<ir::Square>(graph, squares) : ir::kNoValue;
  }
  const auto sum_of_squares = [&](ValueId sum, double factor) {
    const auto* reduce = graph.ProducedBy<ir::ReduceSum>(sum);
    if (reduce == nullptr) return ir::kNoValue;
    const ValueId squares = graph.Producer(sum)->inputs[0];
    const ir::Dims& dims = graph.value(squares).type.shape.dims();
    // The reciprocal of C is rounded to f32, so it is not compared exactly.
    if (dims.empty() || !over_last_axis(reduce, squares) ||
        !Near(factor * dims.back(), 1.0, 1e-6)) {
      return ir::kNoValue;
    }
    return OperandOf<ir::Square>(graph, squares);
  };
  if (const auto product = NumberOperandOf<ir::Mul>(graph, value))
    return sum_of_squares(product->x, product->k);
  if (const auto quotient = NumberOperandOf<ir::Div>(graph, value, /*commutes=*/false)) {
    return quotient->k == 0 ? ir::kNoValue : sum_of_squares(quotient->x, 1.0 / quotient->k);
  }
  return ir::kNoValue;
}

struct Norm {
  ValueId x;
  float epsilon;
};

// The norm of which `value` is the square of the divisor: mean(x^2) + epsilon.
absl::optional<Norm> MeanPlusEpsilon(const Graph& graph, ValueId value) {
  if (const auto sum = NumberOperandOf<ir::Add>(graph, value)) {
    const ValueId x = MeanOfSquares(graph, sum->x);
    if (x != ir::kNoValue && sum->k >= 0) return Norm{x, sum->k};
  }
  const ValueId x = MeanOfSquares(graph, value);
  return x == ir::kNoValue ? absl::nullopt : absl::optional<Norm>(Norm{x, 0.0f});
}

// The norm by which `value` divides: rsqrt(m), or 1 / sqrt(m).
absl::optional<Norm> InverseRms(const Graph& graph, ValueId value) {
  if (const ValueId m = OperandOf<ir::Rsqrt>(graph, value); m != ir::kNoValue)
    return MeanPlusEpsilon(graph, m);
  const absl::optional<Operands> quotient = OperandsOf<ir::Div>(graph, value);
  if (!quotient || UniformFloat(graph, quotient->a) != 1.0f) return absl::nullopt;
  const ValueId m = OperandOf<ir::Sqrt>(graph, quotient->b);
  return m == ir::kNoValue ? absl::nullopt : MeanPlusEpsilon(graph, m);
}

// What multiplies along the last axis of `x`: a constant of one number, or of as many as the last
// axis has.
bool IsGain(const Graph& graph, ValueId gain, ValueId x) {
  if (!graph.IsConstant(gain)) return false;
  const ir::Dims& dims = graph.value(gain).type.shape.dims();
  const ir::Dims& full = graph.value(x).type.shape.dims();
  if (dims.size() > full.size() || full.empty()) return false;
  const int64_t count = ir::NumElements(dims);
  if (count == 1) return true;
  return dims.back() == full.back() && count == dims.back();
}

// The gain as a vector: a view, with the qparams of the constant. Per-channel ones must be along
// the last axis, for only that varies.
ValueId GainVector(Graph& graph, ValueId gain) {
  const ir::Value& value = graph.value(gain);
  const int64_t count = value.constant->NumElements();
  if (value.type.shape.dims() == ir::Dims{count}) return gain;
  ir::Type type = value.type;
  type.shape = ir::Dims{count};
  ir::Tensor data = value.constant->Reshaped({count});
  ir::Quantization q = value.quantization;
  if (auto* channels = std::get_if<ir::QuantPerChannel>(&q)) channels->axis = 0;
  const ir::QuantOrigin origin = value.quant_origin;
  const std::string name = value.name;
  const ValueId vector = graph.AddConstant(name, std::move(type), std::move(data));
  graph.SetQuantization(vector, std::move(q), origin);
  graph.SwapNames(gain, vector);
  return vector;
}

class Fuser {
 public:
  Fuser(Graph& graph, Report& report) : graph_(graph), report_(report) {}

  bool FuseAt(NodeId id) {
    const ValueId y = graph_.node(id).outputs[0];
    if (const absl::optional<Operands> product = OperandsOf<ir::Mul>(graph_, y)) {
      return FuseProduct(y, product->a, product->b) || FuseProduct(y, product->b, product->a);
    }
    if (const absl::optional<Operands> quotient = OperandsOf<ir::Div>(graph_, y)) {
      // x / sqrt(m)
      const ValueId m = OperandOf<ir::Sqrt>(graph_, quotient->b);
      if (m == ir::kNoValue) return false;
      const absl::optional<Norm> norm = MeanPlusEpsilon(graph_, m);
      return norm && norm->x == quotient->a && Replace(y, *norm, ir::kNoValue);
    }
    return false;
  }

 private:
  bool FuseProduct(ValueId y, ValueId a, ValueId b) {
    // x * rsqrt(m)
    if (const absl::optional<Norm> norm = InverseRms(graph_, b); norm && norm->x == a) {
      return Replace(y, *norm, ir::kNoValue);
    }
    // x * (rsqrt(m) * gain)
    if (const absl::optional<Operands> inner = OperandsOf<ir::Mul>(graph_, b)) {
      for (const auto& [inverse, gain] :
           {Operands{inner->a, inner->b}, Operands{inner->b, inner->a}}) {
        const absl::optional<Norm> norm = InverseRms(graph_, inverse);
        if (norm && norm->x == a && IsGain(graph_, gain, a)) return Replace(y, *norm, gain);
      }
    }
    // (x * gain) * rsqrt(m)
    if (const absl::optional<Norm> norm = InverseRms(graph_, b)) {
      if (const absl::optional<Operands> inner = OperandsOf<ir::Mul>(graph_, a)) {
        for (const auto& [x, gain] : {Operands{inner->a, inner->b}, Operands{inner->b, inner->a}}) {
          if (x == norm->x && IsGain(graph_, gain, x)) return Replace(y, *norm, gain);
        }
      }
    }
    // rms_norm(x) * gain
    const auto* normed = graph_.ProducedBy<ir::RmsNorm>(a);
    if (normed == nullptr || graph_.Producer(a)->inputs.size() > 1 || !IsGain(graph_, b, a))
      return false;
    return Replace(y, {graph_.Producer(a)->inputs[0], normed->epsilon}, b);
  }

  bool Replace(ValueId y, Norm norm, ValueId gain) {
    if (graph_.value(norm.x).type != graph_.value(y).type) return false;
    report_.FusedQparams(InnerQparams(graph_, y, {norm.x}));
    std::vector<ValueId> operands = {norm.x};
    if (gain != ir::kNoValue && UniformFloat(graph_, gain) != 1.0f)
      operands.push_back(GainVector(graph_, gain));
    const ir::NodeId id = graph_.value(y).producer;
    for (ValueId operand : graph_.node(id).inputs) {
      const ir::Node* producer = graph_.Producer(operand);
      if (producer == nullptr || operand == norm.x) continue;
      const ir::Provenance provenance = producer->provenance;
      graph_.MergeProvenance(id, provenance);
    }
    Become(graph_, y, ir::RmsNorm{norm.epsilon}, operands);
    return true;
  }

  Graph& graph_;
  Report& report_;
};

}  // namespace

absl::StatusOr<bool> FuseRmsNorm::Run(Graph& graph, Report& report) {
  Fuser fuser(graph, report);
  int fused = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    // A gain of ones that follows a norm leaves a norm without gain, which a later factor may
    // complete.
    while (fuser.FuseAt(id)) ++fused;
  }
  report.Count(name(), fused);
  if (fused > 0) graph.EraseDead();
  return fused > 0;
}

}  // namespace g4c::passes
