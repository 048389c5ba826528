#include "passes/constants.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "evaluator/quantize.h"
#include "ir/tensor.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Tensor;

// Whether the content does not vary along `axis`.
bool IsUniformAlong(const Tensor& tensor, int axis) {
  const int width = ir::ByteWidth(tensor.dtype());
  const int64_t step = tensor.strides()[axis] * width;
  const Tensor first = tensor.Sliced(axis, 0, 1);
  for (ir::StridedIndex i(first.dims(), first.strides()); !i.AtEnd(); i.Next()) {
    const uint8_t* base = first.bytes() + i.offset() * width;
    for (int64_t k = 1; k < tensor.dims()[axis]; ++k) {
      if (std::memcmp(base, base + k * step, width) != 0) return false;
    }
  }
  return true;
}

// Reads until the first element that differs from the first one.
bool IsUniform(const Tensor& tensor) {
  const int width = ir::ByteWidth(tensor.dtype());
  const int64_t total = tensor.NumElements();
  const int64_t step = std::max<int64_t>(tensor.ReadUnit(), 1024);
  std::vector<uint64_t> buffer((step * width + 7) / 8);
  auto* block = reinterpret_cast<uint8_t*>(buffer.data());
  std::vector<uint8_t> first(width);
  tensor.ReadElements(0, 1, block);
  std::copy(block, block + width, first.begin());
  for (int64_t begin = 0; begin < total; begin += step) {
    const int64_t count = std::min(step, total - begin);
    tensor.ReadElements(begin, count, block);
    for (int64_t i = 0; i < count; ++i) {
      if (std::memcmp(block + i * width, first.data(), width) != 0) return false;
    }
  }
  return true;
}

// The same bytes, seen with stride 0 along `axis`.
Tensor RepeatedAlong(const Tensor& tensor, int axis) {
  return tensor.Sliced(axis, 0, 1).BroadcastTo(tensor.dims());
}

}  // namespace

Tensor RealData(const ir::Value& constant) {
  const Tensor& data = *constant.constant;
  if (ir::HasQparams(constant.quantization)) {
    const Tensor stored =
        ir::IsFloat(data.dtype()) ? evaluator::QuantizeTensor(data, constant.quantization) : data;
    return evaluator::DequantizeTensor(stored, constant.quantization);
  }
  if (constant.type.dtype != ir::DType::kF32 || data.dtype() == ir::DType::kF32) return data;
  // Widening only what is distinct keeps broadcast views cheap.
  const Tensor distinct = DistinctPart(data);
  Tensor real = Tensor::Allocate(ir::DType::kF32, distinct.dims());
  distinct.ReadFloats(0, {real.mutable_data<float>(), static_cast<size_t>(real.NumElements())});
  return real.BroadcastTo(data.dims());
}

absl::optional<float> UniformFloat(const ir::Graph& graph, ir::ValueId id) {
  if (!graph.IsConstant(id) || graph.value(id).type.dtype != ir::DType::kF32) return absl::nullopt;
  const Tensor& data = *graph.value(id).constant;
  if (data.NumElements() == 0) return absl::nullopt;
  // Per-channel qparams would make equal data unequal numbers.
  if (std::holds_alternative<ir::QuantPerChannel>(graph.value(id).quantization))
    return absl::nullopt;
  const Tensor part = DistinctPart(Compacted(data));
  if (part.NumElements() != 1) return absl::nullopt;
  ir::Value one;
  one.type = {ir::DType::kF32, ir::Shape(part.dims())};
  one.constant = part;
  one.quantization = graph.value(id).quantization;
  return RealData(one).FloatScalar();
}

absl::optional<int64_t> UniformInt(const ir::Graph& graph, ir::ValueId id) {
  if (!graph.IsConstant(id) || ir::IsFloat(graph.value(id).type.dtype)) return absl::nullopt;
  const Tensor& data = *graph.value(id).constant;
  if (data.NumElements() == 0) return absl::nullopt;
  const Tensor part = DistinctPart(Compacted(data));
  if (part.NumElements() != 1) return absl::nullopt;
  return part.IntScalar();
}

Tensor Compacted(const Tensor& tensor) {
  if (tensor.NumElements() == 0 || (tensor.IsComputed() && !IsUniform(tensor))) return tensor;
  Tensor view = tensor.WithBytes();
  for (int axis = 0; axis < tensor.rank(); ++axis) {
    if (view.dims()[axis] == 1 || view.strides()[axis] == 0) continue;
    if (IsUniformAlong(view, axis)) view = RepeatedAlong(view, axis);
  }
  return view;
}

int64_t DistinctBytes(const Tensor& tensor) {
  int64_t elements = 1;
  for (int axis = 0; axis < tensor.rank(); ++axis) {
    if (tensor.strides()[axis] != 0 || tensor.dims()[axis] == 0) elements *= tensor.dims()[axis];
  }
  return elements * ir::ByteWidth(tensor.dtype());
}

Tensor DistinctPart(const Tensor& tensor) {
  Tensor view = tensor;
  for (int axis = 0; axis < tensor.rank(); ++axis) {
    if (view.strides()[axis] == 0 && view.dims()[axis] > 1) view = view.Sliced(axis, 0, 1);
  }
  return view;
}

absl::optional<ir::Quantization> MovedQuantization(const ir::Op& op,
                                                   const ir::Quantization& quantization,
                                                   const Dims& from, const Dims& to, int result) {
  const auto* channels = std::get_if<ir::QuantPerChannel>(&quantization);
  if (channels == nullptr) return quantization;
  ir::QuantPerChannel moved = *channels;
  const auto take = [&](int64_t begin, int64_t size, int64_t stride) {
    moved.scales.clear();
    moved.zero_points.clear();
    for (int64_t i = 0; i < size; ++i) {
      moved.scales.push_back(channels->scales[begin + i * stride]);
      moved.zero_points.push_back(channels->zero_points[begin + i * stride]);
    }
  };
  if (const auto* transpose = std::get_if<ir::Transpose>(&op)) {
    for (size_t i = 0; i < transpose->perm.size(); ++i) {
      if (transpose->perm[i] == channels->axis) moved.axis = static_cast<int>(i);
    }
    return moved;
  }
  if (const auto* slice = std::get_if<ir::Slice>(&op)) {
    const int axis = channels->axis;
    take(slice->begin[axis], slice->size[axis], slice->stride[axis]);
    return moved;
  }
  if (const auto* split = std::get_if<ir::Split>(&op)) {
    if (split->axis != channels->axis) return moved;
    int64_t begin = 0;
    for (int i = 0; i < result; ++i) begin += split->sizes[i];
    take(begin, split->sizes[result], 1);
    return moved;
  }
  if (std::holds_alternative<ir::Reshape>(op)) {
    // The channel axis survives where as many elements lie before and after it as before.
    const auto product = [](const Dims& dims, size_t end) {
      int64_t n = 1;
      for (size_t i = 0; i < end; ++i) n *= dims[i];
      return n;
    };
    const int64_t before = product(from, channels->axis);
    for (size_t i = 0; i < to.size(); ++i) {
      if (to[i] == from[channels->axis] && product(to, i) == before) {
        moved.axis = static_cast<int>(i);
        return moved;
      }
    }
    return absl::nullopt;
  }
  if (std::holds_alternative<ir::BroadcastTo>(op)) {
    moved.axis = channels->axis + static_cast<int>(to.size() - from.size());
    if (to[moved.axis] != from[channels->axis]) return absl::nullopt;
    return moved;
  }
  return absl::nullopt;
}

}  // namespace g4c::passes
