#include "evaluator/integer_product.h"

#include <cmath>
#include <numeric>

#include "evaluator/integer_dot.h"
#include "evaluator/integer_elementwise.h"
#include "evaluator/integer_round.h"
#include "evaluator/litert_arithmetic.h"
#include "ir/quantize_constant.h"

namespace g4c::evaluator {
namespace {

// The right operand's qparams, one for each column of the result or one for all.
struct Columns {
  std::vector<double> scales;
  std::vector<int64_t> zero_points;
  size_t At(int64_t column) const { return scales.size() == 1 ? 0 : column; }
};

// `channel_axis`: the operand's axis that counts the result's columns.
absl::StatusOr<Columns> ColumnsOf(const IntegerNode& node, int operand, int channel_axis) {
  const auto* q = std::get_if<ir::QuantPerChannel>(&node.input(operand).quantization);
  if (q == nullptr) {
    ASSIGN_OR_RETURN(const Affine affine, node.InputAffine(operand));
    return Columns{{affine.scale}, {affine.zero_point}};
  }
  if (ir::BitWidth(q->dtype) > 16) return node.NoRule("the weight is wider than 16 bits");
  if (q->axis != channel_axis) {
    return node.NoRule("the per-channel axis of operand ", operand, " '", node.input(operand).name,
                       "' is ", q->axis, "; only axis ", channel_axis,
                       ", that of the result's columns, can be scaled behind the sum");
  }
  return Columns{std::vector<double>(q->scales.begin(), q->scales.end()), q->zero_points};
}

// How a sum of products becomes a stored integer.
struct Finish {
  Affine in;
  Columns columns;
  std::vector<Multiplier> multipliers;  // as many as columns.scales
  StoredRange range;
  ir::DType dtype;
  absl::optional<LitertScaling> litert;  // none: exact

  int64_t Store(int64_t acc, size_t channel) const {
    if (!litert.has_value()) return Rescale(acc, multipliers[channel], range);
    return range.Store(ScaleAsLitert(*litert, acc, multipliers[channel]));
  }
};

// in_scale weight_scale / out_scale as LiteRT computes it.
Multiplier LitertProductMultiplier(double in, double weight, bool product_in_f32, double out) {
  const double product = in * weight;
  return LitertMultiplier((product_in_f32 ? static_cast<float>(product) : product) / out);
}

absl::StatusOr<Finish> FinishOf(const IntegerNode& node, int channel_axis,
                                ir::Activation activation, LitertScaling litert) {
  ASSIGN_OR_RETURN(const Affine in, node.InputAffine(0));
  ASSIGN_OR_RETURN(const Affine out, node.OutputAffine());
  ASSIGN_OR_RETURN(Columns columns, ColumnsOf(node, 1, channel_axis));
  ASSIGN_OR_RETURN(const StoredRange range, ActivationRange(activation, out, node));
  std::vector<Multiplier> multipliers;
  const bool product_in_f32 = columns.scales.size() == 1 && litert != LitertScaling::kOnce;
  for (const double scale : columns.scales) {
    multipliers.push_back(node.AsLitert()
                              ? LitertProductMultiplier(in.scale, scale, product_in_f32, out.scale)
                              : QuantizeMultiplier(in.scale * scale / out.scale));
  }
  const auto scaling = node.AsLitert() ? absl::make_optional(litert) : absl::nullopt;
  return Finish{in, std::move(columns), std::move(multipliers), range, out.dtype, scaling};
}

// What a product's sums are corrected by, one for each column: in doubles where those hold every
// sum exactly.
class Correction {
 public:
  Correction(const PackedRows& left, const PackedRows& right, ir::DType right_dtype, int64_t za,
             const std::vector<int64_t>& bias, const Finish& finish)
      : left_(left), finish_(finish) {
    const double bound = static_cast<double>(left.max_abs) * static_cast<double>(right.max_abs) *
                         static_cast<double>(left.depth);
    in_doubles_ = !finish.litert.has_value() && bound < 0x1p48;
    for (int64_t n = 0; n < right.rows; ++n) {
      const size_t channel = finish.columns.At(n);
      const int64_t zb = finish.columns.zero_points[channel] - Offset(right_dtype);
      int64_t offset = left.depth * za * zb - za * right.sums[n];
      if (!bias.empty()) offset += bias[n];
      in_doubles_ = in_doubles_ && std::abs(offset) < (int64_t{1} << 50);
      zeros_.push_back(zb);
      offsets_.push_back(offset);
      real_zeros_.push_back(static_cast<double>(zb));
      real_offsets_.push_back(static_cast<double>(offset));
      real_multipliers_.push_back(RealOf(finish.multipliers[channel]));
    }
  }

  // Stores the sums of a row's columns from `column` on.
  void Store(int64_t row, int64_t column, absl::Span<int64_t> sums, int64_t at,
             ir::Tensor& out) const {
    const int64_t count = static_cast<int64_t>(sums.size());
    const auto exact = [&](int64_t j) {
      const int64_t n = column + j;
      return finish_.Store(sums[j] + offsets_[n] - zeros_[n] * left_.sums[row],
                           finish_.columns.At(n));
    };
    int32_t stored[kMaxSums];
    if (in_doubles_) {
      double reals[kMaxSums];
      ScaleSums(sums.data(), real_offsets_.data() + column, real_zeros_.data() + column,
                static_cast<double>(left_.sums[row]), real_multipliers_.data() + column, count,
                reals);
      StoreReals(reals, count, finish_.range, stored, exact);
    } else {
      for (int64_t j = 0; j < count; ++j) stored[j] = static_cast<int32_t>(exact(j));
    }
    StoreInts(absl::MakeConstSpan(stored, count), at, out);
  }

 private:
  const PackedRows& left_;
  const Finish& finish_;
  bool in_doubles_;
  std::vector<int64_t> zeros_, offsets_;
  std::vector<double> real_zeros_, real_offsets_, real_multipliers_;
};

// out[first + row, column] = store(bias[column] + sum (a - za)(b - zb)), a: [rows, depth], b:
// [columns, depth].
void Product(const ir::Tensor& a, const ir::Tensor& b, const std::vector<int64_t>& bias,
             const Finish& finish, int64_t first_row, ir::Tensor& out) {
  const PackedRows left = PackRows(a);
  const PackedRows right = PackRows(b);
  const int64_t za = finish.in.zero_point - Offset(a.dtype());
  const Correction correction(left, right, b.dtype(), za, bias, finish);
  MultiplyRows(left, right, [&](int64_t row, int64_t column, absl::Span<int64_t> sums) {
    correction.Store(row, column, sums, (first_row + row) * right.rows + column, out);
  });
}

// The bias in steps of the accumulator, in_scale x weight_scale of its column. A bias that is
// stored in these steps, as it should be, is taken as it is: its f32 scale is the rounded product,
// so that 2^-20 apart means equal.
class BiasRule {
 public:
  static absl::StatusOr<BiasRule> Of(const IntegerNode& node, const Finish& finish) {
    const ir::Value& bias = node.input(2);
    const int64_t n = node.output_dims().back();
    std::vector<double> scales;
    BiasRule rule;
    if (const auto* q = std::get_if<ir::QuantPerTensor>(&bias.quantization)) {
      scales.assign(n, q->scale);
      rule.zero_points_.assign(n, q->zero_point);
    } else if (const auto* q = std::get_if<ir::QuantPerChannel>(&bias.quantization)) {
      scales.assign(q->scales.begin(), q->scales.end());
      rule.zero_points_ = q->zero_points;
    } else {
      return node.NoRule("the bias '", bias.name, "' has no qparams");
    }
    if (static_cast<int64_t>(scales.size()) != n)
      return node.NoRule("the bias is no vector of the columns");
    for (int64_t i = 0; i < n; ++i) {
      const double ratio =
          scales[i] / (finish.in.scale * finish.columns.scales[finish.columns.At(i)]);
      rule.same_.push_back(std::fabs(ratio - 1.0) <= 0x1p-20);
      rule.multipliers_.push_back(QuantizeMultiplier(ratio));
    }
    if (ir::BitWidth(ir::QuantDType(bias.quantization)) > 32 && !bias.constant.has_value()) {
      return node.NoRule("a bias of 64 bits must be a constant");
    }
    if (bias.constant.has_value()) {
      const std::vector<int64_t> stored = rule.Apply(StoredConstant(bias));
      for (int64_t i = 0; i < n; ++i) {
        if (stored[i] > kLimit || stored[i] < -kLimit) {
          return node.NoRule("element ", i, " of the bias '", bias.name, "' is beyond 2^61 steps");
        }
      }
    }
    return rule;
  }

  std::vector<int64_t> Apply(const ir::Tensor& stored) const {
    std::vector<int64_t> bias = stored.Ints();
    for (size_t i = 0; i < bias.size(); ++i) {
      const int64_t steps = SaturateToInt64(static_cast<__int128>(bias[i]) - zero_points_[i]);
      bias[i] = same_[i] ? steps : MultiplyByMultiplier(steps, multipliers_[i]);
    }
    return bias;
  }

 private:
  static constexpr int64_t kLimit = int64_t{1} << 61;
  std::vector<int64_t> zero_points_;
  std::vector<bool> same_;
  std::vector<Multiplier> multipliers_;
};

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::FullyConnected& op,
                                             const IntegerNode& node) {
  // LiteRT sums in 64 bits only where the bias or the weight is as wide.
  const auto has_width = [&](int operand, int bits) {
    return node.Has(operand) && ir::BitWidth(ir::StoredDType(node.input(operand))) == bits;
  };
  const LitertScaling litert = has_width(2, 64)   ? LitertScaling::kOnce
                               : has_width(1, 16) ? LitertScaling::kOnceShort
                                                  : LitertScaling::kTwiceUp;
  ASSIGN_OR_RETURN(Finish finish, FinishOf(node, /*channel_axis=*/0, op.activation, litert));
  absl::optional<BiasRule> bias_rule;
  if (node.Has(2)) {
    ASSIGN_OR_RETURN(bias_rule, BiasRule::Of(node, finish));
  }
  return IntegerKernel(
      [finish = std::move(finish), bias_rule = std::move(bias_rule), dims = node.output_dims()](
          absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        const ir::Tensor& weight = *inputs[1];
        const int64_t depth = weight.dims()[1];
        ir::Tensor result = ir::Tensor::Allocate(finish.dtype, dims);
        const std::vector<int64_t> bias =
            bias_rule.has_value() ? bias_rule->Apply(*inputs[2]) : std::vector<int64_t>{};
        const int64_t rows = weight.dims()[0] == 0 ? 0 : result.NumElements() / weight.dims()[0];
        Product(inputs[0]->Reshaped({rows, depth}), weight, bias, finish, 0, result);
        return std::vector<ir::Tensor>{std::move(result)};
      });
}

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::BatchMatMul& op, const IntegerNode& node) {
  const int b_rank = static_cast<int>(node.input_dims(1).size());
  const bool wide = ir::BitWidth(ir::StoredDType(node.input(0))) > 8;
  ASSIGN_OR_RETURN(Finish finish,
                   FinishOf(node, op.adj_y ? b_rank - 2 : b_rank - 1, ir::Activation::kNone,
                            wide ? LitertScaling::kOnceShort : LitertScaling::kTwice));
  return IntegerKernel(
      [finish = std::move(finish), op, dims = node.output_dims()](
          absl::Span<const ir::Tensor* const> inputs) -> absl::StatusOr<std::vector<ir::Tensor>> {
        // a as [batch..., m, k] and b as [batch..., n, k]: rows along the sum, whatever adj says.
        const auto swapped = [](const ir::Tensor& t, bool swap) {
          std::vector<int> perm(t.rank());
          std::iota(perm.begin(), perm.end(), 0);
          if (swap) std::swap(perm[t.rank() - 2], perm[t.rank() - 1]);
          return t.Transposed(perm);
        };
        const auto batched = [&](const ir::Tensor& t) {
          ir::Dims full(dims.begin(), dims.end() - 2);
          full.insert(full.end(), t.dims().end() - 2, t.dims().end());
          return t.BroadcastTo(full);
        };
        const ir::Tensor a = batched(swapped(*inputs[0], op.adj_x));
        const ir::Tensor b = batched(swapped(*inputs[1], !op.adj_y));
        ir::Tensor result = ir::Tensor::Allocate(finish.dtype, dims);
        const ir::Dims batch(dims.begin(), dims.end() - 2);
        const int64_t m = dims[dims.size() - 2];
        // Matrix number i of a view of rank >= 2.
        const auto matrix = [&](ir::Tensor t, const ir::Dims& index) {
          for (size_t axis = 0; axis < index.size(); ++axis)
            t = t.Sliced(static_cast<int>(axis), index[axis], 1);
          return t.Reshaped({t.dims()[t.rank() - 2], t.dims()[t.rank() - 1]});
        };
        const ir::Dims batch_strides = ir::RowMajorStrides(batch);
        int64_t first_row = 0;
        if (result.NumElements() == 0) return std::vector<ir::Tensor>{std::move(result)};
        for (ir::StridedIndex i(batch, batch_strides); !i.AtEnd(); i.Next(), first_row += m) {
          Product(matrix(a, i.index()), matrix(b, i.index()), {}, finish, first_row, result);
        }
        return std::vector<ir::Tensor>{std::move(result)};
      });
}

}  // namespace g4c::evaluator
