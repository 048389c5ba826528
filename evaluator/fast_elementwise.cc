#include "evaluator/fast_elementwise.h"

#include <algorithm>

#include "base/parallel.h"
#include "evaluator/elements.h"
#include "evaluator/fast_rows.h"
#include "evaluator/fast_runs.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

// f32 whose elements can be read in place.
Tensor Readable(const Tensor& x) {
  return reinterpret_cast<uintptr_t>(x.bytes()) % alignof(float) == 0 ? x : RowMajor(x);
}

// The result's tensor: an operand that nobody else needs, or a new one.
Tensor ResultLike(absl::Span<Tensor* const> candidates, const Dims& dims) {
  for (Tensor* x : candidates) {
    if (x->dtype() == ir::DType::kF32 && x->dims() == dims && x->IsUnshared() && x->IsContiguous())
      return *x;
  }
  return Tensor::Allocate(ir::DType::kF32, dims);
}

Tensor Binary(BinaryKernel kernel, absl::Span<Tensor* const> operands, const Dims& dims) {
  Tensor out = ResultLike(operands, dims);
  float* to = out.mutable_data<float>();
  const Tensor a = Readable(*operands[0]).BroadcastTo(dims);
  const Tensor b = Readable(*operands[1]).BroadcastTo(dims);
  const float* from_a = a.data<float>();
  const float* from_b = b.data<float>();
  const Dims strides[] = {a.strides(), b.strides(), out.strides()};
  ForEachRun(dims, strides, [&](const StridedRun& run) {
    kernel(from_a + run.offsets[0], run.strides[0], from_b + run.offsets[1], run.strides[1],
           to + run.offsets[2], run.count);
  });
  return out;
}

Tensor Unary(const UnaryKernel& kernel, Tensor* operand) {
  Tensor out = ResultLike({&operand, 1}, operand->dims());
  float* to = out.mutable_data<float>();
  const Tensor x = RowMajor(*operand);
  const float* from = x.data<float>();
  ParallelForRange(x.NumElements(), kTile, [&](int64_t begin, int64_t end) {
    kernel(from + begin, to + begin, end - begin);
  });
  return out;
}

Tensor SelectByCondition(absl::Span<Tensor* const> operands, const Dims& dims) {
  Tensor out = ResultLike(operands.subspan(1), dims);
  float* to = out.mutable_data<float>();
  const Tensor condition = operands[0]->BroadcastTo(dims);
  const Tensor a = Readable(*operands[1]).BroadcastTo(dims);
  const Tensor b = Readable(*operands[2]).BroadcastTo(dims);
  const uint8_t* choose = condition.data<uint8_t>();
  const float* from_a = a.data<float>();
  const float* from_b = b.data<float>();
  const Dims strides[] = {condition.strides(), a.strides(), b.strides(), out.strides()};
  ForEachRun(dims, strides, [&](const StridedRun& run) {
    for (int64_t i = 0; i < run.count; ++i) {
      const bool first = choose[run.offsets[0] + i * run.strides[0]] != 0;
      to[run.offsets[3] + i * run.strides[3]] = first ? from_a[run.offsets[1] + i * run.strides[1]]
                                                      : from_b[run.offsets[2] + i * run.strides[2]];
    }
  });
  return out;
}

bool IsF32(const Tensor* x) { return x->dtype() == ir::DType::kF32; }

// row(in, out) over the rows of the last axis.
template <typename Row>
Tensor ByRows(Tensor* operand, Row row) {
  Tensor out = ResultLike({&operand, 1}, operand->dims());
  float* to = out.mutable_data<float>();
  const Tensor x = RowMajor(*operand);
  const float* from = x.data<float>();
  const int64_t length = x.dims().back();
  if (x.NumElements() == 0) return out;
  ParallelForRange(x.NumElements() / length, std::max<int64_t>(1, kTile / length),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t r = begin; r < end; ++r) row(from + r * length, to + r * length);
                   });
  return out;
}

}  // namespace

absl::optional<Tensor> FastElementwise(const ir::Op& op, absl::Span<Tensor* const> operands,
                                       const Dims& dims) {
  if (operands.size() == 1 && IsF32(operands[0])) {
    const absl::optional<UnaryKernel> kernel = UnaryKernelOf(op);
    if (kernel.has_value()) return Unary(*kernel, operands[0]);
  }
  if (operands.size() == 2 && IsF32(operands[0]) && IsF32(operands[1])) {
    const BinaryKernel kernel = BinaryKernelOf(op);
    if (kernel != nullptr) return Binary(kernel, operands, dims);
  }
  if (std::holds_alternative<ir::Select>(op) && IsF32(operands[1]) && IsF32(operands[2])) {
    return SelectByCondition(operands, dims);
  }
  return absl::nullopt;
}

absl::optional<Tensor> FastRows(const ir::Op& op, absl::Span<Tensor* const> operands) {
  if (operands.empty() || operands[0] == nullptr || !IsF32(operands[0]) ||
      operands[0]->rank() == 0) {
    return absl::nullopt;
  }
  const int64_t length = operands[0]->dims().back();
  if (const auto* norm = std::get_if<ir::RmsNorm>(&op)) {
    std::vector<float> gain;
    if (operands.size() > 1 && operands[1] != nullptr) gain = operands[1]->Floats();
    if (gain.size() == 1) gain.resize(length, gain[0]);
    const float* gains = gain.empty() ? nullptr : gain.data();
    return ByRows(operands[0], [&](const float* in, float* out) {
      RmsNormRow(in, gains, out, length, norm->epsilon);
    });
  }
  const auto* softmax = std::get_if<ir::Softmax>(&op);
  const auto* along = std::get_if<ir::SoftmaxAxis>(&op);
  const bool last =
      along != nullptr && (along->axis == -1 || along->axis == operands[0]->rank() - 1);
  if (softmax == nullptr && !last) return absl::nullopt;
  const float beta = softmax != nullptr ? softmax->beta : 1.0f;
  return ByRows(operands[0],
                [=](const float* in, float* out) { SoftmaxRow(in, out, length, beta); });
}

}  // namespace g4c::evaluator
