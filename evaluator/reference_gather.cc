// Operators that move elements by an operand of indices, and those that make indices.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/quantize.h"
#include "evaluator/reference.h"
#include "evaluator/strided.h"
#include "ir/resolve.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

int Axis(int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

// Indices in [-dim, dim) as numbers in [0, dim).
absl::StatusOr<std::vector<int64_t>> IndicesInto(int64_t dim, const Tensor& indices) {
  std::vector<int64_t> result = indices.Ints();
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i] < -dim || result[i] >= dim) {
      return InvalidInput("index ", result[i], " (element ", i, ") is outside of a dimension of ",
                          dim);
    }
    if (result[i] < 0) result[i] += dim;
  }
  return result;
}

// The offset of what each tuple of indices[..., depth] names among the axes [first, first + depth),
// in slices.
absl::StatusOr<std::vector<int64_t>> TupleOffsets(const Dims& dims, int first,
                                                  const Tensor& indices) {
  const int64_t depth = indices.dims().back();
  const std::vector<int64_t> flat = indices.Ints();
  std::vector<int64_t> offsets(
      depth == 0 ? ir::NumElements(Dims(indices.dims().begin(), indices.dims().end() - 1))
                 : flat.size() / depth);
  for (size_t i = 0; i < offsets.size(); ++i) {
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t dim = dims[first + k];
      const int64_t index = flat[i * depth + k];
      if (index < -dim || index >= dim) {
        return InvalidInput("index ", index, " (element ", i * depth + k,
                            ") is outside of a dimension of ", dim);
      }
      offsets[i] = offsets[i] * dim + (index < 0 ? index + dim : index);
    }
  }
  return offsets;
}

// The element offsets, in a row-major tensor of `dims`, that indices name along `axis`.
absl::StatusOr<std::vector<int64_t>> ElementOffsets(const Dims& dims, int axis,
                                                    const Tensor& indices) {
  ASSIGN_OR_RETURN(std::vector<int64_t> offsets, IndicesInto(dims[axis], indices));
  for (size_t i = 0; i < dims.size(); ++i) {
    if (static_cast<int>(i) != axis && indices.dims()[i] > dims[i]) {
      return InvalidInput("indices of ", ir::ShapeText(ir::Shape(indices.dims())), " into ",
                          ir::ShapeText(ir::Shape(dims)));
    }
  }
  const Dims strides = ir::RowMajorStrides(dims);
  size_t k = 0;
  for (ir::StridedIndex i(indices.dims(), indices.strides()); !i.AtEnd(); i.Next(), ++k) {
    offsets[k] *= strides[axis];
    for (size_t other = 0; other < dims.size(); ++other) {
      if (static_cast<int>(other) != axis) offsets[k] += i.index()[other] * strides[other];
    }
  }
  return offsets;
}

// data with updates[i * run, (i + 1) * run) combined into it at offsets[i] * run, in this order.
Results Scattered(const Tensor& data, const std::vector<int64_t>& offsets, int64_t run,
                  const Tensor& updates, ir::ScatterKind kind) {
  return WithArithmetic(data.dtype(), [&](auto c) {
    using C = decltype(c);
    std::vector<C> values(data.NumElements()), with(updates.NumElements());
    Read(data, 0, absl::MakeSpan(values));
    Read(updates, 0, absl::MakeSpan(with));
    for (size_t i = 0; i < offsets.size(); ++i) {
      for (int64_t k = 0; k < run; ++k) {
        C& to = values[offsets[i] * run + k];
        const C from = with[i * run + k];
        switch (kind) {
          case ir::ScatterKind::kNone:
            to = from;
            break;
          case ir::ScatterKind::kAdd:
            to = WrappingAdd(to, from);
            break;
          case ir::ScatterKind::kMul:
            to = WrappingMul(to, from);
            break;
          case ir::ScatterKind::kMax:
            to = LargerOf(to, from);
            break;
          case ir::ScatterKind::kMin:
            to = SmallerOf(to, from);
            break;
        }
      }
    }
    Tensor out = Tensor::Allocate(data.dtype(), data.dims());
    Write(absl::MakeConstSpan(values), 0, out);
    return One(std::move(out));
  });
}

int64_t Product(const Dims& dims, size_t begin, size_t end) {
  return ir::NumElements(Dims(dims.begin() + begin, dims.begin() + end));
}

// out[o, i] = the slice of `run` elements data[o, indices[o or all, i]]; `per_outer`: indices
// differ for each o.
Tensor Taken(const Tensor& data, int64_t outer, int64_t slices, const std::vector<int64_t>& indices,
             bool per_outer, int64_t run, const Dims& dims) {
  const Tensor rows = RowMajor(data);
  Tensor out = Tensor::Allocate(data.dtype(), dims);
  const int64_t count = per_outer && outer > 0 ? static_cast<int64_t>(indices.size()) / outer
                                               : static_cast<int64_t>(indices.size());
  if (out.NumElements() == 0) return out;
  WithWidth(ir::ByteWidth(data.dtype()), [&](auto element) {
    using T = decltype(element);
    T* to = out.mutable_data<T>();
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < count; ++i, to += run) {
        const int64_t index = indices[per_outer ? o * count + i : i];
        std::memcpy(to, rows.data<T>() + (o * slices + index) * run, run * sizeof(T));
      }
    }
  });
  return out;
}

}  // namespace

Results Evaluate(const ir::Gather& op, const Operands& in) {
  const Dims& dims = in[0].dims();
  const int axis = Axis(op.axis, in[0].rank());
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, IndicesInto(dims[axis], in[1]));
  return One(Taken(in[0], Product(dims, 0, axis), dims[axis], indices, false,
                   Product(dims, axis + 1, dims.size()), in.dims()));
}

Results Evaluate(const ir::GatherNd& op, const Operands& in) {
  const Dims& dims = in[0].dims();
  const size_t batch = static_cast<size_t>(op.batch_dims);
  const size_t depth = static_cast<size_t>(in[1].dims().back());
  ASSIGN_OR_RETURN(const std::vector<int64_t> offsets,
                   TupleOffsets(dims, static_cast<int>(batch), in[1]));
  return One(Taken(in[0], Product(dims, 0, batch), Product(dims, batch, batch + depth), offsets,
                   true, Product(dims, batch + depth, dims.size()), in.dims()));
}

Results Evaluate(const ir::GatherElements& op, const Operands& in) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> offsets,
                   ElementOffsets(in[0].dims(), Axis(op.axis, in[0].rank()), in[1]));
  return One(Taken(in[0], 1, 0, offsets, false, 1, in.dims()));
}

Results Evaluate(const ir::ScatterNd& op, const Operands& in) {
  const Dims& dims = in[0].dims();
  ASSIGN_OR_RETURN(const std::vector<int64_t> offsets, TupleOffsets(dims, 0, in[1]));
  return Scattered(in[0], offsets, Product(dims, in[1].dims().back(), dims.size()), in[2], op.kind);
}

Results Evaluate(const ir::ScatterElements& op, const Operands& in) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> offsets,
                   ElementOffsets(in[0].dims(), Axis(op.axis, in[0].rank()), in[1]));
  return Scattered(in[0], offsets, 1, in[2], op.kind);
}

// An index outside of [-depth, depth) is "off" everywhere.
Results Evaluate(const ir::OneHot& op, const Operands& in) {
  ASSIGN_OR_RETURN(const int64_t depth, ir::IntScalarOf(in[1]));
  const size_t axis = static_cast<size_t>(Axis(op.axis, in[0].rank() + 1));
  const int64_t inner = Product(in[0].dims(), axis, in[0].dims().size());
  std::vector<double> indices(in[0].NumElements());
  in[0].ReadDoubles(0, absl::MakeSpan(indices));
  const Tensor values = RowMajor(in[2]);
  Tensor out = Tensor::Allocate(in.dtype(), in.dims());
  WithWidth(ir::ByteWidth(in.dtype()), [&](auto element) {
    using T = decltype(element);
    T* to = out.mutable_data<T>();
    std::fill_n(to, out.NumElements(), values.data<T>()[0]);
    for (int64_t i = 0; i < static_cast<int64_t>(indices.size()); ++i) {
      const double index = std::trunc(indices[i]);
      if (!(index >= -static_cast<double>(depth) && index < static_cast<double>(depth))) continue;
      const int64_t position = static_cast<int64_t>(index) + (index < 0 ? depth : 0);
      to[(i / inner * depth + position) * inner + i % inner] = values.data<T>()[1];
    }
  });
  return One(std::move(out));
}

Results Evaluate(const ir::ShapeOf& op, const Operands& in) {
  const ir::ShapeRange range = ir::ResolveShapeRange(op, in[0].rank());
  const Dims& dims = in[0].dims();
  return One(Tensor::I64(absl::MakeConstSpan(dims).subspan(range.begin, range.end - range.begin)));
}

Results Evaluate(const ir::NonZero&, const Operands& in) {
  const Tensor& x = in[0];
  std::vector<double> values(x.NumElements());
  x.ReadDoubles(0, absl::MakeSpan(values));
  const int64_t count =
      std::count_if(values.begin(), values.end(), [](double v) { return v != 0; });
  const Dims dims = {x.rank(), count};
  RETURN_IF_ERROR(CheckResultSize(ir::DType::kI64, dims));
  Tensor out = Tensor::Allocate(ir::DType::kI64, dims);
  int64_t* to = out.mutable_data<int64_t>();
  int64_t element = 0, found = 0;
  for (ir::StridedIndex i(x.dims(), x.strides()); !i.AtEnd(); i.Next(), ++element) {
    if (values[element] == 0) continue;
    for (int axis = 0; axis < x.rank(); ++axis) to[axis * count + found] = i.index()[axis];
    ++found;
  }
  return One(std::move(out));
}

Results Evaluate(const ir::Range&, const Operands& in) {
  return WithArithmetic(in.dtype(), [&](auto c) {
    using C = decltype(c);
    C start, delta;
    Read(in[0], 0, absl::MakeSpan(&start, 1));
    Read(in[2], 0, absl::MakeSpan(&delta, 1));
    std::vector<C> values(in.dims()[0]);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = WrappingAdd(start, WrappingMul(static_cast<C>(i), delta));
    }
    Tensor out = Tensor::Allocate(in.dtype(), in.dims());
    Write(absl::MakeConstSpan(values), 0, out);
    return One(std::move(out));
  });
}

namespace {

// The qparams that the operands of an ONNX QuantizeLinear or DequantizeLinear say.
ir::Quantization OnnxQparams(int64_t axis, ir::DType dtype, const Operands& in) {
  const std::vector<float> scales = in[1].Floats();
  const std::vector<int64_t> zero_points =
      in.Has(2) ? in[2].Ints() : std::vector<int64_t>(scales.size(), 0);
  if (axis < 0) return ir::QuantPerTensor{dtype, scales[0], zero_points[0]};
  return ir::QuantPerChannel{dtype, static_cast<int>(axis), scales, zero_points};
}

}  // namespace

Results Evaluate(const ir::QuantizeLinear& op, const Operands& in) {
  std::vector<float> block(kBlock);
  for (int64_t i = 0; i < in[0].NumElements(); i += kBlock) {
    const auto span = absl::MakeSpan(block).first(std::min(kBlock, in[0].NumElements() - i));
    in[0].ReadFloats(i, span);
    const auto nan = std::find_if(span.begin(), span.end(), [](float v) { return v != v; });
    if (nan != span.end())
      return InvalidInput("element ", i + (nan - span.begin()), " to be quantised is NaN");
  }
  return One(QuantizeTensor(in[0], OnnxQparams(op.axis, op.to, in)));
}

Results Evaluate(const ir::DequantizeLinear& op, const Operands& in) {
  return One(DequantizeTensor(in[0], OnnxQparams(op.axis, in[0].dtype(), in)));
}

Results Evaluate(const ir::Foreign&, const Operands&) {
  G4C_CHECK(false && "refused by EvaluateNode");
  return Results(std::vector<Tensor>{});
}

}  // namespace g4c::evaluator
