#include "evaluator/fast_elementwise.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "evaluator/elements.h"
#include "evaluator/fast_rows.h"
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

template <typename Fn>
void BinaryRun(const float* a, int64_t step_a, const float* b, int64_t step_b, float* out,
               int64_t count, Fn fn) {
  if (step_a == 1 && step_b == 1) {
    for (int64_t i = 0; i < count; ++i) out[i] = fn(a[i], b[i]);
  } else if (step_a == 1 && step_b == 0) {
    const float right = *b;
    for (int64_t i = 0; i < count; ++i) out[i] = fn(a[i], right);
  } else if (step_a == 0 && step_b == 1) {
    const float left = *a;
    for (int64_t i = 0; i < count; ++i) out[i] = fn(left, b[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = fn(a[i * step_a], b[i * step_b]);
  }
}

template <typename Fn>
Tensor Binary(absl::Span<Tensor* const> operands, const Dims& dims, Fn fn) {
  Tensor out = ResultLike(operands, dims);
  float* to = out.mutable_data<float>();
  const Tensor a = Readable(*operands[0]).BroadcastTo(dims);
  const Tensor b = Readable(*operands[1]).BroadcastTo(dims);
  const float* from_a = a.data<float>();
  const float* from_b = b.data<float>();
  const Dims strides[] = {a.strides(), b.strides(), out.strides()};
  ForEachRun(dims, strides, [&](const StridedRun& run) {
    BinaryRun(from_a + run.offsets[0], run.strides[0], from_b + run.offsets[1], run.strides[1],
              to + run.offsets[2], run.count, fn);
  });
  return out;
}

// run(in, out, count) over contiguous pieces.
template <typename Run>
Tensor Unary(Tensor* operand, Run run) {
  Tensor out = ResultLike({&operand, 1}, operand->dims());
  float* to = out.mutable_data<float>();
  const Tensor x = RowMajor(*operand);
  const float* from = x.data<float>();
  ParallelForRange(x.NumElements(), kTile,
                   [&](int64_t begin, int64_t end) { run(from + begin, to + begin, end - begin); });
  return out;
}

template <typename Fn>
Tensor UnaryEach(Tensor* operand, Fn fn) {
  return Unary(operand, [fn](const float* in, float* out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) out[i] = fn(in[i]);
  });
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

// One operator: an `if` whose body may use a and b, or x.
template <typename Op>
bool IsPlain(const ir::Op& op) {
  const auto* plain = std::get_if<Op>(&op);
  return plain != nullptr && plain->activation == ir::Activation::kNone;
}

absl::optional<Tensor> FastUnary(const ir::Op& op, Tensor* x) {
  if (const auto* gelu = std::get_if<ir::Gelu>(&op)) {
    return Unary(x, gelu->approximate ? GeluTanhRun : GeluErfRun);
  }
  if (std::holds_alternative<ir::Exp>(op)) return Unary(x, ExpRun);
  if (std::holds_alternative<ir::Tanh>(op)) return Unary(x, TanhRun);
  if (std::holds_alternative<ir::Logistic>(op)) return Unary(x, LogisticRun);
  if (std::holds_alternative<ir::Erf>(op)) return Unary(x, ErfRun);
  if (std::holds_alternative<ir::Neg>(op)) return UnaryEach(x, [](float v) { return -v; });
  if (std::holds_alternative<ir::Abs>(op))
    return UnaryEach(x, [](float v) { return std::fabs(v); });
  if (std::holds_alternative<ir::Square>(op)) return UnaryEach(x, [](float v) { return v * v; });
  if (std::holds_alternative<ir::Sqrt>(op))
    return UnaryEach(x, [](float v) { return std::sqrt(v); });
  if (std::holds_alternative<ir::Rsqrt>(op))
    return UnaryEach(x, [](float v) { return 1.0f / std::sqrt(v); });
  if (std::holds_alternative<ir::Relu>(op))
    return UnaryEach(x, [](float v) { return v < 0 ? 0 : v; });
  if (const auto* clamp = std::get_if<ir::Clamp>(&op)) {
    const float low = clamp->min, high = clamp->max;
    return UnaryEach(x, [low, high](float v) { return v < low ? low : v > high ? high : v; });
  }
  return absl::nullopt;
}

absl::optional<Tensor> FastBinary(const ir::Op& op, absl::Span<Tensor* const> operands,
                                  const Dims& dims) {
  if (IsPlain<ir::Add>(op)) return Binary(operands, dims, [](float a, float b) { return a + b; });
  if (IsPlain<ir::Sub>(op)) return Binary(operands, dims, [](float a, float b) { return a - b; });
  if (IsPlain<ir::Mul>(op)) return Binary(operands, dims, [](float a, float b) { return a * b; });
  if (IsPlain<ir::Div>(op)) return Binary(operands, dims, [](float a, float b) { return a / b; });
  if (std::holds_alternative<ir::Maximum>(op)) return Binary(operands, dims, LargerOf<float>);
  if (std::holds_alternative<ir::Minimum>(op)) return Binary(operands, dims, SmallerOf<float>);
  if (std::holds_alternative<ir::SquaredDifference>(op)) {
    return Binary(operands, dims, [](float a, float b) { return (a - b) * (a - b); });
  }
  return absl::nullopt;
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
  if (operands.size() == 1 && IsF32(operands[0])) return FastUnary(op, operands[0]);
  if (operands.size() == 2 && operands[1] != nullptr && IsF32(operands[0]) && IsF32(operands[1])) {
    return FastBinary(op, operands, dims);
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
