// Products. Sums in f64; integers modulo 2^64.
#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/reference.h"
#include "ir/einsum.h"
#include "ir/resolve.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

// double for floats, else uint64_t: modulo 2^64 signed and unsigned products are the same.
template <typename Fn>
auto WithRing(ir::DType dtype, Fn fn) {
  return ir::IsFloat(dtype) ? fn(double{}) : fn(uint64_t{});
}

template <typename C>
std::vector<C> All(const Tensor& x) {
  std::vector<C> values(x.NumElements());
  Read(x, 0, absl::MakeSpan(values));
  return values;
}

Tensor LastTwoSwapped(const Tensor& x) {
  return x.Transposed(ir::FusedMatMulPerm(x.rank(), true, false));
}

// out[m, n] = alpha * a [m, k] b [k, n] + bias [n] (empty: none), written from element `begin` on.
template <typename C>
void MultiplyMatrices(const Tensor& a, const Tensor& b, C alpha, const std::vector<C>& bias,
                      int64_t begin, Tensor& out) {
  const int64_t m = a.dims()[0], k = a.dims()[1], n = b.dims()[1];
  const std::vector<C> right = All<C>(b);
  const int64_t grain = std::max<int64_t>(1, kTile / std::max<int64_t>(1, n * k));
  ParallelForRange(m, grain, [&](int64_t first, int64_t last) {
    std::vector<C> left(k), sum(n);
    for (int64_t i = first; i < last; ++i) {
      Read(a, i * k, absl::MakeSpan(left));
      std::fill(sum.begin(), sum.end(), C{0});
      for (int64_t q = 0; q < k; ++q) {
        const C* row = right.data() + q * n;
        for (int64_t j = 0; j < n; ++j) sum[j] += left[q] * row[j];
      }
      for (C& value : sum) value *= alpha;
      for (size_t j = 0; j < bias.size(); ++j) sum[j] += bias[j];
      Write(absl::MakeConstSpan(sum), begin + i * n, out);
    }
  });
}

// a [..., m, k] b [..., k, n], leading axes broadcast, as a tensor of shape `dims` that has as many
// elements.
Tensor Multiply(const Tensor& a, const Tensor& b, double alpha, ir::DType dtype, const Dims& dims) {
  const auto lead = [](const Tensor& x) {
    return ir::Shape(Dims(x.dims().begin(), x.dims().end() - 2));
  };
  const Dims batch = ir::BroadcastShapes(lead(a), lead(b))->dims();
  const auto widened = [&](const Tensor& x) {
    Dims wide = batch;
    wide.insert(wide.end(), x.dims().end() - 2, x.dims().end());
    return x.BroadcastTo(wide);
  };
  // The matrix at one index of the leading axes.
  const auto matrix = [&](Tensor x, const Dims& index) {
    for (size_t axis = 0; axis < index.size(); ++axis)
      x = x.Sliced(static_cast<int>(axis), index[axis], 1);
    return x.Reshaped({x.dims()[x.rank() - 2], x.dims()[x.rank() - 1]});
  };
  const Tensor wide_a = widened(a);
  const Tensor wide_b = widened(b);
  const int64_t size = a.dims()[a.rank() - 2] * b.dims()[b.rank() - 1];
  Tensor out = Tensor::Allocate(dtype, dims);
  if (out.NumElements() == 0) return out;
  int64_t begin = 0;
  for (ir::StridedIndex i(batch, ir::RowMajorStrides(batch)); !i.AtEnd(); i.Next(), begin += size) {
    WithRing(dtype, [&](auto c) {
      using C = decltype(c);
      MultiplyMatrices<C>(matrix(wide_a, i.index()), matrix(wide_b, i.index()),
                          static_cast<C>(alpha), {}, begin, out);
    });
  }
  return out;
}

// ONNX MatMul: a rank-1 operand is a row on the left and a column on the right.
Tensor MultiplyAnyRank(const Tensor& a, const Tensor& b, double alpha, const Operands& in) {
  return Multiply(a.rank() == 1 ? a.Reshaped({1, a.dims()[0]}) : a,
                  b.rank() == 1 ? b.Reshaped({b.dims()[0], 1}) : b, alpha, in.dtype(), in.dims());
}

}  // namespace

Results Evaluate(const ir::BatchMatMul& op, const Operands& in) {
  return One(Multiply(op.adj_x ? LastTwoSwapped(in[0]) : in[0],
                      op.adj_y ? LastTwoSwapped(in[1]) : in[1], 1.0, in.dtype(), in.dims()));
}

Results Evaluate(const ir::MatMul&, const Operands& in) {
  return One(MultiplyAnyRank(in[0], in[1], 1.0, in));
}

Results Evaluate(const ir::FusedMatMul& op, const Operands& in) {
  const Tensor a =
      in[0].Transposed(ir::FusedMatMulPerm(in[0].rank(), op.trans_a, op.trans_batch_a));
  const Tensor b =
      in[1].Transposed(ir::FusedMatMulPerm(in[1].rank(), op.trans_b, op.trans_batch_b));
  return One(MultiplyAnyRank(a, b, op.alpha, in));
}

Results Evaluate(const ir::FullyConnected& op, const Operands& in) {
  const ir::Shape lead(Dims(in[0].dims().begin(), in[0].dims().end() - 1));
  const Tensor rows = in[0].Reshaped({ir::NumElements(lead.dims()), in[0].dims().back()});
  const std::vector<double> bias = in.Has(2) ? All<double>(in[2]) : std::vector<double>{};
  Tensor out = Tensor::Allocate(in.dtype(), in.dims());
  MultiplyMatrices<double>(rows, in[1].Transposed({1, 0}), 1.0, bias, 0, out);
  return Activated(op.activation, std::move(out));
}

Results Evaluate(const ir::Einsum& op, const Operands& in) {
  std::vector<int> ranks;
  for (const Tensor* x : in.inputs) ranks.push_back(x->rank());
  ASSIGN_OR_RETURN(const ir::EinsumTerms terms, ir::ParseEinsum(op.equation, ranks));
  Dims of_label(terms.num_labels, 1);
  for (int i = 0; i < in.size(); ++i) {
    for (int axis = 0; axis < ranks[i]; ++axis) {
      int64_t& dim = of_label[terms.inputs[i][axis]];
      if (in[i].dims()[axis] != 1) dim = in[i].dims()[axis];
    }
  }
  // Labels in the order of the result, then those that are summed.
  std::vector<int> summed;
  for (int label = 0; label < terms.num_labels; ++label) {
    if (std::count(terms.output.begin(), terms.output.end(), label) == 0) summed.push_back(label);
  }
  const auto dims_of = [&](const std::vector<int>& labels) {
    Dims dims;
    for (int label : labels) dims.push_back(of_label[label]);
    return dims;
  };
  const Dims sum_dims = dims_of(summed);
  // Steps of every operand (row-major) per label: axes of one label add up, an axis of 1 stands
  // still.
  std::vector<Dims> out_strides, sum_strides;
  for (int i = 0; i < in.size(); ++i) {
    const Dims strides = ir::RowMajorStrides(in[i].dims());
    Dims of(terms.num_labels, 0);
    for (int axis = 0; axis < ranks[i]; ++axis) {
      if (in[i].dims()[axis] != 1) of[terms.inputs[i][axis]] += strides[axis];
    }
    Dims& out = out_strides.emplace_back();
    for (int label : terms.output) out.push_back(of[label]);
    Dims& sum = sum_strides.emplace_back();
    for (int label : summed) sum.push_back(of[label]);
  }

  Tensor out = Tensor::Allocate(in.dtype(), in.dims());
  WithRing(in.dtype(), [&](auto c) {
    using C = decltype(c);
    std::vector<std::vector<C>> values;
    for (const Tensor* x : in.inputs) values.push_back(All<C>(*x));
    ParallelForRange(out.NumElements(), kBlock, [&](int64_t begin, int64_t end) {
      std::vector<ir::StridedIndex> at;
      for (const Dims& strides : out_strides) at.emplace_back(in.dims(), strides, begin);
      for (int64_t element = begin; element < end; ++element) {
        C sum{0};
        std::vector<ir::StridedIndex> k;
        for (const Dims& strides : sum_strides) k.emplace_back(sum_dims, strides);
        while (!k[0].AtEnd()) {
          C product{1};
          for (size_t i = 0; i < values.size(); ++i)
            product *= values[i][at[i].offset() + k[i].offset()];
          sum += product;
          for (ir::StridedIndex& index : k) index.Next();
        }
        Write(absl::MakeConstSpan(&sum, 1), element, out);
        for (ir::StridedIndex& index : at) index.Next();
      }
    });
  });
  return One(std::move(out));
}

Results Evaluate(const ir::Conv& op, const Operands& in) {
  ASSIGN_OR_RETURN(const ir::ConvWindow window,
                   ir::ResolveConv(op, ir::Shape(in[0].dims()), ir::Shape(in[1].dims())));
  const std::vector<double> x = All<double>(in[0]), weight = All<double>(in[1]);
  const std::vector<double> bias =
      in.Has(2) ? All<double>(in[2]) : std::vector<double>(in[1].dims()[0], 0.0);
  const size_t axes = window.kernel.size();
  const Dims spatial(in[0].dims().begin() + 2, in[0].dims().end());
  const Dims spatial_strides = ir::RowMajorStrides(spatial);
  const int64_t plane = ir::NumElements(spatial);
  const int64_t taps = ir::NumElements(window.kernel);
  const int64_t outputs = in[1].dims()[0];  // channels of the result
  const int64_t depth = in[1].dims()[1];    // channels of one group
  const int64_t group_outputs = outputs / op.group;
  const int64_t positions = ir::NumElements(window.out);
  const Dims kernel_strides = ir::RowMajorStrides(window.kernel);
  Tensor out = Tensor::Allocate(in.dtype(), in.dims());

  ParallelForRange(in[0].dims()[0] * outputs, 1, [&](int64_t begin, int64_t) {
    const int64_t image = begin / outputs, channel = begin % outputs;
    const int64_t first_channel = channel / group_outputs * depth;
    std::vector<double> row(positions);
    int64_t position = 0;
    const Dims out_strides = ir::RowMajorStrides(window.out);
    for (ir::StridedIndex o(window.out, out_strides); !o.AtEnd(); o.Next(), ++position) {
      double sum = 0;
      for (ir::StridedIndex tap(window.kernel, kernel_strides); !tap.AtEnd(); tap.Next()) {
        int64_t offset = 0;
        bool inside = true;
        for (size_t i = 0; i < axes && inside; ++i) {
          const int64_t at = o.index()[i] * window.strides[i] - window.pads_before[i] +
                             tap.index()[i] * window.dilations[i];
          inside = at >= 0 && at < spatial[i];
          offset += at * spatial_strides[i];
        }
        if (!inside) continue;
        for (int64_t c = 0; c < depth; ++c) {
          sum += x[(image * in[0].dims()[1] + first_channel + c) * plane + offset] *
                 weight[(channel * depth + c) * taps + tap.offset()];
        }
      }
      row[position] = sum + bias[channel];
    }
    Write(absl::MakeConstSpan(row), begin * positions, out);
  });
  return One(std::move(out));
}

}  // namespace g4c::evaluator
