#include "evaluator/integer_elementwise.h"

#include <functional>

namespace g4c::evaluator {
namespace {

struct BinaryNode {
  Affine a;
  Affine b;
};

absl::StatusOr<BinaryNode> OperandsOf(const IntegerNode& node) {
  ASSIGN_OR_RETURN(const Affine a, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine b, node.InputAffine(1));
  return BinaryNode{a, b};
}

// A kernel that stores rule(x, y) of the broadcast stored operands.
template <typename Rule>
IntegerKernel Binary(const IntegerNode& node, ir::DType dtype, Rule rule) {
  return
      [dims = node.output_dims(), dtype, rule](
          absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor a = inputs[0]->BroadcastTo(dims);
        const ir::Tensor b = inputs[1]->BroadcastTo(dims);
        ir::Tensor out = ir::Tensor::Allocate(dtype, dims);
        ForEachBlock(out.NumElements(), [&](int64_t begin, int64_t count) {
          int64_t x[kIntegerBlock];
          int64_t y[kIntegerBlock];
          a.ReadInts(begin, absl::MakeSpan(x, count));
          b.ReadInts(begin, absl::MakeSpan(y, count));
          for (int64_t i = 0; i < count; ++i) x[i] = rule(x[i], y[i]);
          StoreInts(absl::MakeConstSpan(x, count), begin, out);
        });
        return std::vector<ir::Tensor>{std::move(out)};
      };
}

// s_a (qa - za) + sign s_b (qb - zb), as one sum over a common power of two and one rounding.
absl::StatusOr<IntegerKernel> PrepareSum(ir::Activation activation, int sign,
                                         const IntegerNode& node) {
  ASSIGN_OR_RETURN(const BinaryNode in, OperandsOf(node));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  ASSIGN_OR_RETURN(const StoredRange range, ActivationRange(activation, out, node));
  CommonScale scale = MakeCommonScale(in.a.scale / out.scale, in.b.scale / out.scale);
  scale.b *= sign;
  return Binary(
      node, out.dtype,
      [scale, range, za = in.a.zero_point, zb = in.b.zero_point](int64_t x, int64_t y) {
        return range.Store(RoundShift(scale.a * (x - za) + scale.b * (y - zb), scale.shift));
      });
}

// The operands requantised to the result's scale without saturation, then `better` of both.
template <typename Better>
absl::StatusOr<IntegerKernel> PrepareExtremum(const IntegerNode& node, Better better) {
  ASSIGN_OR_RETURN(const BinaryNode in, OperandsOf(node));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  const Multiplier ma = QuantizeMultiplier(in.a.scale / out.scale);
  const Multiplier mb = QuantizeMultiplier(in.b.scale / out.scale);
  return Binary(node, out.dtype,
                [ma, mb, better, range = out.range(), za = in.a.zero_point, zb = in.b.zero_point](
                    int64_t x, int64_t y) {
                  return range.Store(
                      better(MultiplyByMultiplier(x - za, ma), MultiplyByMultiplier(y - zb, mb)));
                });
}

// Reals are compared exactly: a double holds scale * (q - zero_point).
template <typename Compare>
absl::StatusOr<IntegerKernel> PrepareComparison(const IntegerNode& node, Compare compare) {
  ASSIGN_OR_RETURN(const BinaryNode in, OperandsOf(node));
  return Binary(node, ir::DType::kBool, [in, compare](int64_t x, int64_t y) -> int64_t {
    return compare(in.a.Real(x), in.b.Real(y));
  });
}

}  // namespace

absl::StatusOr<StoredRange> ActivationRange(ir::Activation activation, const Affine& out,
                                            const IntegerNode& node) {
  StoredRange range = out.range();
  switch (activation) {
    case ir::Activation::kNone:
      return range;
    case ir::Activation::kRelu:
      range.lo = out.Quantize(0);
      return range;
    case ir::Activation::kRelu6:
      range.lo = out.Quantize(0);
      range.hi = out.Quantize(6);
      return range;
    case ir::Activation::kReluN1To1:
      range.lo = out.Quantize(-1);
      range.hi = out.Quantize(1);
      return range;
    case ir::Activation::kTanh:
    case ir::Activation::kSignBit:
      break;
  }
  return node.NoRule("fused activation ",
                     std::string(ir::EnumNames(activation)[static_cast<int>(activation)]));
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Add& op, const IntegerNode& node) {
  return PrepareSum(op.activation, 1, node);
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Sub& op, const IntegerNode& node) {
  return PrepareSum(op.activation, -1, node);
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Mul& op, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const BinaryNode in, OperandsOf(node));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  ASSIGN_OR_RETURN(const StoredRange range, ActivationRange(op.activation, out, node));
  const Multiplier multiplier = QuantizeMultiplier(in.a.scale * in.b.scale / out.scale);
  return Binary(
      node, out.dtype,
      [multiplier, range, za = in.a.zero_point, zb = in.b.zero_point](int64_t x, int64_t y) {
        return Rescale((x - za) * (y - zb), multiplier, range);
      });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Div& op, const IntegerNode& node) {
  ASSIGN_OR_RETURN(const BinaryNode in, OperandsOf(node));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  ASSIGN_OR_RETURN(const StoredRange range, ActivationRange(op.activation, out, node));
  const Multiplier multiplier = QuantizeMultiplier(in.a.scale / (in.b.scale * out.scale));
  return Binary(
      node, out.dtype,
      [multiplier, range, za = in.a.zero_point, zb = in.b.zero_point](int64_t x, int64_t y) {
        const int64_t a = x - za;
        const int64_t b = y - zb;
        // The limit of a / b for a divisor that shrinks to +0; 0 / 0 is 0.
        if (b == 0) return a > 0 ? range.hi : a < 0 ? range.lo : range.Store(0);
        return range.Store(DivideByMultiplier(a, b, multiplier));
      });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Maximum&, const IntegerNode& node) {
  return PrepareExtremum(node, [](int64_t x, int64_t y) { return std::max(x, y); });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Minimum&, const IntegerNode& node) {
  return PrepareExtremum(node, [](int64_t x, int64_t y) { return std::min(x, y); });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::SquaredDifference&,
                                             const IntegerNode& node) {
  ASSIGN_OR_RETURN(const BinaryNode in, OperandsOf(node));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  // The difference in steps of 2^(16 - shift), 29 bits or more to the larger scale: below 2^46,
  // exact for equal scales. Its square times the mantissa stays below 2^123.
  const CommonScale scale = MakeCommonScale(in.a.scale, in.b.scale);
  const Multiplier multiplier = QuantizeMultiplier(1.0 / out.scale);
  const int right = 31 - multiplier.shift + 2 * (scale.shift - 16);
  return Binary(
      node, out.dtype,
      [=, range = out.range(), za = in.a.zero_point, zb = in.b.zero_point](int64_t x, int64_t y) {
        const int64_t d = RoundShift(scale.a * (x - za) - scale.b * (y - zb), 16);
        const __int128 product = static_cast<__int128>(d) * d * multiplier.mantissa;
        if (right >= 0) {
          return range.Store(SaturateToInt64(ShiftRightRoundHalfEven128(product, right)));
        }
        return product == 0 ? range.Store(0) : range.hi;  // at least 2^30 steps
      });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Equal&, const IntegerNode& node) {
  return PrepareComparison(node, std::equal_to<double>());
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::NotEqual&, const IntegerNode& node) {
  return PrepareComparison(node, std::not_equal_to<double>());
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Greater&, const IntegerNode& node) {
  return PrepareComparison(node, std::greater<double>());
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::GreaterEqual&, const IntegerNode& node) {
  return PrepareComparison(node, std::greater_equal<double>());
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Less&, const IntegerNode& node) {
  return PrepareComparison(node, std::less<double>());
}
absl::StatusOr<IntegerKernel> PrepareInteger(const ir::LessEqual&, const IntegerNode& node) {
  return PrepareComparison(node, std::less_equal<double>());
}

}  // namespace g4c::evaluator
