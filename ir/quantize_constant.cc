#include "ir/quantize_constant.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/status.h"

namespace g4c::ir {
namespace {

// Elements that are converted at a time; the buffers stay in the first-level cache.
constexpr int64_t kBlock = 2048;

// Rounds to nearest even by leaving no bits for a fraction, |v| <= 2^22. Unlike nearbyint, this is
// vectorised for every x86-64. Needs the default rounding mode and no reassociation.
inline float RoundHalfEven(float v) {
  constexpr float kNoFraction = 0x1.8p23f;
  return (v + kNoFraction) - kNoFraction;
}

// For dtypes of up to 16 bits. Saturating before rounding is the same as after it, for the bounds
// are whole numbers.
inline int32_t QuantizeNarrow(float x, float scale, float low, float high, int32_t zero_point) {
  float v = x / scale;
  v = v > low ? v : low;
  v = v < high ? v : high;
  return static_cast<int32_t>(RoundHalfEven(v)) + zero_point;
}

int64_t QuantizeWide(float x, float scale, int64_t zero_point, DType dtype) {
  const double v = std::nearbyint(static_cast<double>(x) / scale) + static_cast<double>(zero_point);
  const int64_t low = MinOf(dtype);
  const int64_t high = MaxOf(dtype);
  if (!(v > static_cast<double>(low))) return low;
  // The largest int64 is no double; the comparison is with 2^63.
  if (v >= static_cast<double>(high)) return high;
  return static_cast<int64_t>(v);
}

// The channels of a value's elements in row-major order: element i has channel (i / inner) % count.
struct Channels {
  const float* scales;
  const int64_t* zero_points;
  int64_t count;
  int64_t inner;
};

Channels ChannelsOf(const Value& value) {
  if (const auto* q = std::get_if<QuantPerTensor>(&value.quantization)) {
    return {&q->scale, &q->zero_point, 1, std::max<int64_t>(1, value.constant->NumElements())};
  }
  const auto& q = std::get<QuantPerChannel>(value.quantization);
  const Dims& dims = value.constant->dims();
  int64_t inner = 1;
  for (size_t i = q.axis + 1; i < dims.size(); ++i) inner *= dims[i];
  return {q.scales.data(), q.zero_points.data(), static_cast<int64_t>(q.scales.size()), inner};
}

// Elements of one channel.
template <typename Out>
void QuantizeRun(const float* x, int64_t count, float scale, int64_t zero_point, DType dtype,
                 Out* out) {
  if (BitWidth(dtype) > 16) {
    for (int64_t i = 0; i < count; ++i)
      out[i] = static_cast<Out>(QuantizeWide(x[i], scale, zero_point, dtype));
    return;
  }
  const float low = static_cast<float>(MinOf(dtype) - zero_point);
  const float high = static_cast<float>(MaxOf(dtype) - zero_point);
  const int32_t zero = static_cast<int32_t>(zero_point);
  for (int64_t i = 0; i < count; ++i) out[i] = QuantizeNarrow(x[i], scale, low, high, zero);
}

// One element of each of consecutive channels.
template <typename Out>
void QuantizeAcross(const float* x, int64_t count, const float* scales, const int64_t* zero_points,
                    DType dtype, Out* out) {
  if (BitWidth(dtype) > 16) {
    for (int64_t i = 0; i < count; ++i) {
      out[i] = static_cast<Out>(QuantizeWide(x[i], scales[i], zero_points[i], dtype));
    }
    return;
  }
  const int32_t min = static_cast<int32_t>(MinOf(dtype));
  const int32_t max = static_cast<int32_t>(MaxOf(dtype));
  for (int64_t i = 0; i < count; ++i) {
    const int32_t zero = static_cast<int32_t>(zero_points[i]);
    out[i] = QuantizeNarrow(x[i], scales[i], static_cast<float>(min - zero),
                            static_cast<float>(max - zero), zero);
  }
}

// Elements [begin, begin + count) of a value, whose reals are x.
template <typename Out>
void QuantizeBlock(const Channels& channels, DType dtype, int64_t begin, const float* x,
                   int64_t count, Out* out) {
  int64_t channel = begin / channels.inner % channels.count;
  int64_t left = channels.inner - begin % channels.inner;  // elements until the next channel
  for (int64_t i = 0; i < count;) {
    if (channels.inner == 1) {
      const int64_t run = std::min(channels.count - channel, count - i);
      QuantizeAcross(x + i, run, channels.scales + channel, channels.zero_points + channel, dtype,
                     out + i);
      i += run;
      channel = 0;
      continue;
    }
    const int64_t run = std::min(left, count - i);
    QuantizeRun(x + i, run, channels.scales[channel], channels.zero_points[channel], dtype,
                out + i);
    i += run;
    left = channels.inner;
    if (++channel == channels.count) channel = 0;
  }
}

// Calls fn(position, reals, count) for the elements [begin, begin + count) of float data, at most
// kBlock at a time and an even number of them but for the last: where it can, in the data itself.
template <typename Fn>
void ForRealBlocks(const Tensor& data, int64_t begin, int64_t count, Fn fn) {
  const bool direct = data.dtype() == DType::kF32 && data.IsContiguous();
  const int64_t even = 2 * data.ReadUnit();
  const int64_t step = (kBlock + even - 1) / even * even;
  std::vector<float> read(direct ? 0 : std::min(step, count));
  for (int64_t part = 0; part < count;) {
    const int64_t size = direct ? count : std::min(step - (begin + part) % step, count - part);
    const float* x = direct ? data.data<float>() + begin : read.data();
    if (!direct) data.ReadFloats(begin + part, absl::MakeSpan(read.data(), size));
    for (int64_t i = 0; i < size; i += kBlock) fn(part + i, x + i, std::min(kBlock, size - i));
    part += size;
  }
}

template <typename Out>
void ReadStored(const Value& value, int64_t begin, absl::Span<Out> out) {
  G4C_CHECK(value.constant.has_value() && HasQparams(value.quantization));
  const Tensor& data = *value.constant;
  const DType dtype = QuantDType(value.quantization);
  const int64_t count = static_cast<int64_t>(out.size());
  if (!IsFloat(data.dtype())) {
    G4C_CHECK(data.dtype() == dtype);
    int64_t ints[kBlock];
    for (int64_t done = 0; done < count; done += kBlock) {
      const int64_t n = std::min(kBlock, count - done);
      data.ReadInts(begin + done, {ints, static_cast<size_t>(n)});
      std::transform(ints, ints + n, &out[done], [](int64_t q) { return static_cast<Out>(q); });
    }
    return;
  }
  const Channels channels = ChannelsOf(value);
  ForRealBlocks(data, begin, count, [&](int64_t done, const float* x, int64_t n) {
    QuantizeBlock(channels, dtype, begin + done, x, n, &out[done]);
  });
}

template <typename Stored, typename Int>
void PutWide(const Int* ints, int64_t count, uint8_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    const Stored value = static_cast<Stored>(ints[i]);
    std::memcpy(out + i * sizeof(Stored), &value, sizeof(Stored));
  }
}

// The low bytes of integers, little-endian as the file is; or two of them a byte.
template <typename Int>
void PutInts(DType dtype, const Int* ints, int64_t count, uint8_t* out) {
  switch (BitWidth(dtype)) {
    case 4:
      for (int64_t i = 0; i < count / 2; ++i) {
        out[i] = static_cast<uint8_t>((ints[2 * i] & 15) | (ints[2 * i + 1] & 15) << 4);
      }
      if (count % 2 != 0) out[count / 2] = static_cast<uint8_t>(ints[count - 1] & 15);
      return;
    case 8:
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<uint8_t>(ints[i]);
      return;
    case 16:
      return PutWide<int16_t>(ints, count, out);
    case 32:
      return PutWide<int32_t>(ints, count, out);
    default:
      return PutWide<int64_t>(ints, count, out);
  }
}

}  // namespace

int64_t QuantizeReal(float x, float scale, int64_t zero_point, DType dtype) {
  int64_t q;
  QuantizeRun(&x, 1, scale, zero_point, dtype, &q);
  return q;
}

void ReadStoredInts(const Value& value, int64_t begin, absl::Span<int32_t> out) {
  ReadStored(value, begin, out);
}
void ReadStoredInts(const Value& value, int64_t begin, absl::Span<int64_t> out) {
  ReadStored(value, begin, out);
}

DType StoredDType(const Value& value) {
  return HasQparams(value.quantization) ? QuantDType(value.quantization) : value.type.dtype;
}

int64_t StoredBytes(const Value& value, int64_t count) {
  return (count * BitWidth(StoredDType(value)) + 7) / 8;
}

absl::optional<absl::Span<const uint8_t>> StoredInPlace(const Value& value, int64_t begin,
                                                        int64_t count) {
  const DType dtype = StoredDType(value);
  const Tensor& data = *value.constant;
  if (data.dtype() != dtype || BitWidth(dtype) == 4 || !data.IsContiguous()) return absl::nullopt;
  return absl::MakeConstSpan(data.bytes() + begin * ByteWidth(dtype), StoredBytes(value, count));
}

void ReadStoredBytes(const Value& value, int64_t begin, int64_t count, absl::Span<uint8_t> out) {
  const DType dtype = StoredDType(value);
  const Tensor& data = *value.constant;
  const bool packed = BitWidth(dtype) == 4;
  G4C_CHECK(static_cast<int64_t>(out.size()) == StoredBytes(value, count));
  G4C_CHECK(!packed || begin % 2 == 0);
  if (const auto stored = StoredInPlace(value, begin, count)) {
    std::memcpy(out.data(), stored->data(), out.size());
    return;
  }
  if (HasQparams(value.quantization) && IsFloat(data.dtype()) && BitWidth(dtype) <= 32) {
    const Channels channels = ChannelsOf(value);
    ForRealBlocks(data, begin, count, [&](int64_t done, const float* x, int64_t n) {
      int32_t ints[kBlock];
      QuantizeBlock(channels, dtype, begin + done, x, n, ints);
      PutInts(dtype, ints, n, out.data() + StoredBytes(value, done));
    });
    return;
  }
  if (!HasQparams(value.quantization) && data.dtype() == dtype && !packed) {
    data.ReadElements(begin, count, out.data());
    return;
  }
  for (int64_t done = 0; done < count; done += kBlock) {
    const size_t n = static_cast<size_t>(std::min(kBlock, count - done));
    uint8_t* to = out.data() + StoredBytes(value, done);
    if (!IsFloat(dtype)) {
      int64_t ints[kBlock];
      if (HasQparams(value.quantization)) {
        ReadStoredInts(value, begin + done, absl::MakeSpan(ints, n));
      } else {
        data.ReadInts(begin + done, {ints, n});
      }
      PutInts(dtype, ints, n, to);
    } else {
      double reals[kBlock];
      data.ReadDoubles(begin + done, {reals, n});
      const Tensor converted = Tensor::FromDoubles(dtype, {static_cast<int64_t>(n)}, {reals, n});
      std::memcpy(to, converted.bytes(), converted.NumBytes());
    }
  }
}

}  // namespace g4c::ir
