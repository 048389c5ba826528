// Operators that move elements by their attributes. Views where strides can say the result.

#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/reference.h"
#include "evaluator/strided.h"
#include "ir/resolve.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

int Axis(int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

Results SplitInto(const Tensor& x, int axis, const ir::Ints& sizes) {
  std::vector<Tensor> pieces;
  int64_t begin = 0;
  for (int64_t size : sizes) {
    pieces.push_back(x.Sliced(axis, begin, size));
    begin += size;
  }
  return pieces;
}

Tensor Sliced(const Tensor& x, const ir::Slice& slice) {
  Tensor view = x;
  for (int axis = 0; axis < x.rank(); ++axis) {
    view = view.Sliced(axis, slice.begin[axis], slice.size[axis], slice.stride[axis]);
  }
  return view;
}

// [d0, d1] repeated [m0, m1] times: seen as [m0, d0, m1, d1].
Tensor Tiled(const Tensor& x, const ir::Ints& repeats) {
  Dims apart, wide, together;
  for (int axis = 0; axis < x.rank(); ++axis) {
    apart.insert(apart.end(), {1, x.dims()[axis]});
    wide.insert(wide.end(), {repeats[axis], x.dims()[axis]});
    together.push_back(repeats[axis] * x.dims()[axis]);
  }
  return ReshapedTo(ReshapedTo(x, apart).BroadcastTo(wide), together);
}

// Operands of one dtype and rank, side by side along `axis`.
Tensor Concatenated(absl::Span<const Tensor> parts, int axis, ir::DType dtype, const Dims& dims) {
  Tensor out = Tensor::Allocate(dtype, dims);
  WithWidth(ir::ByteWidth(dtype), [&](auto element) {
    auto* to = out.mutable_data<decltype(element)>();
    for (const Tensor& part : parts) {
      CopyTo(part, out.strides(), reinterpret_cast<uint8_t*>(to));
      to += part.dims()[axis] * out.strides()[axis];
    }
  });
  return out;
}

// For each position along a padded axis the position it copies, or -1 where the constant goes.
absl::StatusOr<std::vector<int64_t>> PadSources(ir::PadMode mode, int64_t dim, int64_t before,
                                                int64_t after) {
  std::vector<int64_t> sources(before + dim + after);
  for (int64_t i = 0; i < static_cast<int64_t>(sources.size()); ++i) {
    int64_t source = i - before;
    if (source < 0 || source >= dim) {
      if (mode != ir::PadMode::kConstant && dim == 0)
        return InvalidInput("nothing to pad an empty axis with");
      switch (mode) {
        case ir::PadMode::kConstant:
          source = -1;
          break;
        case ir::PadMode::kEdge:
          source = source < 0 ? 0 : dim - 1;
          break;
        case ir::PadMode::kWrap:
          source = (source % dim + dim) % dim;
          break;
        case ir::PadMode::kReflect: {
          // To and fro with the period 2 (dim - 1), the ends not repeated.
          const int64_t period = std::max<int64_t>(1, 2 * (dim - 1));
          source = (source % period + period) % period;
          if (source >= dim) source = period - source;
          break;
        }
      }
    }
    sources[i] = source;
  }
  return sources;
}

Results Padded(const Tensor& x, const ir::Padding& padding, ir::PadMode mode, const Tensor& value,
               const Dims& dims) {
  std::vector<std::vector<int64_t>> sources;
  for (int axis = 0; axis < x.rank(); ++axis) {
    ASSIGN_OR_RETURN(auto along,
                     PadSources(mode, x.dims()[axis], padding.before[axis], padding.after[axis]));
    sources.push_back(std::move(along));
  }
  Tensor out = Tensor::Allocate(x.dtype(), dims);
  const Tensor rows = RowMajor(x);
  const Dims strides = ir::RowMajorStrides(x.dims());
  WithWidth(ir::ByteWidth(x.dtype()), [&](auto element) {
    using T = decltype(element);
    const T fill = value.data<T>()[0];
    T* to = out.mutable_data<T>();
    for (ir::StridedIndex i(dims, out.strides()); !i.AtEnd(); i.Next()) {
      int64_t from = 0;
      bool inside = true;
      for (int axis = 0; axis < x.rank() && inside; ++axis) {
        const int64_t source = sources[axis][i.index()[axis]];
        inside = source >= 0;
        from += source * strides[axis];
      }
      to[i.offset()] = inside ? rows.data<T>()[from] : fill;
    }
  });
  return One(std::move(out));
}

}  // namespace

Results Evaluate(const ir::Reshape& op, const Operands& in) {
  return One(ReshapedTo(in[0], op.shape));
}

Results Evaluate(const ir::Transpose& op, const Operands& in) {
  return One(in[0].Transposed(std::vector<int>(op.perm.begin(), op.perm.end())));
}

Results Evaluate(const ir::Slice& op, const Operands& in) { return One(Sliced(in[0], op)); }

Results Evaluate(const ir::Split& op, const Operands& in) {
  return SplitInto(in[0], Axis(op.axis, in[0].rank()), op.sizes);
}

Results Evaluate(const ir::Concat& op, const Operands& in) {
  std::vector<Tensor> parts;
  for (const Tensor* part : in.inputs) parts.push_back(*part);
  return One(Concatenated(parts, Axis(op.axis, in[0].rank()), in.dtype(), in.dims()));
}

Results Evaluate(const ir::Pack& op, const Operands& in) {
  const int axis = Axis(op.axis, in[0].rank() + 1);
  Dims dims = in[0].dims();
  dims.insert(dims.begin() + axis, 1);
  std::vector<Tensor> parts;
  for (const Tensor* part : in.inputs) parts.push_back(ReshapedTo(*part, dims));
  return One(Concatenated(parts, axis, in.dtype(), in.dims()));
}

Results Evaluate(const ir::Unpack& op, const Operands& in) {
  const int axis = Axis(op.axis, in[0].rank());
  std::vector<Tensor> items;
  for (int64_t i = 0; i < in[0].dims()[axis]; ++i) {
    items.push_back(ReshapedTo(in[0].Sliced(axis, i, 1), in.dims()));
  }
  return items;
}

Results Evaluate(const ir::BroadcastTo&, const Operands& in) {
  return One(in[0].BroadcastTo(in.dims()));
}
Results Evaluate(const ir::Tile& op, const Operands& in) { return One(Tiled(in[0], op.multiples)); }

Results Evaluate(const ir::Pad& op, const Operands& in) {
  const ir::DType dtype = in.dtype();
  Tensor value = Tensor::Allocate(dtype, {});
  if (ir::IsFloat(dtype)) {
    Write(absl::MakeConstSpan(&op.value, 1), 0, value);
  } else {
    const int64_t integer = static_cast<int64_t>(op.value);
    Write(absl::MakeConstSpan(&integer, 1), 0, value);
  }
  return Padded(in[0], {op.before, op.after}, op.mode, value, in.dims());
}

Results Evaluate(const ir::DynamicReshape&, const Operands& in) {
  return One(ReshapedTo(in[0], in.dims()));
}
Results Evaluate(const ir::DynamicSqueeze&, const Operands& in) {
  return One(ReshapedTo(in[0], in.dims()));
}
Results Evaluate(const ir::DynamicUnsqueeze&, const Operands& in) {
  return One(ReshapedTo(in[0], in.dims()));
}
Results Evaluate(const ir::DynamicExpand&, const Operands& in) {
  return One(in[0].BroadcastTo(in.dims()));
}
Results Evaluate(const ir::DynamicTile&, const Operands& in) {
  return One(Tiled(in[0], in[1].Ints()));
}

Results Evaluate(const ir::DynamicSlice&, const Operands& in) {
  ASSIGN_OR_RETURN(const ir::Slice slice,
                   ir::ResolveSlice(ir::Shape(in[0].dims()), in[1].Ints(), in[2].Ints(),
                                    ir::IntsOf(in.Get(3)), ir::IntsOf(in.Get(4))));
  return One(Sliced(in[0], slice));
}

Results Evaluate(const ir::DynamicSplit& op, const Operands& in) {
  const int axis = Axis(op.axis, in[0].rank());
  ASSIGN_OR_RETURN(const ir::Ints sizes, ir::ResolveSplit(in[0].dims()[axis], ir::IntsOf(in.Get(1)),
                                                          static_cast<int>(in.results.size())));
  return SplitInto(in[0], axis, sizes);
}

Results Evaluate(const ir::DynamicPad& op, const Operands& in) {
  ASSIGN_OR_RETURN(ir::Padding padding,
                   ir::ResolvePads(in[0].rank(), in[1].Ints(), ir::IntsOf(in.Get(3))));
  ASSIGN_OR_RETURN(const ir::Slice crop, ir::TakeCrop(in[0].dims(), padding));
  const Tensor value = in.Has(2) ? RowMajor(in[2]) : Tensor::Allocate(in.dtype(), {});
  return Padded(Sliced(in[0], crop), padding, op.mode, value, in.dims());
}

Results Evaluate(const ir::SplitItem& op, const Operands& in) {
  ASSIGN_OR_RETURN(const int64_t index, ir::IntScalarOf(in[2]));
  ASSIGN_OR_RETURN(const ir::SplitPiece piece,
                   ir::ResolveSplitItem(op, in[0].dims(), in.Get(1), index));
  return One(ReshapedTo(in[0].Sliced(piece.axis, piece.begin, piece.size), in.dims()));
}

Results Evaluate(const ir::SequenceItem&, const Operands& in) {
  ASSIGN_OR_RETURN(const int64_t index, ir::IntScalarOf(in[0]));
  ASSIGN_OR_RETURN(const int item, ir::ResolveSequenceIndex(index, in.size() - 1));
  return One(in[item + 1]);
}

Results Evaluate(const ir::Choose&, const Operands& in) {
  return One(in[in[0].IntScalar() != 0 ? 1 : 2]);
}

Results Evaluate(const ir::Trilu& op, const Operands& in) {
  int64_t k = 0;
  if (in.Has(1)) {
    ASSIGN_OR_RETURN(k, ir::IntScalarOf(in[1]));
  }
  const Tensor x = RowMajor(in[0]);
  Tensor out = Tensor::Allocate(x.dtype(), x.dims());
  const int64_t rows = x.dims()[x.rank() - 2];
  const int64_t columns = x.dims()[x.rank() - 1];
  WithWidth(ir::ByteWidth(x.dtype()), [&](auto element) {
    using T = decltype(element);
    T* to = out.mutable_data<T>();
    for (int64_t i = 0; i < x.NumElements(); ++i) {
      const int64_t diagonal = i % columns - i / columns % rows;
      if (op.upper ? diagonal >= k : diagonal <= k) to[i] = x.data<T>()[i];
    }
  });
  return One(std::move(out));
}

}  // namespace g4c::evaluator
