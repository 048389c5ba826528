#include "ir/tensor.h"

#include <cmath>
#include <cstring>

#include "base/parallel.h"

namespace g4c::ir {
namespace {

// Calls fn with a null pointer of the C++ type that holds one element of `dtype`; f16 and bf16 are
// not handled here.
template <typename Fn>
void DispatchPlain(DType dtype, Fn fn) {
  switch (dtype) {
    case DType::kBool:
    case DType::kU4:
    case DType::kU8:
      return fn(static_cast<const uint8_t*>(nullptr));
    case DType::kI4:
    case DType::kI8:
      return fn(static_cast<const int8_t*>(nullptr));
    case DType::kU16:
      return fn(static_cast<const uint16_t*>(nullptr));
    case DType::kI16:
      return fn(static_cast<const int16_t*>(nullptr));
    case DType::kU32:
      return fn(static_cast<const uint32_t*>(nullptr));
    case DType::kI32:
      return fn(static_cast<const int32_t*>(nullptr));
    case DType::kU64:
      return fn(static_cast<const uint64_t*>(nullptr));
    case DType::kI64:
      return fn(static_cast<const int64_t*>(nullptr));
    case DType::kF32:
      return fn(static_cast<const float*>(nullptr));
    case DType::kF64:
      return fn(static_cast<const double*>(nullptr));
    case DType::kF16:
    case DType::kBF16:
      G4C_CHECK(false && "handled by the caller");
  }
}

template <typename T>
T LoadUnaligned(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

// Calls emit(k, pointer to element) for `count` elements in row-major order from `begin` on.
template <typename Emit>
void Walk(const Dims& dims, const Dims& strides, const uint8_t* data, int width, int64_t begin,
          int64_t count, Emit emit) {
  if (count == 0) return;
  if (dims.empty()) return emit(0, data);
  // The innermost axis is one plain loop.
  const int64_t inner = dims.back();
  const int64_t inner_stride = strides.back() * width;
  const Dims outer_dims(dims.begin(), dims.end() - 1);
  const Dims outer_strides(strides.begin(), strides.end() - 1);
  StridedIndex outer(outer_dims, outer_strides, begin / inner);
  int64_t column = begin % inner;
  for (int64_t k = 0; k < count; outer.Next(), column = 0) {
    const uint8_t* p = data + outer.offset() * width + column * inner_stride;
    const int64_t n = std::min(inner - column, count - k);
    for (int64_t i = 0; i < n; ++i, p += inner_stride) emit(k + i, p);
    k += n;
  }
}

template <typename Out>
void ReadAs(const Tensor& t, int64_t begin, absl::Span<Out> out) {
  const int64_t count = static_cast<int64_t>(out.size());
  const int width = ByteWidth(t.dtype());
  if (std::is_same_v<Out, float> && t.dtype() == DType::kF32) {
    t.ReadElements(begin, count, reinterpret_cast<uint8_t*>(out.data()));
    return;
  }
  if (t.IsComputed()) {
    constexpr int64_t kPart = 1 << 16;
    const int64_t step = std::max(kPart / t.ReadUnit(), int64_t{1}) * t.ReadUnit();
    for (int64_t done = 0; done < count;) {
      const int64_t n = std::min(count - done, step - (begin + done) % step);
      Tensor part = Tensor::Allocate(t.dtype(), {n});
      t.ReadElements(begin + done, n, const_cast<uint8_t*>(part.bytes()));
      ReadAs(part, 0, out.subspan(done, n));
      done += n;
    }
    return;
  }
  if (t.dtype() == DType::kF16 || t.dtype() == DType::kBF16) {
    const bool half = t.dtype() == DType::kF16;
    Walk(t.dims(), t.strides(), t.bytes(), width, begin, count, [&](int64_t k, const uint8_t* p) {
      const uint16_t bits = LoadUnaligned<uint16_t>(p);
      out[k] = static_cast<Out>(half ? HalfToFloat(bits) : BFloat16ToFloat(bits));
    });
    return;
  }
  DispatchPlain(t.dtype(), [&](auto* type) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
    Walk(t.dims(), t.strides(), t.bytes(), width, begin, count,
         [&](int64_t k, const uint8_t* p) { out[k] = static_cast<Out>(LoadUnaligned<T>(p)); });
  });
}

template <typename Number>
Tensor FromNumbers(Tensor tensor, absl::Span<const Number> values) {
  G4C_CHECK(static_cast<int64_t>(values.size()) == tensor.NumElements());
  if (tensor.dtype() == DType::kF16 || tensor.dtype() == DType::kBF16) {
    const auto convert = tensor.dtype() == DType::kF16 ? FloatToHalf : FloatToBFloat16;
    uint16_t* out = tensor.mutable_data<uint16_t>();
    for (Number value : values) *out++ = convert(static_cast<float>(value));
    return tensor;
  }
  DispatchPlain(tensor.dtype(), [&](auto* type) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(type)>>;
    T* out = tensor.mutable_data<T>();
    for (Number value : values) *out++ = static_cast<T>(value);
  });
  return tensor;
}

}  // namespace

float HalfToFloat(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  float magnitude;
  if (exponent == 31) {
    magnitude = mantissa ? NAN : INFINITY;
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return bits & 0x8000 ? -magnitude : magnitude;
}

float BFloat16ToFloat(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

uint16_t FloatToBFloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 64);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

uint16_t FloatToHalf(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  if (magnitude >= 65520.0f) return sign | 0x7c00;
  if (magnitude < 0x1p-14f) {
    // Subnormal: a multiple of 2^-24; 1024 of them are the smallest normal number, whose bits
    // follow on.
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24)));
  }
  int exponent;
  std::frexp(magnitude, &exponent);  // magnitude in [2^(exponent - 1), 2^exponent)
  // In [1024, 2048]; a carry to 2048 becomes the next exponent by plain addition.
  const int mantissa = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 11 - exponent)));
  return sign | static_cast<uint16_t>(((exponent + 14) << 10) + mantissa - 1024);
}

Tensor::Tensor() : dims_{0}, strides_{1} {}

Tensor Tensor::Allocate(DType dtype, Dims dims) {
  Tensor t;
  t.dtype_ = dtype;
  t.strides_ = RowMajorStrides(dims);
  t.dims_ = std::move(dims);
  const size_t size = static_cast<size_t>(t.NumBytes());
  // calloc: large blocks come zeroed from the system without being touched.
  std::shared_ptr<void> block(std::calloc(size ? size : 1, 1), std::free);
  G4C_CHECK(block != nullptr);
  t.data_ = static_cast<const uint8_t*>(block.get());
  t.owner_ = std::move(block);
  t.writable_ = true;
  return t;
}

absl::StatusOr<Tensor> Tensor::View(DType dtype, Dims dims, absl::Span<const uint8_t> bytes,
                                    std::shared_ptr<const void> owner) {
  ASSIGN_OR_RETURN(const int64_t elements, CheckedNumElements(dims));
  const int width = ByteWidth(dtype);
  if (static_cast<int64_t>(bytes.size() / width) != elements || bytes.size() % width != 0) {
    return InvalidInput(bytes.size(), " bytes of data where ", DTypeName(dtype),
                        ShapeText(Shape(dims)), " needs ", elements, " x ", width);
  }
  Tensor t;
  t.dtype_ = dtype;
  t.strides_ = RowMajorStrides(dims);
  t.dims_ = std::move(dims);
  t.data_ = bytes.data();
  t.owner_ = std::move(owner);
  return t;
}

Tensor Tensor::Computed(DType dtype, Dims dims, std::shared_ptr<const TensorSource> source) {
  Tensor t;
  t.dtype_ = dtype;
  t.strides_ = RowMajorStrides(dims);
  t.dims_ = std::move(dims);
  t.source_ = std::move(source);
  return t;
}

Tensor Tensor::FromDoubles(DType dtype, Dims dims, absl::Span<const double> values) {
  return FromNumbers(Allocate(dtype, std::move(dims)), values);
}

Tensor Tensor::FromInts(DType dtype, Dims dims, absl::Span<const int64_t> values) {
  return FromNumbers(Allocate(dtype, std::move(dims)), values);
}

Tensor Tensor::I64(absl::Span<const int64_t> values) {
  return Of<int64_t>(DType::kI64, {static_cast<int64_t>(values.size())}, values);
}
Tensor Tensor::ScalarF32(float value) { return Of<float>(DType::kF32, {}, {value}); }
Tensor Tensor::ScalarI64(int64_t value) { return Of<int64_t>(DType::kI64, {}, {value}); }
Tensor Tensor::ScalarBool(bool value) { return Of<uint8_t>(DType::kBool, {}, {uint8_t{value}}); }

Tensor Tensor::Opaque(DType dtype, const Dims& dims, std::string digest) {
  Tensor t = Allocate(dtype, {}).BroadcastTo(dims);
  t.opaque_digest_ = std::make_shared<const std::string>(std::move(digest));
  return t;
}

bool Tensor::IsContiguous() const {
  if (IsComputed()) return false;
  if (reinterpret_cast<uintptr_t>(data_) % ByteWidth(dtype_) != 0) return false;
  int64_t stride = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (dims_[i] == 0) return true;
    if (dims_[i] != 1 && strides_[i] != stride) return false;
    stride *= dims_[i];
  }
  return true;
}

Tensor Tensor::Contiguous() const {
  if (IsContiguous()) return *this;
  Tensor copy = Allocate(dtype_, dims_);
  uint8_t* out = const_cast<uint8_t*>(copy.data_);
  constexpr int64_t kGrain = 1 << 18;
  const int64_t unit = ReadUnit();
  const int64_t elements = NumElements();
  ParallelForRange((elements + unit - 1) / unit, std::max(kGrain / unit, int64_t{1}),
                   [&](int64_t first, int64_t last) {
                     const int64_t begin = first * unit;
                     const int64_t end = std::min(last * unit, elements);
                     ReadElements(begin, end - begin, out + begin * ByteWidth(dtype_));
                   });
  return copy;
}

void Tensor::ReadElements(int64_t begin, int64_t count, uint8_t* out) const {
  if (count == 0) return;  // where there may be no bytes to point at
  const int width = ByteWidth(dtype_);
  if (IsComputed()) {
    source_->Read(begin, count, out);
  } else if (IsContiguous()) {
    std::memcpy(out, data_ + begin * width, count * width);
  } else {
    Walk(dims_, strides_, data_, width, begin, count,
         [&](int64_t k, const uint8_t* p) { std::memcpy(out + k * width, p, width); });
  }
}

absl::Span<const uint8_t> Tensor::ContiguousBytes() const {
  G4C_CHECK(IsContiguous());
  return {data_, static_cast<size_t>(NumBytes())};
}

void Tensor::ReadFloats(int64_t begin, absl::Span<float> out) const { ReadAs(*this, begin, out); }
void Tensor::ReadDoubles(int64_t begin, absl::Span<double> out) const { ReadAs(*this, begin, out); }
void Tensor::ReadInts(int64_t begin, absl::Span<int64_t> out) const {
  G4C_CHECK(!IsFloat(dtype_));
  ReadAs(*this, begin, out);
}

std::vector<float> Tensor::Floats() const {
  std::vector<float> out(NumElements());
  ReadFloats(0, absl::MakeSpan(out));
  return out;
}

std::vector<int64_t> Tensor::Ints() const {
  std::vector<int64_t> out(NumElements());
  ReadInts(0, absl::MakeSpan(out));
  return out;
}

float Tensor::FloatScalar() const {
  G4C_CHECK(NumElements() == 1);
  float value;
  ReadFloats(0, {&value, 1});
  return value;
}

int64_t Tensor::IntScalar() const {
  G4C_CHECK(NumElements() == 1);
  int64_t value;
  ReadInts(0, {&value, 1});
  return value;
}

Tensor Tensor::AsView() const {
  Tensor view = *this;
  view.writable_ = false;
  view.opaque_digest_ = nullptr;
  return view;
}

Tensor Tensor::Transposed(absl::Span<const int> perm) const {
  G4C_CHECK(static_cast<int>(perm.size()) == rank());
  if (IsComputed()) return Contiguous().Transposed(perm);
  Tensor view = AsView();
  for (int i = 0; i < rank(); ++i) {
    view.dims_[i] = dims_[perm[i]];
    view.strides_[i] = strides_[perm[i]];
  }
  return view;
}

Tensor Tensor::Sliced(int axis, int64_t begin, int64_t size, int64_t step) const {
  G4C_CHECK(axis >= 0 && axis < rank() && size >= 0);
  if (size > 0) {
    const int64_t last = begin + (size - 1) * step;
    G4C_CHECK(begin >= 0 && begin < dims_[axis] && last >= 0 && last < dims_[axis]);
  }
  if (IsComputed()) return Contiguous().Sliced(axis, begin, size, step);
  Tensor view = AsView();
  if (size > 0) view.data_ += begin * strides_[axis] * ByteWidth(dtype_);
  view.dims_[axis] = size;
  view.strides_[axis] *= step;
  return view;
}

Tensor Tensor::BroadcastTo(const Dims& dims) const {
  if (IsComputed()) return Contiguous().BroadcastTo(dims);
  const int lead = static_cast<int>(dims.size()) - rank();
  G4C_CHECK(lead >= 0);
  Tensor view = AsView();
  view.dims_ = dims;
  view.strides_.assign(dims.size(), 0);
  for (int i = 0; i < rank(); ++i) {
    if (dims_[i] == dims[lead + i]) {
      view.strides_[lead + i] = strides_[i];
    } else {
      G4C_CHECK(dims_[i] == 1);
    }
  }
  return view;
}

Tensor Tensor::Reshaped(Dims dims) const {
  G4C_CHECK(ir::NumElements(dims) == NumElements());
  // A row-major array may be regrouped at will, aligned or not, computed or not.
  bool packed = true;
  int64_t stride = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    if (dims_[i] != 1 && strides_[i] != stride) packed = false;
    stride *= dims_[i];
  }
  // Axes of one element come and go in any view.
  if (!packed) {
    Tensor view = AsView();
    view.strides_.assign(dims.size(), 0);
    size_t own = 0;
    bool same = true;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == 1) continue;
      while (own < dims_.size() && dims_[own] == 1) ++own;
      same = same && own < dims_.size() && dims_[own] == dims[i];
      if (!same) break;
      view.strides_[i] = strides_[own++];
    }
    if (same) {
      view.dims_ = std::move(dims);
      return view;
    }
  }
  Tensor view = (packed || NumElements() == 0 ? *this : Contiguous()).AsView();
  view.strides_ = RowMajorStrides(dims);
  view.dims_ = std::move(dims);
  return view;
}

Tensor Tensor::Retyped(DType dtype) const {
  G4C_CHECK(ByteWidth(dtype) == ByteWidth(dtype_));
  Tensor view = AsView();
  view.dtype_ = dtype;
  return view;
}

bool Tensor::SameView(const Tensor& other) const {
  return dtype_ == other.dtype_ && storage() == other.storage() && dims_ == other.dims_ &&
         strides_ == other.strides_;
}

bool Tensor::SameContent(const Tensor& other) const {
  if (dtype_ != other.dtype_ || dims_ != other.dims_) return false;
  if (opaque_digest_ != nullptr || other.opaque_digest_ != nullptr) {
    return opaque_digest_ != nullptr && other.opaque_digest_ != nullptr &&
           *opaque_digest_ == *other.opaque_digest_;
  }
  if (SameView(other)) return true;
  const Tensor a = Contiguous();
  const Tensor b = other.Contiguous();
  return std::memcmp(a.data_, b.data_, static_cast<size_t>(a.NumBytes())) == 0;
}

StridedIndex::StridedIndex(const Dims& dims, const Dims& strides)
    : StridedIndex(dims, strides, 0) {}

StridedIndex::StridedIndex(const Dims& dims, const Dims& strides, int64_t begin)
    : dims_(dims), strides_(strides), index_(dims.size()) {
  for (int i = static_cast<int>(dims.size()) - 1; i >= 0; --i) {
    if (dims[i] == 0) {
      at_end_ = true;
      return;
    }
    index_[i] = begin % dims[i];
    begin /= dims[i];
    offset_ += index_[i] * strides[i];
  }
  if (begin > 0) at_end_ = true;
}

void StridedIndex::Next() {
  for (int i = static_cast<int>(dims_.size()) - 1; i >= 0; --i) {
    offset_ += strides_[i];
    if (++index_[i] < dims_[i]) return;
    offset_ -= dims_[i] * strides_[i];
    index_[i] = 0;
  }
  at_end_ = true;
}

}  // namespace g4c::ir
