#include "evaluator/integer_lookup.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "evaluator/litert_arithmetic.h"
#include "evaluator/litert_table.h"

namespace g4c::evaluator {
namespace {

IntegerKernel Lookup(const Affine& in, const Affine& out, std::vector<int32_t> entries) {
  const auto table = std::make_shared<const std::vector<int32_t>>(std::move(entries));
  return
      [table, first = in.min(), dtype = out.dtype](
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
      };
}

// entry(in, out, q): a stored result.
template <typename Entry>
absl::StatusOr<IntegerKernel> TableOfEntries(const IntegerNode& node, Entry entry) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  std::vector<int32_t> entries;
  entries.reserve(in.max() - in.min() + 1);
  for (int64_t q = in.min(); q <= in.max(); ++q) {
    entries.push_back(static_cast<int32_t>(entry(in, out, q)));
  }
  return Lookup(in, out, std::move(entries));
}

template <typename F>
absl::StatusOr<IntegerKernel> Table(const IntegerNode& node, F f) {
  return TableOfEntries(node, [&](const Affine& in, const Affine& out, int64_t q) {
    return out.Quantize(f(in.Real(q)));
  });
}

// Of functions that LiteRT tabulates too: f computes in the type of its argument.
template <typename F>
absl::StatusOr<IntegerKernel> SharedTable(const IntegerNode& node, F f) {
  if (!node.AsLitert()) return Table(node, f);
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  return Lookup(in, out, LitertTable(in, out, f));
}

// f(d) of an operand's steps d, scaled to the result's.
template <typename F>
absl::StatusOr<IntegerKernel> LitertSteps(const IntegerNode& node, F f) {
  return TableOfEntries(node, [&](const Affine& in, const Affine& out, int64_t q) {
    const Multiplier multiplier = LitertMultiplier(in.scale / out.scale);
    return out.range().Store(
        ScaleAsLitert(LitertScaling::kTwice, f(q - in.zero_point), multiplier));
  });
}

template <typename Real>
Real GeluTanh(Real x) {
  const Real slope = static_cast<Real>(std::sqrt(2.0 / std::numbers::pi));
  const Real inner = slope * (x + static_cast<Real>(0.044715) * x * x * x);
  return static_cast<Real>(0.5) * x * (1 + std::tanh(inner));
}

template <typename Real>
Real GeluErf(Real x) {
  return static_cast<Real>(0.5) * x * (1 + std::erf(x / std::numbers::sqrt2_v<Real>));
}

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Abs&, const IntegerNode& node) {
  if (node.AsLitert()) return LitertSteps(node, [](int64_t d) { return std::abs(d); });
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
  return SharedTable(node, [](auto x) { return std::exp(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Floor&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::floor(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Gelu& op, const IntegerNode& node) {
  return op.approximate ? SharedTable(node, [](auto x) { return GeluTanh(x); })
                        : SharedTable(node, [](auto x) { return GeluErf(x); });
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
// LiteRT negates what is stored, whatever the qparams; the lowest integer wraps.
int64_t LitertNeg(const Affine& in, const Affine& out, int64_t q) {
  return q == in.min() ? q : std::clamp(-q, out.min(), out.max());
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Neg&, const IntegerNode& node) {
  if (node.AsLitert()) return TableOfEntries(node, LitertNeg);
  return Table(node, [](double x) { return -x; });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Relu&, const IntegerNode& node) {
  if (node.AsLitert()) return LitertSteps(node, [](int64_t d) { return std::max<int64_t>(d, 0); });
  return Table(node, [](double x) { return std::max(x, 0.0); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Round&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::nearbyint(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Rsqrt&, const IntegerNode& node) {
  return SharedTable(node, [](auto x) { return 1 / std::sqrt(x); });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sign&, const IntegerNode& node) {
  return Table(node, [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; });
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sin&, const IntegerNode& node) {
  return Table(node, [](double x) { return std::sin(x); });
}
// LiteRT computes in float and rounds down.
int64_t LitertSqrt(const Affine& in, const Affine& out, int64_t q) {
  const float root = std::sqrt(static_cast<float>(in.Real(q)));
  return out.range().Store(RoundHalfEven(std::floor(root / static_cast<float>(out.scale))));
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sqrt&, const IntegerNode& node) {
  if (node.AsLitert()) return TableOfEntries(node, LitertSqrt);
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
