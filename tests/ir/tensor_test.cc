#include "ir/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include "ir/seeded.h"
#include "tests/support/status_matchers.h"

namespace g4c::ir {
namespace {

using ::testing::ElementsAre;

// 0, 1, 2, ... of the given shape.
Tensor Iota(const Dims& dims, DType dtype = DType::kF32) {
  std::vector<int64_t> values(NumElements(dims));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i);
  return Tensor::FromInts(dtype, dims, values);
}

// Element i is 2 i; reads are counted.
class Doubled : public TensorSource {
 public:
  void Read(int64_t begin, int64_t count, uint8_t* out) const override {
    ++reads_;
    for (int64_t i = begin; i < begin + count; ++i, out += sizeof(float)) {
      const float value = static_cast<float>(2 * i);
      std::memcpy(out, &value, sizeof(value));
    }
  }
  int64_t unit() const override { return 3; }
  int reads() const { return reads_; }

 private:
  mutable std::atomic<int> reads_{0};
};

TEST(ComputedTensor, IsReadAnywhereAndGetsBytesWhenAskedFor) {
  const auto source = std::make_shared<Doubled>();
  const Tensor computed = Tensor::Computed(DType::kF32, {2, 3}, source);
  EXPECT_TRUE(computed.IsComputed());
  EXPECT_FALSE(computed.IsContiguous());
  EXPECT_EQ(computed.ReadUnit(), 3);
  EXPECT_THAT(computed.Floats(), ElementsAre(0, 2, 4, 6, 8, 10));
  std::vector<double> part(2);
  computed.ReadDoubles(3, absl::MakeSpan(part));
  EXPECT_THAT(part, ElementsAre(6, 8));
  const Tensor reshaped = computed.Reshaped({3, 2});
  EXPECT_TRUE(reshaped.IsComputed());
  EXPECT_EQ(reshaped.storage(), computed.storage());
  EXPECT_TRUE(computed.SameContent(Tensor::FromInts(DType::kF32, {2, 3}, {0, 2, 4, 6, 8, 10})));
  EXPECT_TRUE(computed.SameView(Tensor::Computed(DType::kF32, {2, 3}, source)));
  EXPECT_FALSE(
      computed.SameView(Tensor::Computed(DType::kF32, {2, 3}, std::make_shared<Doubled>())));
  const int reads = source->reads();
  const Tensor stored = computed.WithBytes();
  EXPECT_THAT(stored.Floats(), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_FALSE(stored.IsComputed());
  EXPECT_EQ(source->reads(), reads + 1);
}

TEST(ComputedTensor, ViewsOfItAreCopies) {
  const Tensor computed = Tensor::Computed(DType::kF32, {2, 3}, std::make_shared<Doubled>());
  EXPECT_THAT(computed.Transposed({1, 0}).Floats(), ElementsAre(0, 6, 2, 8, 4, 10));
  EXPECT_THAT(computed.Sliced(1, 1, 2).Floats(), ElementsAre(2, 4, 8, 10));
  EXPECT_THAT(computed.Sliced(0, 1, 1).BroadcastTo({2, 3}).Floats(),
              ElementsAre(6, 8, 10, 6, 8, 10));
}

TEST(ComputedTensor, ManyElementsAreTheSameOneByOneAndTogether) {
  const Tensor computed = Tensor::Computed(DType::kF32, {1001, 1000}, std::make_shared<Doubled>());
  const Tensor stored = computed.Contiguous();
  for (int64_t i : {0, 1, 65535, 65536, 65537, 262143, 262144, 1000999}) {
    EXPECT_EQ(stored.data<float>()[i], static_cast<float>(2 * i)) << i;
  }
  std::vector<double> doubles(300000);
  computed.ReadDoubles(7, absl::MakeSpan(doubles));
  for (size_t i = 0; i < doubles.size(); ++i) {
    ASSERT_EQ(doubles[i], static_cast<float>(2 * (i + 7))) << i;
  }
}

TEST(Tensor, ViewsShareBytesAndKeepTheirOwnerAlive) {
  auto owner = std::make_shared<std::vector<uint8_t>>(std::vector<uint8_t>{1, 0, 2, 0, 3, 0});
  ASSERT_OK_AND_ASSIGN(const Tensor view, Tensor::View(DType::kI16, {3}, *owner, owner));
  EXPECT_EQ(view.bytes(), owner->data());
  std::weak_ptr<std::vector<uint8_t>> watch = owner;
  owner.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_THAT(view.Ints(), ElementsAre(1, 2, 3));
}

TEST(Tensor, UnitAxesComeAndGoInViews) {
  const Tensor t = Iota({4, 3});
  const Tensor column = t.Sliced(1, 2, 1);
  const Tensor reshaped = column.Reshaped({1, 4});
  EXPECT_EQ(reshaped.bytes(), column.bytes());
  EXPECT_THAT(reshaped.strides(), ElementsAre(0, 3));
  EXPECT_THAT(reshaped.Floats(), ElementsAre(2, 5, 8, 11));
  EXPECT_THAT(column.Reshaped({2, 2}).Floats(), ElementsAre(2, 5, 8, 11));
  const int swap[] = {1, 0};
  EXPECT_THAT(t.Transposed(swap).Reshaped({3, 1, 4}).strides(), ElementsAre(1, 0, 3));
}

TEST(Tensor, ViewsMustFitTheirBytes) {
  const std::vector<uint8_t> bytes(6);
  EXPECT_THAT(Tensor::View(DType::kI16, {4}, bytes, nullptr),
              IsInvalidInput("6 bytes of data where i16[4] needs 4 x 2"));
  EXPECT_THAT(Tensor::View(DType::kF32, {1}, bytes, nullptr), IsInvalidInput(::testing::_));
  EXPECT_THAT(Tensor::View(DType::kI16, {-3}, bytes, nullptr), IsInvalidInput(::testing::_));
  EXPECT_THAT(Tensor::View(DType::kI16, {int64_t{1} << 40, int64_t{1} << 40}, bytes, nullptr),
              IsInvalidInput(::testing::_));
}

TEST(Tensor, MisalignedViewsReadAndCopy) {
  alignas(8) uint8_t bytes[13] = {};
  const float values[3] = {1.5f, -2, 3};
  std::memcpy(bytes + 1, values, sizeof(values));
  ASSERT_OK_AND_ASSIGN(const Tensor view, Tensor::View(DType::kF32, {3}, {bytes + 1, 12}, nullptr));
  EXPECT_FALSE(view.IsContiguous());
  EXPECT_THAT(view.Floats(), ElementsAre(1.5f, -2, 3));
  const Tensor copy = view.Contiguous();
  EXPECT_TRUE(copy.IsContiguous());
  EXPECT_NE(copy.bytes(), view.bytes());
  EXPECT_TRUE(copy.SameContent(view));
  const Tensor reshaped = view.Reshaped({3, 1});
  EXPECT_EQ(reshaped.bytes(), view.bytes());  // packed, so that regrouping needs no copy
}

TEST(Tensor, TransposedSlicedAndBroadcastViewsCopyNothing) {
  const Tensor base = Iota({2, 3});
  const int swap[] = {1, 0};
  const Tensor transposed = base.Transposed(swap);
  EXPECT_EQ(transposed.dims(), (Dims{3, 2}));
  EXPECT_THAT(transposed.Floats(), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_EQ(transposed.bytes(), base.bytes());
  EXPECT_THAT(base.Sliced(1, 1, 2).Floats(), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(base.Sliced(1, 2, 3, -1).Floats(), ElementsAre(2, 1, 0, 5, 4, 3));
  EXPECT_THAT(base.Sliced(1, 0, 2, 2).Floats(), ElementsAre(0, 2, 3, 5));
  EXPECT_EQ(base.Sliced(0, 0, 0).NumElements(), 0);
  EXPECT_THAT(base.Sliced(0, 1, 1).Transposed(swap).Sliced(0, 2, 2, -2).Floats(),
              ElementsAre(5, 3));
  const Tensor broadcast = base.Sliced(0, 1, 1).BroadcastTo({2, 2, 3});
  EXPECT_THAT(broadcast.Floats(), ElementsAre(3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5));
  EXPECT_THAT(broadcast.strides(), ElementsAre(0, 0, 1));
  EXPECT_THAT(Tensor::ScalarF32(7).BroadcastTo({2}).Floats(), ElementsAre(7, 7));
}

TEST(Tensor, ReshapedCopiesOnlyWhereStridesForbidAView) {
  const Tensor base = Iota({2, 3});
  EXPECT_EQ(base.Reshaped({3, 2}).bytes(), base.bytes());
  const int swap[] = {1, 0};
  const Tensor reshaped = base.Transposed(swap).Reshaped({2, 3});
  EXPECT_NE(reshaped.bytes(), base.bytes());
  EXPECT_THAT(reshaped.Floats(), ElementsAre(0, 3, 1, 4, 2, 5));
  // Axes of 1 do not matter.
  EXPECT_EQ(Iota({1, 6}).Transposed(swap).Reshaped({2, 3}).Floats(), Iota({6}).Floats());
  EXPECT_EQ(Iota({0, 3}).Reshaped({3, 0}).NumElements(), 0);
}

TEST(Tensor, ReadsAnyPartOfAnyView) {
  const Tensor base = Iota({2, 3, 4});
  const int perm[] = {2, 0, 1};
  for (const Tensor& view :
       {base, base.Transposed(perm), base.Sliced(1, 2, 3, -1), base.Sliced(2, 1, 2, 2)}) {
    const std::vector<float> all = view.Floats();
    std::vector<float> walked;
    for (StridedIndex i(view.dims(), view.strides()); !i.AtEnd(); i.Next())
      walked.push_back(view.data<float>()[i.offset()]);
    EXPECT_EQ(walked, all);
    for (size_t begin = 0; begin <= all.size(); ++begin) {
      for (size_t size = 0; begin + size <= all.size(); size += 3) {
        std::vector<double> part(size);
        view.ReadDoubles(static_cast<int64_t>(begin), absl::MakeSpan(part));
        EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + begin))
            << begin << " " << size;
      }
    }
  }
}

TEST(Tensor, ConvertsWhenRead) {
  EXPECT_THAT(Tensor::FromInts(DType::kU64, {1}, {-1}).Floats(),
              ElementsAre(18446744073709551616.0f));
  EXPECT_THAT(Tensor::FromInts(DType::kI4, {2}, {-8, 7}).Ints(), ElementsAre(-8, 7));
  EXPECT_THAT(Tensor::FromInts(DType::kBool, {2}, {1, 0}).Ints(), ElementsAre(1, 0));
  EXPECT_THAT(Tensor::FromDoubles(DType::kF64, {1}, {1.0 + 0x1p-24}).Floats(),
              ElementsAre(1.0f));  // to even
  EXPECT_THAT(Tensor::FromDoubles(DType::kBF16, {2}, {1.5, -0x1p120}).Floats(),
              ElementsAre(1.5f, -0x1p120f));
  EXPECT_EQ(Tensor::ScalarI64(-3).IntScalar(), -3);
  EXPECT_EQ(Tensor::ScalarBool(true).IntScalar(), 1);
}

TEST(Tensor, ComparesViewsAndContent) {
  const Tensor a = Iota({2, 2});
  const int swap[] = {1, 0};
  EXPECT_TRUE(a.SameView(a));
  EXPECT_FALSE(a.SameView(a.Transposed(swap)));
  EXPECT_FALSE(a.SameView(Iota({2, 2})));
  EXPECT_TRUE(a.SameContent(Iota({2, 2})));
  EXPECT_FALSE(a.SameContent(a.Transposed(swap)));
  EXPECT_TRUE(a.SameContent(a.Transposed(swap).Transposed(swap)));
  EXPECT_FALSE(a.SameContent(a.Reshaped({4})));
  EXPECT_FALSE(a.SameContent(Iota({2, 2}, DType::kI32)));
  // Bits, not values.
  EXPECT_FALSE(Tensor::ScalarF32(0).SameContent(Tensor::ScalarF32(-0.0f)));
  EXPECT_TRUE(Tensor::ScalarF32(NAN).SameContent(Tensor::ScalarF32(NAN)));
}

TEST(Tensor, OpaqueOnesCompareByDigest) {
  const Tensor a = Tensor::Opaque(DType::kF32, {int64_t{1} << 40, 1024}, "aa");  // costs no memory
  EXPECT_TRUE(a.SameContent(Tensor::Opaque(DType::kF32, a.dims(), "aa")));
  EXPECT_FALSE(a.SameContent(Tensor::Opaque(DType::kF32, a.dims(), "bb")));
  EXPECT_FALSE(a.SameContent(Tensor::ScalarF32(0).BroadcastTo(a.dims())));
  EXPECT_EQ(*a.opaque_digest(), "aa");
  const Tensor part = a.Sliced(0, 0, 1).Sliced(1, 0, 2);
  EXPECT_EQ(part.opaque_digest(), nullptr);
  EXPECT_THAT(part.Floats(), ElementsAre(0, 0));
}

TEST(Half, RoundsToNearestEvenAndBack) {
  struct Case {
    float value;
    uint16_t half;
  };
  const float kInf = std::numeric_limits<float>::infinity();
  const Case kCases[] = {
      {0, 0},
      {-0.0f, 0x8000},
      {1, 0x3c00},
      {-2, 0xc000},
      {65504, 0x7bff},
      {65519.996f, 0x7bff},
      {65520, 0x7c00},
      {1e30f, 0x7c00},
      {kInf, 0x7c00},
      {-kInf, 0xfc00},
      {0x1p-14f, 0x0400},
      {0x1p-24f, 0x0001},
      {0x1p-25f, 0x0000},
      {0x1.8p-24f, 0x0002},
      {0x1.000002p-25f, 0x0001},
      {0x1.ff8p-15f, 0x03ff},
      {0x1.ffcp-15f, 0x0400},
      {0x1.fffp-15f, 0x0400},
      {1 + 0x1p-11f, 0x3c00},
      {1 + 0x1.8p-10f, 0x3c02},
      {1.9999f, 0x4000},
      {2047.5f, 0x6800},
      {0.1f, 0x2e66},
  };
  for (const Case& c : kCases) EXPECT_EQ(FloatToHalf(c.value), c.half) << c.value;
  EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(NAN))));
  for (int bits = 0; bits < 0x10000; ++bits) {
    const float value = HalfToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(FloatToHalf(value), bits) << value;
  }
}

TEST(BFloat16, RoundsToNearestEvenAndBack) {
  struct Case {
    float value;
    uint16_t bits;
  };
  const Case kCases[] = {{0, 0},
                         {1, 0x3f80},
                         {-1, 0xbf80},
                         {1 + 0x1p-8f, 0x3f80},
                         {1 + 0x1.8p-7f, 0x3f82},
                         {1 + 0x1.02p-8f, 0x3f81},
                         {3.4028235e38f, 0x7f80},
                         {0x1p-133f, 0x0001}};
  for (const Case& c : kCases) EXPECT_EQ(FloatToBFloat16(c.value), c.bits) << c.value;
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(NAN))));
  for (int bits = 0; bits < 0x10000; ++bits) {
    const float value = BFloat16ToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(FloatToBFloat16(value), bits) << value;
  }
}

}  // namespace
}  // namespace g4c::ir
