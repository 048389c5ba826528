#include "evaluator/elements.h"

#include "base/parallel.h"

namespace g4c::evaluator {
namespace {

template <typename T, typename C>
void WriteAs(absl::Span<const C> values, int64_t begin, ir::Tensor& out) {
  T* to = out.mutable_data<T>() + begin;
  for (size_t i = 0; i < values.size(); ++i) to[i] = static_cast<T>(values[i]);
}

template <typename C>
void WriteIntegers(absl::Span<const C> values, int64_t begin, ir::Tensor& out) {
  switch (out.dtype()) {
    case ir::DType::kBool: {
      uint8_t* to = out.mutable_data<uint8_t>() + begin;
      for (size_t i = 0; i < values.size(); ++i) to[i] = values[i] != 0;
      return;
    }
    case ir::DType::kU4: {
      uint8_t* to = out.mutable_data<uint8_t>() + begin;
      for (size_t i = 0; i < values.size(); ++i) to[i] = static_cast<uint8_t>(values[i] & 15);
      return;
    }
    case ir::DType::kI4: {
      int8_t* to = out.mutable_data<int8_t>() + begin;
      for (size_t i = 0; i < values.size(); ++i) {
        to[i] = static_cast<int8_t>((static_cast<int>(values[i] & 15) ^ 8) - 8);
      }
      return;
    }
    case ir::DType::kU8:
      return WriteAs<uint8_t>(values, begin, out);
    case ir::DType::kI8:
      return WriteAs<int8_t>(values, begin, out);
    case ir::DType::kU16:
      return WriteAs<uint16_t>(values, begin, out);
    case ir::DType::kI16:
      return WriteAs<int16_t>(values, begin, out);
    case ir::DType::kU32:
      return WriteAs<uint32_t>(values, begin, out);
    case ir::DType::kI32:
      return WriteAs<int32_t>(values, begin, out);
    case ir::DType::kU64:
      return WriteAs<uint64_t>(values, begin, out);
    case ir::DType::kI64:
      return WriteAs<int64_t>(values, begin, out);
    case ir::DType::kF32:
      return WriteAs<float>(values, begin, out);
    case ir::DType::kF16:
    case ir::DType::kBF16:
    case ir::DType::kF64:
      G4C_CHECK(false && "results are f32");
  }
}

}  // namespace

void Write(absl::Span<const double> values, int64_t begin, ir::Tensor& out) {
  if (out.dtype() == ir::DType::kF32) return WriteAs<float>(values, begin, out);
  G4C_CHECK(out.dtype() == ir::DType::kBool);  // Cast has rules of its own for integers
  uint8_t* to = out.mutable_data<uint8_t>() + begin;
  for (size_t i = 0; i < values.size(); ++i) to[i] = values[i] != 0;
}
void Write(absl::Span<const int64_t> values, int64_t begin, ir::Tensor& out) {
  WriteIntegers(values, begin, out);
}
void Write(absl::Span<const uint64_t> values, int64_t begin, ir::Tensor& out) {
  WriteIntegers(values, begin, out);
}

ir::Tensor WidenedToF32(const ir::Tensor& x) {
  if (!ir::IsFloat(x.dtype()) || x.dtype() == ir::DType::kF32) return x;
  ir::Tensor wide = ir::Tensor::Allocate(ir::DType::kF32, x.dims());
  float* out = wide.mutable_data<float>();
  ParallelForRange(x.NumElements(), kTile, [&](int64_t begin, int64_t end) {
    x.ReadFloats(begin, absl::MakeSpan(out + begin, end - begin));
  });
  return wide;
}

}  // namespace g4c::evaluator
