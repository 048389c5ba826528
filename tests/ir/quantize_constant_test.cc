#include "ir/quantize_constant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/seeded.h"

namespace g4c::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr float kInf = std::numeric_limits<float>::infinity();

Value ConstantOf(Tensor data, Quantization quantization) {
  Value value;
  value.type = {DType::kF32, Shape(data.dims())};
  value.constant = std::move(data);
  value.quantization = std::move(quantization);
  return value;
}

std::vector<int64_t> Stored(const Value& value) {
  std::vector<int64_t> out(value.constant->NumElements());
  ReadStoredInts(value, 0, absl::MakeSpan(out));
  return out;
}

std::vector<uint8_t> Bytes(const Value& value, int64_t begin, int64_t count) {
  std::vector<uint8_t> out(StoredBytes(value, count));
  ReadStoredBytes(value, begin, count, absl::MakeSpan(out));
  return out;
}

// round-half-even(x / scale) + zero point, with the division in f32, by other means than the code
// under test.
int64_t Expected(float x, float scale, int64_t zero_point, DType dtype) {
  const float quotient = x / scale;
  const double q = std::nearbyint(static_cast<double>(quotient)) + static_cast<double>(zero_point);
  return static_cast<int64_t>(std::fmin(std::fmax(q, static_cast<double>(MinOf(dtype))),
                                        static_cast<double>(MaxOf(dtype))));
}

struct RealCase {
  float x;
  float scale;
  int64_t zero_point;
  DType dtype;
  int64_t expected;
};

TEST(QuantizeReal, RoundsHalfToEvenAndSaturates) {
  const RealCase kCases[] = {
      // Exact halves, both signs, and after the zero point is added.
      {0.5f, 1, 0, DType::kI8, 0},
      {1.5f, 1, 0, DType::kI8, 2},
      {2.5f, 1, 0, DType::kI8, 2},
      {-0.5f, 1, 0, DType::kI8, 0},
      {-1.5f, 1, 0, DType::kI8, -2},
      {0.5f, 1, 3, DType::kU8, 3},
      {1.5f, 1, 3, DType::kU8, 5},
      {0.75f, 0.5f, 0, DType::kU8, 2},
      // The neighbours of a half.
      {std::nextafter(0.5f, 1.0f), 1, 0, DType::kI8, 1},
      {std::nextafter(1.5f, 0.0f), 1, 0, DType::kI8, 1},
      // The f32 quotient decides: 0.1f / 0.04f is 2.5 in f32, not quite in f64.
      {0.1f, 0.04f, 0, DType::kI8, 2},
      {0.3f, 0.2f, 0, DType::kI8, 2},
      // Saturation, at the very edges too.
      {127.4f, 1, 0, DType::kI8, 127},
      {127.5f, 1, 0, DType::kI8, 127},
      {1e30f, 1e-30f, 0, DType::kI8, 127},
      {-128.5f, 1, 0, DType::kI8, -128},
      {-1e30f, 1, 0, DType::kI8, -128},
      {-1, 1, 0, DType::kU8, 0},
      {300, 1, 10, DType::kU8, 255},
      {kInf, 1, 0, DType::kU8, 255},
      {-kInf, 1, 128, DType::kU8, 0},
      {7.6f, 1, 0, DType::kI4, 7},
      {-9, 1, 0, DType::kI4, -8},
      {16, 1, 0, DType::kU4, 15},
      {-1, 1, 8, DType::kU4, 7},
      {40000, 1, 0, DType::kI16, 32767},
      {-40000, 1, 0, DType::kI16, -32768},
      {70000, 1, 0, DType::kU16, 65535},
      {-70000, 1, 65535, DType::kU16, 0},
      {32767.5f, 1, 0, DType::kU16, 32768},
      // Biases divide in f64.
      {0.1f, 0.04f, 0, DType::kI32, 3},
      {1e10f, 1, 0, DType::kI32, 2147483647},
      {-1e10f, 1, 0, DType::kI32, -2147483648LL},
      {16777217.0f, 0.5f, 0, DType::kI32, 33554432},
      {1e30f, 1, 0, DType::kI64, INT64_MAX},
      {-1e30f, 1, 0, DType::kI64, INT64_MIN},
      {0x1p62f, 1, 0, DType::kI64, int64_t{1} << 62},
  };
  for (const RealCase& c : kCases) {
    EXPECT_EQ(QuantizeReal(c.x, c.scale, c.zero_point, c.dtype), c.expected)
        << c.x << " / " << c.scale << " + " << c.zero_point << " as " << DTypeName(c.dtype);
  }
}

TEST(QuantizeReal, AgreesWithTheFormulaOnManyNumbers) {
  for (DType dtype : {DType::kU8, DType::kI8, DType::kU16, DType::kI16, DType::kU4, DType::kI4}) {
    for (uint64_t i = 0; i < 20000; ++i) {
      const float scale = std::exp2(SeededNormal(1, i)) * (MaxOf(dtype) > 255 ? 1e-4f : 0.02f);
      const int64_t zero_point =
          IsSigned(dtype) ? 0 : static_cast<int64_t>(SeededBits(2, i) % (MaxOf(dtype) + 1));
      const float x =
          i % 2 ? SeededNormal(3, i) : (static_cast<float>(i % 512) - 256 + 0.5f) * scale;
      ASSERT_EQ(QuantizeReal(x, scale, zero_point, dtype), Expected(x, scale, zero_point, dtype))
          << x << " / " << scale << " + " << zero_point << " as " << DTypeName(dtype);
    }
  }
}

TEST(ReadStoredInts, PerChannelAlongEveryAxisOfEveryView) {
  const Tensor base = SeededTensor(DType::kF32, {3, 5, 4}, 1);
  const Tensor views[] = {base, base.Transposed({2, 0, 1}), base.Sliced(1, 4, 2, -2),
                          SeededTensor(DType::kBF16, {3, 5, 4}, 2),
                          Tensor::ScalarF32(0.7f).BroadcastTo({2, 3})};
  for (const Tensor& view : views) {
    for (int axis = 0; axis < view.rank(); ++axis) {
      QuantPerChannel q{DType::kU8, axis, {}, {}};
      for (int64_t c = 0; c < view.dims()[axis]; ++c) {
        q.scales.push_back(0.01f * static_cast<float>(c + 1));
        q.zero_points.push_back(100 + c);
      }
      const std::vector<float> reals = view.Floats();
      std::vector<int64_t> expected;
      const Dims strides = RowMajorStrides(view.dims());
      for (size_t i = 0; i < reals.size(); ++i) {
        const int64_t c = static_cast<int64_t>(i) / strides[axis] % view.dims()[axis];
        expected.push_back(Expected(reals[i], q.scales[c], q.zero_points[c], DType::kU8));
      }
      const Value value = ConstantOf(view, q);
      EXPECT_EQ(Stored(value), expected) << ShapeText(Shape(view.dims())) << " axis " << axis;
      // Any part of it is the same.
      for (size_t begin = 0; begin < expected.size(); begin += 7) {
        std::vector<int32_t> part(std::min<size_t>(11, expected.size() - begin));
        ReadStoredInts(value, static_cast<int64_t>(begin), absl::MakeSpan(part));
        EXPECT_THAT(part, ElementsAreArray(expected.begin() + begin,
                                           expected.begin() + begin + part.size()));
      }
    }
  }
}

TEST(ReadStoredInts, PassesStoredIntegersThrough) {
  const Tensor data = Tensor::FromInts(DType::kI8, {2, 2}, {-128, 5, 7, 127});
  const int axes[] = {1, 0};
  EXPECT_THAT(Stored(ConstantOf(data.Transposed(axes), QuantPerTensor{DType::kI8, 0.5f, 0})),
              ElementsAre(-128, 7, 5, 127));
}

TEST(ReadStoredInts, CoversMoreThanOneBlock) {
  const Value value = ConstantOf(SeededTensor(DType::kF32, {3, 3000}, 1),
                                 QuantPerChannel{DType::kI8, 0, {0.01f, 0.02f, 0.04f}, {0, 0, 0}});
  const std::vector<float> reals = value.constant->Floats();
  const std::vector<int64_t> stored = Stored(value);
  for (size_t i = 0; i < reals.size(); ++i) {
    ASSERT_EQ(stored[i],
              Expected(reals[i], 0.01f * static_cast<float>(1 << i / 3000), 0, DType::kI8))
        << i;
  }
}

TEST(ReadStoredBytes, PacksFourBitsEvenElementLow) {
  const Value i4 = ConstantOf(Tensor::FromDoubles(DType::kF32, {5}, {-8, 7, 1, -1, 3}),
                              QuantPerTensor{DType::kI4, 1, 0});
  EXPECT_THAT(Bytes(i4, 0, 5), ElementsAre(0x78, 0xf1, 0x03));
  EXPECT_THAT(Bytes(i4, 2, 2), ElementsAre(0xf1));
  EXPECT_EQ(StoredBytes(i4, 5), 3);
  EXPECT_EQ(StoredDType(i4), DType::kI4);
  Value plain = ConstantOf(Tensor::FromInts(DType::kU4, {3}, {15, 2, 9}), QuantUnknown());
  plain.type.dtype = DType::kU4;
  EXPECT_THAT(Bytes(plain, 0, 3), ElementsAre(0x2f, 0x09));
}

// A computed constant in units of an odd number of elements, larger than a block.
TEST(ReadStoredBytes, IsTheSameForComputedData) {
  class Copied : public TensorSource {
   public:
    explicit Copied(Tensor data) : data_(std::move(data)) {}
    void Read(int64_t begin, int64_t count, uint8_t* out) const override {
      data_.ReadElements(begin, count, out);
    }
    int64_t unit() const override { return 2 * 1301; }

   private:
    Tensor data_;
  };
  const Tensor data = SeededTensor(DType::kF32, {10, 1301}, 5);
  const Tensor computed =
      Tensor::Computed(DType::kF32, data.dims(), std::make_shared<Copied>(data));
  std::vector<float> scales;
  for (int i = 0; i < 10; ++i) scales.push_back(0.25f + 0.125f * i);
  for (DType dtype : {DType::kI4, DType::kU8, DType::kI16, DType::kI32, DType::kI64}) {
    const QuantPerChannel q{dtype, 0, scales, std::vector<int64_t>(10, 0)};
    const Value stored = ConstantOf(data, q);
    const Value value = ConstantOf(computed, q);
    EXPECT_FALSE(StoredInPlace(value, 0, 13010).has_value());
    for (int64_t begin : {0, 2, 1300, 2602, 7000}) {
      EXPECT_EQ(Bytes(value, begin, 13010 - begin), Bytes(stored, begin, 13010 - begin))
          << DTypeName(dtype) << " from " << begin;
    }
  }
  EXPECT_EQ(Bytes(ConstantOf(computed, QuantUnknown()), 3, 13000),
            Bytes(ConstantOf(data, QuantUnknown()), 3, 13000));
}

TEST(ReadStoredBytes, GivesEveryDType) {
  struct Case {
    Tensor data;
    DType logical;
    Quantization quantization;
    std::vector<uint8_t> bytes;
  };
  const int swap[] = {1, 0};
  const Case kCases[] = {
      {Tensor::FromDoubles(DType::kF32, {1}, {1}), DType::kF32, QuantUnknown(), {0, 0, 0x80, 0x3f}},
      {Tensor::FromDoubles(DType::kF16, {1}, {1}), DType::kF32, QuantUnknown(), {0, 0, 0x80, 0x3f}},
      {Tensor::FromDoubles(DType::kBF16, {1}, {-2}), DType::kF32, QuantUnknown(), {0, 0, 0, 0xc0}},
      {Tensor::FromDoubles(DType::kF64, {1}, {1}), DType::kF32, QuantUnknown(), {0, 0, 0x80, 0x3f}},
      {Tensor::FromDoubles(DType::kF16, {1}, {1}), DType::kF16, QuantUnknown(), {0, 0x3c}},
      {Tensor::FromInts(DType::kI32, {1, 2}, {-1, 258}).Transposed(swap),
       DType::kI32,
       QuantUnknown(),
       {255, 255, 255, 255, 2, 1, 0, 0}},
      {Tensor::FromInts(DType::kI16, {2, 2}, {1, 2, 3, 4}).Transposed(swap),
       DType::kI16,
       QuantUnknown(),
       {1, 0, 3, 0, 2, 0, 4, 0}},
      {Tensor::FromInts(DType::kBool, {2}, {1, 0}), DType::kBool, QuantUnknown(), {1, 0}},
      {Tensor::FromInts(DType::kI64, {1}, {-2}),
       DType::kI64,
       QuantNone{NoQuantReason::kIndex},
       {254, 255, 255, 255, 255, 255, 255, 255}},
      {Tensor::FromDoubles(DType::kF32, {2}, {1, -1}),
       DType::kF32,
       QuantPerTensor{DType::kU8, 0.5f, 128},
       {130, 126}},
      {Tensor::FromDoubles(DType::kF32, {1}, {-1}),
       DType::kF32,
       QuantPerTensor{DType::kI16, 0.5f, 0},
       {254, 255}},
      {Tensor::FromDoubles(DType::kF32, {1}, {-1}),
       DType::kF32,
       QuantPerTensor{DType::kI32, 0.5f, 0},
       {254, 255, 255, 255}},
      {Tensor::FromDoubles(DType::kF32, {1}, {-1}),
       DType::kF32,
       QuantPerTensor{DType::kI64, 0.5f, 0},
       {254, 255, 255, 255, 255, 255, 255, 255}},
      {Tensor::FromInts(DType::kI8, {2}, {-3, 4}),
       DType::kF32,
       QuantPerTensor{DType::kI8, 0.5f, 0},
       {253, 4}},
  };
  for (const Case& c : kCases) {
    Value value = ConstantOf(c.data, c.quantization);
    value.type.dtype = c.logical;
    EXPECT_EQ(Bytes(value, 0, c.data.NumElements()), c.bytes)
        << DTypeName(c.data.dtype()) << " as " << DTypeName(c.logical);
  }
}

}  // namespace
}  // namespace g4c::ir
