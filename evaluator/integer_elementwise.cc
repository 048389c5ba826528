#include "evaluator/integer_elementwise.h"

#include <cmath>
#include <functional>
#include <memory>

#include "base/parallel.h"
#include "evaluator/integer_round.h"
#include "evaluator/litert_elementwise.h"
#include "evaluator/strided.h"
#include "ir/quantize_constant.h"

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

using Results = absl::StatusOr<std::vector<ir::Tensor>>;
using Operands = absl::Span<const ir::Tensor* const>;

// Results of at least this many elements are worth a table of all pairs of 8-bit operands.
constexpr int64_t kTableElements = int64_t{1} << 17;

int64_t ByteValue(int byte, ir::DType dtype) {
  return ir::MinOf(dtype) < 0 ? static_cast<int8_t>(byte) : static_cast<uint8_t>(byte);
}

// out[i] = entry(a[i], b[i]) of 256 x 256 entries.
template <typename Entry, typename Rule>
IntegerKernel PairTable(const IntegerNode& node, ir::DType dtype, Rule rule) {
  const ir::DType a_dtype = ir::StoredDType(node.input(0)),
                  b_dtype = ir::StoredDType(node.input(1));
  auto entries = std::make_shared<std::vector<Entry>>(65536);
  ParallelForRange(256, 16, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a) {
      for (int b = 0; b < 256; ++b) {
        (*entries)[a * 256 + b] = static_cast<Entry>(
            rule(ByteValue(static_cast<int>(a), a_dtype), ByteValue(b, b_dtype)));
      }
    }
  });
  return [dims = node.output_dims(), dtype, entries](Operands inputs) -> Results {
    const ir::Tensor a = inputs[0]->BroadcastTo(dims);
    const ir::Tensor b = inputs[1]->BroadcastTo(dims);
    ir::Tensor out = ir::Tensor::Allocate(dtype, dims);
    Entry* const to = out.mutable_data<Entry>();
    const ir::Dims strides[] = {a.strides(), b.strides(), out.strides()};
    ForEachRun(dims, strides, [&](const StridedRun& run) {
      const uint8_t* x = a.bytes() + run.offsets[0];
      const uint8_t* y = b.bytes() + run.offsets[1];
      const int64_t step_x = run.strides[0], step_y = run.strides[1];
      const Entry* const table = entries->data();
      Entry* const z = to + run.offsets[2];
      for (int64_t i = 0; i < run.count; ++i) z[i] = table[x[i * step_x] * 256 + y[i * step_y]];
    });
    return std::vector<ir::Tensor>{std::move(out)};
  };
}

// The stored integers of a run.
void ReadRun(const ir::Tensor& x, int64_t offset, int64_t step, absl::Span<int32_t> out) {
  WithStored(x.dtype(), [&](auto zero) {
    const auto* from = x.data<decltype(zero)>() + offset;
    for (size_t i = 0; i < out.size(); ++i) out[i] = from[static_cast<int64_t>(i) * step];
  });
}

bool IsAligned(const ir::Tensor& x) {
  return reinterpret_cast<uintptr_t>(x.bytes()) % ir::ByteWidth(x.dtype()) == 0;
}

// rule(x, y) by way of reals that are near it.
template <typename Rule>
Results RoundCombination(const Combination& combination, const StoredRange& range, Rule rule,
                         const ir::Tensor& a, const ir::Tensor& b, ir::Tensor out) {
  const ir::Dims strides[] = {a.strides(), b.strides(), out.strides()};
  ForEachRun(out.dims(), strides, [&](const StridedRun& run) {
    constexpr int64_t kPiece = 512;
    int32_t x[kPiece], y[kPiece], stored[kPiece];
    double reals[kPiece];
    for (int64_t begin = 0; begin < run.count; begin += kPiece) {
      const int64_t count = std::min(kPiece, run.count - begin);
      ReadRun(a, run.offsets[0] + begin * run.strides[0], run.strides[0], absl::MakeSpan(x, count));
      ReadRun(b, run.offsets[1] + begin * run.strides[1], run.strides[1], absl::MakeSpan(y, count));
      Combine(combination, x, y, count, reals);
      StoreReals(reals, count, range, stored, [&](int64_t i) { return rule(x[i], y[i]); });
      StoreInts(absl::MakeConstSpan(stored, count), run.offsets[2] + begin, out);
    }
  });
  return std::vector<ir::Tensor>{std::move(out)};
}

// A kernel that stores rule(x, y) of the broadcast stored operands. `combination`, where there is
// one, is the real that the rule rounds to `range`.
template <typename Rule>
IntegerKernel Binary(const IntegerNode& node, ir::DType dtype, Rule rule,
                     absl::optional<Combination> combination = absl::nullopt,
                     StoredRange range = {}) {
  const bool bytes = ir::BitWidth(ir::StoredDType(node.input(0))) <= 8 &&
                     ir::BitWidth(ir::StoredDType(node.input(1))) <= 8;
  if (bytes && ir::NumElements(node.output_dims()) >= kTableElements) {
    return ir::ByteWidth(dtype) == 1 ? PairTable<uint8_t>(node, dtype, rule)
                                     : PairTable<uint16_t>(node, dtype, rule);
  }
  return [dims = node.output_dims(), dtype, rule, combination, range](Operands inputs) -> Results {
    const ir::Tensor a = inputs[0]->BroadcastTo(dims);
    const ir::Tensor b = inputs[1]->BroadcastTo(dims);
    ir::Tensor out = ir::Tensor::Allocate(dtype, dims);
    if (combination.has_value() && IsAligned(a) && IsAligned(b)) {
      return RoundCombination(*combination, range, rule, a, b, std::move(out));
    }
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

Combination CombinationOf(const BinaryNode& in) {
  Combination combination;
  combination.zx = static_cast<int32_t>(in.a.zero_point);
  combination.zy = static_cast<int32_t>(in.b.zero_point);
  return combination;
}

// s_a (qa - za) + sign s_b (qb - zb), as one sum over a common power of two and one rounding.
absl::StatusOr<IntegerKernel> PrepareSum(ir::Activation activation, int sign,
                                         const IntegerNode& node) {
  ASSIGN_OR_RETURN(const BinaryNode in, OperandsOf(node));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  ASSIGN_OR_RETURN(const StoredRange range, ActivationRange(activation, out, node));
  if (node.AsLitert()) {
    const LitertScaling operands =
        sign < 0 ? LitertScaling::kTwice
                 : LitertAddOperands(in.a.dtype, node.input_dims(0), node.input_dims(1));
    return Binary(node, out.dtype, LitertSum(in.a, in.b, sign, operands, out, range));
  }
  CommonScale scale = MakeCommonScale(in.a.scale / out.scale, in.b.scale / out.scale);
  scale.b *= sign;
  const auto rule = [scale, range, za = in.a.zero_point, zb = in.b.zero_point](int64_t x,
                                                                               int64_t y) {
    return range.Store(RoundShift(scale.a * (x - za) + scale.b * (y - zb), scale.shift));
  };
  Combination combination = CombinationOf(in);
  combination.a = std::ldexp(static_cast<double>(scale.a), -scale.shift);
  combination.b = std::ldexp(static_cast<double>(scale.b), -scale.shift);
  // Three roundings of terms below 2^30.
  if (std::max(std::fabs(combination.a), std::fabs(combination.b)) >= 0x1p13) {
    return Binary(node, out.dtype, rule);
  }
  return Binary(node, out.dtype, rule, combination, range);
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
  if (node.AsLitert()) return Binary(node, out.dtype, LitertProduct(in.a, in.b, out, range));
  const Multiplier multiplier = QuantizeMultiplier(in.a.scale * in.b.scale / out.scale);
  Combination combination = CombinationOf(in);
  combination.ab = RealOf(multiplier);
  return Binary(
      node, out.dtype,
      [multiplier, range, za = in.a.zero_point, zb = in.b.zero_point](int64_t x, int64_t y) {
        return Rescale((x - za) * (y - zb), multiplier, range);
      },
      combination, range);
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
  if (node.AsLitert()) {
    return Binary(node, out.dtype, LitertSquaredDifference(in.a, in.b, out));
  }
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
