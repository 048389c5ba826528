// A typed array: a strided view of shared bytes. It is what a constant holds and what the
// evaluators compute with.
//
// Ownership: a Tensor shares its bytes (a mapped file, a parsed message, a heap block) and never
// copies them to make a view; Transposed, Reshaped, Sliced and BroadcastTo are views. Bytes are
// written only through mutable_data() of a tensor that Allocate just made and that nobody else
// shares yet.
#ifndef IR_TENSOR_H_
#define IR_TENSOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "ir/dtype.h"
#include "ir/shape.h"

namespace g4c::ir {

class Tensor {
 public:
  // An empty f32 tensor of shape [0].
  Tensor();

  // Zeros of the given type, row-major.
  static Tensor Allocate(DType dtype, Dims dims);

  // A row-major view of `bytes`, kept alive by `owner`. u4 and i4 hold one element a byte.
  // InvalidInput where the size of `bytes` is not that of `dims`. The bytes need not be aligned: a
  // misaligned view is copied on Contiguous().
  static absl::StatusOr<Tensor> View(DType dtype, Dims dims, absl::Span<const uint8_t> bytes,
                                     std::shared_ptr<const void> owner);

  // From values, mostly for tests and small operands. T is the C++ type of `dtype` (CTypeOf).
  template <typename T>
  static Tensor Of(DType dtype, Dims dims, absl::Span<const T> values);
  // From numbers converted to `dtype`: floats round to nearest even, integers must fit.
  static Tensor FromDoubles(DType dtype, Dims dims, absl::Span<const double> values);
  static Tensor FromInts(DType dtype, Dims dims, absl::Span<const int64_t> values);
  static Tensor I64(absl::Span<const int64_t> values);  // rank 1
  static Tensor ScalarF32(float value);
  static Tensor ScalarI64(int64_t value);
  static Tensor ScalarBool(bool value);
  // Stands for data of which only a digest is known (ir/text.h): reads as zeros. Views of it read
  // as zeros, too, but are no longer opaque.
  static Tensor Opaque(DType dtype, const Dims& dims, std::string digest);
  // Null for a tensor of real data.
  const std::string* opaque_digest() const { return opaque_digest_.get(); }

  DType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  int rank() const { return static_cast<int>(dims_.size()); }
  const Dims& strides() const { return strides_; }  // in elements; 0 along a broadcast axis
  int64_t NumElements() const { return ir::NumElements(dims_); }
  int64_t NumBytes() const { return NumElements() * ByteWidth(dtype_); }

  // Row-major without gaps and aligned for its type.
  bool IsContiguous() const;
  // This, or a row-major copy.
  Tensor Contiguous() const;

  // The first element (of the view, not of the storage). Requires that T has ByteWidth(dtype())
  // bytes.
  template <typename T>
  const T* data() const {
    G4C_CHECK(sizeof(T) == static_cast<size_t>(ByteWidth(dtype_)));
    return reinterpret_cast<const T*>(data_);
  }
  template <typename T>
  T* mutable_data() {
    G4C_CHECK(sizeof(T) == static_cast<size_t>(ByteWidth(dtype_)) && writable_);
    return reinterpret_cast<T*>(const_cast<uint8_t*>(data_));
  }
  // Whether mutable_data() may be called and no other tensor shares the bytes: then they may be
  // overwritten in place.
  bool IsUnshared() const { return writable_ && owner_.use_count() == 1; }
  const uint8_t* bytes() const { return data_; }
  absl::Span<const uint8_t> ContiguousBytes() const;  // requires IsContiguous()

  // Elements [begin, begin + out.size()) in row-major order of this view, converted: any dtype to
  // float or double (f64 to float rounds to nearest), any integer dtype or bool to int64.
  void ReadFloats(int64_t begin, absl::Span<float> out) const;
  void ReadDoubles(int64_t begin, absl::Span<double> out) const;
  void ReadInts(int64_t begin, absl::Span<int64_t> out) const;
  std::vector<float> Floats() const;
  std::vector<int64_t> Ints() const;
  // The one element of a tensor that has only one.
  float FloatScalar() const;
  int64_t IntScalar() const;

  // Views. Transposed: dim i of the result is dim perm[i]. Sliced: elements begin + k * step of one
  // axis (step may be negative). BroadcastTo: NumPy rules. Reshaped: a view where strides allow it,
  // else a copy.
  Tensor Transposed(absl::Span<const int> perm) const;
  Tensor Sliced(int axis, int64_t begin, int64_t size, int64_t step = 1) const;
  Tensor BroadcastTo(const Dims& dims) const;
  Tensor Reshaped(Dims dims) const;
  // The same bytes under another dtype of the same width (for storage that a quantised value
  // reinterprets).
  Tensor Retyped(DType dtype) const;

  // Whether both show the same storage in the same way (never compares content).
  bool SameView(const Tensor& other) const;
  // Whether dtype, dims and bits of all elements (of opaque tensors: the digests) are equal. Linear
  // in the size unless SameView.
  bool SameContent(const Tensor& other) const;

 private:
  // This as a view: not writable, and not the whole of an opaque tensor.
  Tensor AsView() const;

  DType dtype_ = DType::kF32;
  Dims dims_;
  Dims strides_;
  const uint8_t* data_ = nullptr;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<const std::string> opaque_digest_;
  bool writable_ = false;
};

// A row-major walk over the element offsets of a strided view; tests and plain loops use it.
// for (StridedIndex i(t.dims(), t.strides()); !i.AtEnd(); i.Next()) use(i.offset());
class StridedIndex {
 public:
  StridedIndex(const Dims& dims, const Dims& strides);
  // Starts at row-major position `begin`.
  StridedIndex(const Dims& dims, const Dims& strides, int64_t begin);
  bool AtEnd() const { return at_end_; }
  void Next();
  int64_t offset() const { return offset_; }
  const Dims& index() const { return index_; }

 private:
  Dims dims_;
  Dims strides_;
  Dims index_;
  int64_t offset_ = 0;
  bool at_end_ = false;
};

float HalfToFloat(uint16_t bits);
float BFloat16ToFloat(uint16_t bits);
// Rounds to nearest even; too large becomes infinite.
uint16_t FloatToHalf(float value);
uint16_t FloatToBFloat16(float value);

template <typename T>
Tensor Tensor::Of(DType dtype, Dims dims, absl::Span<const T> values) {
  Tensor tensor = Allocate(dtype, std::move(dims));
  G4C_CHECK(static_cast<int64_t>(values.size()) == tensor.NumElements());
  std::copy(values.begin(), values.end(), tensor.mutable_data<T>());
  return tensor;
}

}  // namespace g4c::ir

#endif  // IR_TENSOR_H_
