#include "evaluator/strided.h"

#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "evaluator/elements.h"

namespace g4c::evaluator {

void ForEachRun(const ir::Dims& dims, absl::Span<const ir::Dims> strides,
                absl::FunctionRef<void(const StridedRun&)> run) {
  const int count = static_cast<int>(strides.size());
  G4C_CHECK(count <= kMaxOperands);
  if (ir::NumElements(dims) == 0) return;
  // Merged axes, the innermost last.
  ir::Dims merged;
  std::vector<ir::Dims> steps(count);
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] == 1) continue;
    bool joins = !merged.empty();
    for (int i = 0; i < count; ++i) {
      joins = joins && steps[i].back() == strides[i][axis] * dims[axis];
    }
    if (!joins) merged.push_back(1);
    merged.back() *= dims[axis];
    for (int i = 0; i < count; ++i) {
      if (!joins) steps[i].push_back(0);
      steps[i].back() = strides[i][axis];
    }
  }
  if (merged.empty()) {
    merged.push_back(1);
    for (ir::Dims& step : steps) step.push_back(1);
  }
  const int64_t inner = merged.back();
  const ir::Dims outer_dims(merged.begin(), merged.end() - 1);

  ParallelForRange(ir::NumElements(merged), kTile, [&](int64_t begin, int64_t end) {
    StridedRun piece;
    ir::Dims index(outer_dims.size());
    for (int64_t at = begin; at < end; at += piece.count) {
      int64_t row = at / inner;
      const int64_t column = at % inner;
      piece.count = std::min(inner - column, end - at);
      for (int axis = static_cast<int>(outer_dims.size()) - 1; axis >= 0; --axis) {
        index[axis] = row % outer_dims[axis];
        row /= outer_dims[axis];
      }
      for (int i = 0; i < count; ++i) {
        piece.strides[i] = steps[i].back();
        piece.offsets[i] = column * steps[i].back();
        for (size_t axis = 0; axis < index.size(); ++axis) {
          piece.offsets[i] += index[axis] * steps[i][axis];
        }
      }
      run(piece);
    }
  });
}

void CopyTo(const ir::Tensor& x, const ir::Dims& out_strides, uint8_t* out) {
  const int width = ir::ByteWidth(x.dtype());
  const uint8_t* from = x.bytes();
  const ir::Dims strides[] = {x.strides(), out_strides};
  ForEachRun(x.dims(), strides, [&](const StridedRun& run) {
    const uint8_t* source = from + run.offsets[0] * width;
    uint8_t* target = out + run.offsets[1] * width;
    if (run.strides[0] == 1 && run.strides[1] == 1) {
      std::memcpy(target, source, run.count * width);
      return;
    }
    WithWidth(width, [&](auto element) {
      using T = decltype(element);
      for (int64_t i = 0; i < run.count; ++i) {
        std::memcpy(target + i * run.strides[1] * width, source + i * run.strides[0] * width,
                    sizeof(T));
      }
    });
  });
}

ir::Tensor RowMajor(const ir::Tensor& x) {
  if (x.IsContiguous()) return x;
  ir::Tensor copy = ir::Tensor::Allocate(x.dtype(), x.dims());
  uint8_t* out = WithWidth(ir::ByteWidth(x.dtype()), [&](auto element) {
    return reinterpret_cast<uint8_t*>(copy.mutable_data<decltype(element)>());
  });
  CopyTo(x, copy.strides(), out);
  return copy;
}

ir::Tensor ReshapedTo(const ir::Tensor& x, const ir::Dims& dims) {
  // Reshaped copies only what is not packed; unaligned data may stay so.
  ir::Dims packed = ir::RowMajorStrides(x.dims());
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (x.dims()[axis] != 1 && x.strides()[axis] != packed[axis]) return RowMajor(x).Reshaped(dims);
  }
  return x.Reshaped(dims);
}

}  // namespace g4c::evaluator
