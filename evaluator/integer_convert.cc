#include "evaluator/integer_convert.h"

#include <cmath>

#include "evaluator/litert_arithmetic.h"
#include "evaluator/quantize.h"

namespace g4c::evaluator {
namespace {

using Results = absl::StatusOr<std::vector<ir::Tensor>>;
using Operands = absl::Span<const ir::Tensor* const>;

// A tensor of `dtype` whose elements are rule(element of x).
template <typename Rule>
ir::Tensor MapInts(const ir::Tensor& x, ir::DType dtype, Rule rule) {
  ir::Tensor out = ir::Tensor::Allocate(dtype, x.dims());
  ForEachBlock(out.NumElements(), [&](int64_t begin, int64_t count) {
    int64_t block[kIntegerBlock];
    x.ReadInts(begin, absl::MakeSpan(block, count));
    for (int64_t i = 0; i < count; ++i) block[i] = rule(block[i]);
    StoreInts(absl::MakeConstSpan(block, count), begin, out);
  });
  return out;
}

absl::Status RefuseNan(const ir::Tensor& x) {
  float block[kIntegerBlock];
  const int64_t elements = x.NumElements();
  for (int64_t begin = 0; begin < elements; begin += kIntegerBlock) {
    const int64_t count = std::min(kIntegerBlock, elements - begin);
    x.ReadFloats(begin, absl::MakeSpan(block, count));
    for (int64_t i = 0; i < count; ++i) {
      if (std::isnan(block[i]))
        return InvalidInput("element ", begin + i, " of the operand is NaN");
    }
  }
  return absl::OkStatus();
}

int64_t Truncate(double real, ir::DType to) {
  const double low = static_cast<double>(ir::MinOf(to));
  const double high = static_cast<double>(ir::MaxOf(to));  // 2^63 for 64 bits
  if (real <= low) return ir::MinOf(to);
  if (real >= high) return ir::MaxOf(to);
  return static_cast<int64_t>(real);
}

}  // namespace

ir::Tensor Requantise(const ir::Tensor& stored, const Affine& from, const Affine& to) {
  if (from == to) return stored;
  const Multiplier multiplier = QuantizeMultiplier(from.scale / to.scale);
  const StoredRange range = to.range();
  return MapInts(stored, to.dtype,
                 [&](int64_t q) { return Rescale(q - from.zero_point, multiplier, range); });
}

ir::Tensor RequantiseAsLitert(const ir::Tensor& stored, const Affine& from, const Affine& to) {
  const Multiplier multiplier = LitertMultiplier(from.scale / to.scale);
  return MapInts(stored, to.dtype, [&](int64_t q) {
    return to.range().Store(ScaleAsLitert(LitertScaling::kTwice, q - from.zero_point, multiplier));
  });
}

// LiteRT multiplies by the f32 reciprocal of the scale.
ir::Tensor QuantizeAsLitert(const ir::Tensor& real, const Affine& to) {
  const float factor = 1 / static_cast<float>(to.scale);
  ir::Tensor out = ir::Tensor::Allocate(to.dtype, real.dims());
  ForEachBlock(out.NumElements(), [&](int64_t begin, int64_t count) {
    float reals[kIntegerBlock];
    int64_t block[kIntegerBlock];
    real.ReadFloats(begin, absl::MakeSpan(reals, count));
    for (int64_t i = 0; i < count; ++i)
      block[i] = to.range().Store(RoundHalfEven(reals[i] * factor));
    StoreInts(absl::MakeConstSpan(block, count), begin, out);
  });
  return out;
}

// LiteRT multiplies before it subtracts: s q - s z, each in f32.
ir::Tensor DequantizeAsLitert(const ir::Tensor& stored, const Affine& from) {
  const float scale = static_cast<float>(from.scale);
  const float offset = static_cast<float>(-from.zero_point) * scale;
  ir::Tensor real = ir::Tensor::Allocate(ir::DType::kF32, stored.dims());
  float* const out = real.mutable_data<float>();
  ForEachBlock(real.NumElements(), [&](int64_t begin, int64_t count) {
    int64_t block[kIntegerBlock];
    stored.ReadInts(begin, absl::MakeSpan(block, count));
    for (int64_t i = 0; i < count; ++i) {
      const float product = scale * static_cast<float>(block[i]);
      out[begin + i] = product + offset;
    }
  });
  return real;
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Quantize&, const IntegerNode& node) {
  if (!ir::HasQparams(node.output().quantization)) return node.NoRule("its result has no qparams");
  if (ir::HasQparams(node.input(0).quantization)) {
    ASSIGN_OR_RETURN(const Affine from, node.InputAffine(0));
    ASSIGN_OR_RETURN(const Affine to, node.OutputAffine());
    const auto requantise = node.AsLitert() ? RequantiseAsLitert : Requantise;
    return IntegerKernel([=](Operands inputs) -> Results {
      return std::vector<ir::Tensor>{requantise(*inputs[0], from, to)};
    });
  }
  if (node.input(0).type.dtype != ir::DType::kF32) return node.NoRule("only f32 can be quantised");
  if (node.AsLitert()) {
    ASSIGN_OR_RETURN(const Affine to, node.OutputAffine());
    return IntegerKernel([to](Operands inputs) -> Results {
      RETURN_IF_ERROR(RefuseNan(*inputs[0]));
      return std::vector<ir::Tensor>{QuantizeAsLitert(*inputs[0], to)};
    });
  }
  return IntegerKernel([to = node.output().quantization](Operands inputs) -> Results {
    RETURN_IF_ERROR(RefuseNan(*inputs[0]));
    return std::vector<ir::Tensor>{QuantizeTensor(*inputs[0], to)};
  });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Dequantize&, const IntegerNode& node) {
  if (ir::HasQparams(node.output().quantization)) return node.NoRule("its result has qparams");
  if (!ir::HasQparams(node.input(0).quantization)) {
    // A constant of f16, bf16 or f64 that a file dequantises: its elements are the reals.
    return IntegerKernel(
        [](Operands inputs) -> Results { return std::vector<ir::Tensor>{*inputs[0]}; });
  }
  if (node.AsLitert() && !node.input(0).constant.has_value()) {
    ASSIGN_OR_RETURN(const Affine from, node.InputAffine(0));
    return IntegerKernel([from](Operands inputs) -> Results {
      return std::vector<ir::Tensor>{DequantizeAsLitert(*inputs[0], from)};
    });
  }
  return IntegerKernel([from = node.input(0).quantization](Operands inputs) -> Results {
    return std::vector<ir::Tensor>{DequantizeTensor(*inputs[0], from)};
  });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Cast& op, const IntegerNode& node) {
  const bool from_quantised = ir::HasQparams(node.input(0).quantization);
  const bool to_quantised = ir::HasQparams(node.output().quantization);
  if (from_quantised && to_quantised) {
    ASSIGN_OR_RETURN(const Affine from, node.InputAffine(0));
    ASSIGN_OR_RETURN(const Affine to, node.OutputAffine());
    return IntegerKernel([=](Operands inputs) -> Results {
      return std::vector<ir::Tensor>{Requantise(*inputs[0], from, to)};
    });
  }
  if (from_quantised) {
    if (ir::IsFloat(op.to)) return node.NoRule("a cast to a float without qparams is a dequantize");
    ASSIGN_OR_RETURN(const Affine from, node.InputAffine(0));
    return IntegerKernel([from, to = op.to](Operands inputs) -> Results {
      return std::vector<ir::Tensor>{MapInts(*inputs[0], to, [&](int64_t q) -> int64_t {
        if (to == ir::DType::kBool) return q != from.zero_point;
        return Truncate(from.Real(q), to);
      })};
    });
  }
  if (ir::IsFloat(node.input(0).type.dtype))
    return node.NoRule("a cast from a float without qparams is a quantize");
  ASSIGN_OR_RETURN(const Affine to, node.OutputAffine());
  return IntegerKernel([to](Operands inputs) -> Results {
    return std::vector<ir::Tensor>{MapInts(
        *inputs[0], to.dtype, [&](int64_t x) { return to.Quantize(static_cast<double>(x)); })};
  });
}

}  // namespace g4c::evaluator
