// A typed array: a strided view of shared bytes. It is what a constant holds and what the
// evaluators compute with.
//
// Ownership: a Tensor shares its bytes (a mapped file, a parsed message, a heap block) and never
// copies them to make a view; Transposed, Reshaped, Sliced and BroadcastTo are views. Bytes are
// written only through mutable_data() of a tensor that Allocate just made and that nobody else
// shares yet.
//
// A computed tensor has no bytes: its elements are made each time that they are read, such as
// weights that a rewrite scaled and that are only written to a file. Contiguous() gives it bytes.
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

// The elements of a computed tensor.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  // Elements [begin, begin + count) in row-major order, each of the tensor's ByteWidth, to `out`,
  // which is aligned for them. The same bytes each time; called from several threads.
  virtual void Read(int64_t begin, int64_t count, uint8_t* out) const = 0;
  // Reads of multiples of so many elements from a multiple of it on waste nothing.
  virtual int64_t unit() const { return 1; }
};

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

  static Tensor Computed(DType dtype, Dims dims, std::shared_ptr<const TensorSource> source);

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

  bool IsComputed() const { return source_ != nullptr; }
  // TensorSource::unit(); 1 for a tensor with bytes.
  int64_t ReadUnit() const { return IsComputed() ? source_->unit() : 1; }
  // What tells storage apart: tensors with different storage share no bytes, unless parts of one
  // block. Never null for a tensor with elements.
  const void* storage() const {
    return IsComputed() ? source_.get() : static_cast<const void*>(data_);
  }

  // Bytes that are row-major without gaps and aligned for their type.
  bool IsContiguous() const;
  // This, or a row-major copy.
  Tensor Contiguous() const;
  // This, or what was computed, once.
  Tensor WithBytes() const { return IsComputed() ? Contiguous() : *this; }

  // The first element (of the view, not of the storage). Requires that T has ByteWidth(dtype())
  // bytes and that the tensor is not computed.
  template <typename T>
  const T* data() const {
    G4C_CHECK(sizeof(T) == static_cast<size_t>(ByteWidth(dtype_)) && !IsComputed());
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
  const uint8_t* bytes() const {
    G4C_CHECK(!IsComputed());
    return data_;
  }
  absl::Span<const uint8_t> ContiguousBytes() const;  // requires IsContiguous()

  // Elements [begin, begin + count) in row-major order of this view, as they are.
  void ReadElements(int64_t begin, int64_t count, uint8_t* out) const;
  // The same converted: any dtype to float or double (f64 to float rounds to nearest), any integer
  // dtype or bool to int64.
  void ReadFloats(int64_t begin, absl::Span<float> out) const;
  void ReadDoubles(int64_t begin, absl::Span<double> out) const;
  void ReadInts(int64_t begin, absl::Span<int64_t> out) const;
  std::vector<float> Floats() const;
  std::vector<int64_t> Ints() const;
  // The one element of a tensor that has only one.
  float FloatScalar() const;
  int64_t IntScalar() const;

  // Views, but copies of a computed tensor. Transposed: dim i of the result is dim perm[i]. Sliced:
  // elements begin + k * step of one axis (step may be negative). BroadcastTo: NumPy rules.
  // Reshaped: a view where strides allow it, and of a computed tensor, else a copy.
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
  std::shared_ptr<const TensorSource> source_;  // in place of data_ and owner_
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
