// Along axes: reductions, norms, softmax, scans. Floats are accumulated in f64.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/reference.h"
#include "ir/resolve.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

// A tensor as rows: the axes of interest moved behind all others.
struct Rows {
  std::vector<int> perm;
  Tensor moved;  // x.Transposed(perm)
  int64_t count = 1;
  int64_t length = 1;
};

Rows RowsOf(const Tensor& x, const ir::Ints& axes) {
  Rows rows;
  for (int i = 0; i < x.rank(); ++i) {
    if (std::count(axes.begin(), axes.end(), i) > 0) continue;
    rows.perm.push_back(i);
    rows.count *= x.dims()[i];
  }
  for (int64_t axis : axes) {
    rows.perm.push_back(static_cast<int>(axis));
    rows.length *= x.dims()[axis];
  }
  rows.moved = x.Transposed(rows.perm);
  return rows;
}

// Calls fn(row number, elements) for every row, in parallel.
template <typename C, typename Fn>
void ForEachRow(const Rows& rows, Fn fn) {
  const int64_t grain = std::max<int64_t>(1, kTile / std::max<int64_t>(1, rows.length));
  ParallelForRange(rows.count, grain, [&](int64_t begin, int64_t end) {
    std::vector<C> row(rows.length);
    for (int64_t r = begin; r < end; ++r) {
      Read(rows.moved, r * rows.length, absl::MakeSpan(row));
      fn(r, absl::MakeSpan(row));
    }
  });
}

template <typename C, typename Fn>
Tensor Reduced(const Rows& rows, const Dims& dims, ir::DType dtype, Fn fn) {
  Tensor out = Tensor::Allocate(dtype, dims);
  ForEachRow<C>(rows, [&](int64_t r, absl::Span<C> row) {
    const C value = fn(absl::Span<const C>(row));
    Write(absl::MakeConstSpan(&value, 1), r, out);
  });
  return out;
}

// The smallest number that an extremum starts from: what ONNX gives a maximum over nothing (and the
// largest, a minimum).
template <typename C>
C Lowest(ir::DType dtype) {
  if constexpr (std::is_same_v<C, double>) return -std::numeric_limits<double>::infinity();
  if constexpr (std::is_same_v<C, uint64_t>) return 0;
  return static_cast<C>(ir::MinOf(dtype));
}
template <typename C>
C Highest(ir::DType dtype) {
  if constexpr (std::is_same_v<C, double>) return std::numeric_limits<double>::infinity();
  if constexpr (std::is_same_v<C, uint64_t>) return std::numeric_limits<uint64_t>::max();
  return static_cast<C>(ir::MaxOf(dtype));
}

Results Reduce(ir::ReduceKind kind, const ir::Ints& axes, const Operands& in) {
  const Rows rows = RowsOf(in[0], axes);
  return WithArithmetic(in.dtype(), [&](auto c) -> Results {
    using C = decltype(c);
    using Row = absl::Span<const C>;
    const auto folded = [&](C start, auto op) {
      return One(Reduced<C>(rows, in.dims(), in.dtype(), [=](Row row) {
        return std::accumulate(row.begin(), row.end(), start, op);
      }));
    };
    switch (kind) {
      case ir::ReduceKind::kSum:
        return folded(C{0}, WrappingAdd<C>);
      case ir::ReduceKind::kProd:
        return folded(C{1}, WrappingMul<C>);
      case ir::ReduceKind::kMax:
        return folded(Lowest<C>(in.dtype()), LargerOf<C>);
      case ir::ReduceKind::kMin:
        return folded(Highest<C>(in.dtype()), SmallerOf<C>);
      case ir::ReduceKind::kMean:
        break;
    }
    if (rows.length == 0 && rows.count > 0 && !ir::IsFloat(in.dtype())) {
      return InvalidInput("the mean of no integers");
    }
    return One(Reduced<C>(rows, in.dims(), in.dtype(), [](Row row) {
      const C sum = std::accumulate(row.begin(), row.end(), C{0}, WrappingAdd<C>);
      return static_cast<C>(sum / static_cast<C>(row.size()));
    }));
  });
}

// The result of changing every row along `axes` in place.
template <typename C, typename Fn>
Tensor MapRows(const Tensor& x, const ir::Ints& axes, ir::DType dtype, Fn fn) {
  const Rows rows = RowsOf(x, axes);
  Tensor out = Tensor::Allocate(dtype, rows.moved.dims());
  ForEachRow<C>(rows, [&](int64_t r, absl::Span<C> row) {
    fn(r, row);
    Write(absl::Span<const C>(row), r * rows.length, out);
  });
  std::vector<int> inverse(rows.perm.size());
  for (size_t i = 0; i < rows.perm.size(); ++i) inverse[rows.perm[i]] = static_cast<int>(i);
  return out.Transposed(inverse);
}

ir::Ints AxesFrom(int64_t axis, int rank) {
  ir::Ints axes(rank - (axis < 0 ? axis + rank : axis));
  std::iota(axes.begin(), axes.end(), rank - static_cast<int64_t>(axes.size()));
  return axes;
}

Results SoftmaxAlong(const Tensor& x, int64_t axis, double beta) {
  return One(MapRows<double>(x, {axis}, x.dtype(), [beta](int64_t, absl::Span<double> row) {
    double max = -std::numeric_limits<double>::infinity();
    for (double& v : row) {
      v *= beta;
      max = LargerOf(max, v);
    }
    double sum = 0;
    for (double& v : row) sum += v = std::exp(v - max);
    for (double& v : row) v /= sum;
  }));
}

// row = (row - mean) / sqrt(variance + epsilon), without `center`: row / sqrt(mean square +
// epsilon); then * gain + bias.
Results Normalized(const Operands& in, int64_t axis, double epsilon, bool center) {
  const Tensor& x = in[0];
  Tensor gain, bias;
  if (in.Has(1)) gain = in[1].BroadcastTo(x.dims());
  if (in.Has(2)) bias = in[2].BroadcastTo(x.dims());
  const ir::Ints axes = AxesFrom(axis, x.rank());
  return One(MapRows<double>(x, axes, x.dtype(), [&](int64_t r, absl::Span<double> row) {
    const double count = static_cast<double>(row.size());
    if (center) {
      const double mean = std::accumulate(row.begin(), row.end(), 0.0) / count;
      for (double& v : row) v -= mean;
    }
    double squares = 0;
    for (double v : row) squares += v * v;
    const double factor = 1 / std::sqrt(squares / count + epsilon);
    for (double& v : row) v *= factor;
    const int64_t begin = r * static_cast<int64_t>(row.size());
    std::vector<double> other(row.size());
    if (in.Has(1)) {
      Read(gain, begin, absl::MakeSpan(other));
      for (size_t i = 0; i < row.size(); ++i) row[i] *= other[i];
    }
    if (in.Has(2)) {
      Read(bias, begin, absl::MakeSpan(other));
      for (size_t i = 0; i < row.size(); ++i) row[i] += other[i];
    }
  }));
}

}  // namespace

Results Evaluate(const ir::ReduceSum& op, const Operands& in) {
  return Reduce(ir::ReduceKind::kSum, op.axes, in);
}
Results Evaluate(const ir::ReduceMean& op, const Operands& in) {
  return Reduce(ir::ReduceKind::kMean, op.axes, in);
}
Results Evaluate(const ir::ReduceMax& op, const Operands& in) {
  return Reduce(ir::ReduceKind::kMax, op.axes, in);
}
Results Evaluate(const ir::ReduceMin& op, const Operands& in) {
  return Reduce(ir::ReduceKind::kMin, op.axes, in);
}
Results Evaluate(const ir::ReduceProd& op, const Operands& in) {
  return Reduce(ir::ReduceKind::kProd, op.axes, in);
}

Results Evaluate(const ir::DynamicReduce& op, const Operands& in) {
  ASSIGN_OR_RETURN(const ir::Ints axes,
                   ir::ResolveReduceAxes(op, in[0].rank(), ir::IntsOf(in.Get(1))));
  return Reduce(op.kind, axes, in);
}

Results Evaluate(const ir::Softmax& op, const Operands& in) {
  return SoftmaxAlong(in[0], in[0].rank() - 1, op.beta);
}
Results Evaluate(const ir::SoftmaxAxis& op, const Operands& in) {
  return SoftmaxAlong(in[0], op.axis < 0 ? op.axis + in[0].rank() : op.axis, 1.0);
}

Results Evaluate(const ir::RmsNorm& op, const Operands& in) {
  return Normalized(in, -1, op.epsilon, false);
}
Results Evaluate(const ir::RmsNormAxes& op, const Operands& in) {
  return Normalized(in, op.axis, op.epsilon, false);
}
Results Evaluate(const ir::LayerNorm& op, const Operands& in) {
  return Normalized(in, op.axis, op.epsilon, true);
}

// As TFLite, whose divisor is at least 1e-6: a row of zeros stays one.
Results Evaluate(const ir::L2Norm&, const Operands& in) {
  return One(
      MapRows<double>(in[0], {in[0].rank() - 1}, in.dtype(), [](int64_t, absl::Span<double> row) {
        double squares = 0;
        for (double v : row) squares += v * v;
        const double norm = std::max(std::sqrt(squares), 1e-6);
        for (double& v : row) v /= norm;
      }));
}

Results Evaluate(const ir::CumSum& op, const Operands& in) {
  ASSIGN_OR_RETURN(const int64_t given, ir::IntScalarOf(in[1]));
  ASSIGN_OR_RETURN(const int axis, ir::NormalizeAxis(given, in[0].rank()));
  return WithArithmetic(in.dtype(), [&](auto c) {
    using C = decltype(c);
    return One(MapRows<C>(in[0], {axis}, in.dtype(), [&op](int64_t, absl::Span<C> row) {
      if (op.reverse) std::reverse(row.begin(), row.end());
      C sum = 0;
      for (C& v : row) {
        const C before = sum;
        sum = WrappingAdd(sum, v);
        v = op.exclusive ? before : sum;
      }
      if (op.reverse) std::reverse(row.begin(), row.end());
    }));
  });
}

}  // namespace g4c::evaluator
