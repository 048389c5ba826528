#include "evaluator/integer_lookup.h"

#include <cmath>
#include <memory>
#include <numbers>

namespace g4c::evaluator {
namespace {

absl::StatusOr<IntegerKernel> Table(const IntegerNode& node, absl::FunctionRef<double(double)> f) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  auto table = std::make_shared<std::vector<int32_t>>();
  table->reserve(in.max() - in.min() + 1);
  for (int64_t q = in.min(); q <= in.max(); ++q) {
    table->push_back(static_cast<int32_t>(out.Quantize(f(in.Real(q)))));
  }
  return IntegerKernel(
      [table = std::shared_ptr<const std::vector<int32_t>>(std::move(table)), first = in.min(),
       dtype = out.dtype](
          absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor& x = *inputs[0];
        ir::Tensor result = ir::Tensor::Allocate(dtype, x.dims());
        ForEachBlock(result.NumElements(), [&](int64_t begin, int64_t count) {
          int64_t block[kIntegerBlock];
          x.ReadInts(begin, absl::MakeSpan(block, count));
          for (int64_t i = 0; i < count; ++i) block[i] = (*table)[block[i] - first];
          StoreInts(absl::MakeConstSpan(block, count), begin, result);
        });
        return std::vector<ir::Tensor>{std::move(result)};
      });
}

double GeluTanh(double x) {
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + std::tanh(inner));
}

double GeluErf(double x) { return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2)); }

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Abs&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::fabs(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Ceil&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::ceil(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Clamp& op, const IntegerNode& node) {
  return Table(node, [&](double x) {
    return std::min(std::max(x, static_cast<double>(op.min)), static_cast<double>(op.max));
  });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Cos&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::cos(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Erf&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::erf(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Exp&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::exp(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Floor&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::floor(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Gelu& op, const IntegerNode& node) {
  return op.approximate ? Table(node, GeluTanh) : Table(node, GeluErf);
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::IsNan&, const IntegerNode&) {
  return IntegerKernel(
      [](absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        return std::vector<ir::Tensor>{ir::Tensor::Allocate(ir::DType::kBool, inputs[0]->dims())};
      });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Log&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::log(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Logistic&, const IntegerNode& node) {
  return Table(node, [](double x) { return 1.0 / (1.0 + std::exp(-x)); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Neg&, const IntegerNode& node) {
  return Table(node, [](double x) { return -x; });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Relu&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::max(x, 0.0); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Round&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::nearbyint(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Rsqrt&, const IntegerNode& node) {
  return Table(node, [](double x) { return 1.0 / std::sqrt(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sign&, const IntegerNode& node) {
  return Table(node, [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sin&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::sin(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sqrt&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::sqrt(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Square&, const IntegerNode& node) {
  return Table(node, [](double x) { return x * x; });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Tanh&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::tanh(x); });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Pow&, const IntegerNode& node) {
  const ir::Value& exponent = node.input(1);
  if (!exponent.constant.has_value() || exponent.constant->NumElements() != 1 ||
      node.input_dims(0) != node.output_dims()) {
    return node.NoRule("the exponent '", exponent.name, "' is not a constant of one element");
  }
  ASSIGN_OR_RETURN(const Affine affine, node.InputAffine(1));
  const double value = affine.Real(StoredConstant(exponent).IntScalar());
  return Table(node, [value](double x) { return std::pow(x, value); });
}

}  // namespace g4c::evaluator
