#include "frontend/tensor_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <limits>

#include "tests/frontend/onnx_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::frontend {
namespace {

using ir::DType;
using onnx::TensorProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

absl::StatusOr<ir::Tensor> Import(const TensorProto& proto) {
  TensorImporter importer("model.onnx", nullptr, {});
  return importer.Import(proto, "initializer 'w'");
}

std::string BytesOf(const auto& values) {
  return std::string(reinterpret_cast<const char*>(std::data(values)),
                     std::size(values) * sizeof(values[0]));
}

// ---- Element types ----

TEST(DTypeOfOnnxTest, EveryDataType) {
  const std::pair<int, DType> read[] = {
      {TensorProto::FLOAT, DType::kF32},     {TensorProto::UINT8, DType::kU8},
      {TensorProto::INT8, DType::kI8},       {TensorProto::UINT16, DType::kU16},
      {TensorProto::INT16, DType::kI16},     {TensorProto::INT32, DType::kI32},
      {TensorProto::INT64, DType::kI64},     {TensorProto::BOOL, DType::kBool},
      {TensorProto::FLOAT16, DType::kF16},   {TensorProto::DOUBLE, DType::kF64},
      {TensorProto::UINT32, DType::kU32},    {TensorProto::UINT64, DType::kU64},
      {TensorProto::BFLOAT16, DType::kBF16}, {TensorProto::UINT4, DType::kU4},
      {TensorProto::INT4, DType::kI4}};
  int known = 0;
  for (int type = 1; type <= 40; ++type) {
    const auto dtype = DTypeOfOnnx(type);
    const auto* entry = std::find_if(std::begin(read), std::end(read),
                                     [&](const auto& pair) { return pair.first == type; });
    if (entry != std::end(read)) {
      EXPECT_THAT(dtype, IsOkAndHolds(entry->second));
      ++known;
    } else {
      EXPECT_THAT(dtype, IsUnsupported(HasSubstr("element type "))) << type;
    }
  }
  EXPECT_EQ(known, 15);
  EXPECT_THAT(DTypeOfOnnx(TensorProto::STRING),
              IsUnsupported("element type STRING; export in float32, float16 or bfloat16, and "
                            "integers up to 64 bits"));
  EXPECT_THAT(DTypeOfOnnx(99), IsUnsupported(HasSubstr("element type 99;")));
  EXPECT_THAT(DTypeOfOnnx(-1), IsUnsupported(HasSubstr("element type -1;")));
  EXPECT_THAT(DTypeOfOnnx(0), IsInvalidInput("no element type is given"));
}

TEST(LogicalDTypeTest, FloatsAreF32) {
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kF64, DType::kF32}) {
    EXPECT_EQ(LogicalDType(dtype), DType::kF32);
  }
  for (DType dtype : {DType::kBool, DType::kI4, DType::kU8, DType::kI64}) {
    EXPECT_EQ(LogicalDType(dtype), dtype);
  }
}

// ---- Data ----

TEST(TensorImporterTest, RawDataOfEveryWidth) {
  const auto raw = [](DType dtype, int type, const auto& values) {
    const ir::Dims dims{static_cast<int64_t>(std::size(values))};
    ASSERT_OK_AND_ASSIGN(const ir::Tensor tensor, Import(Raw("w", type, dims, BytesOf(values))));
    EXPECT_EQ(tensor.dtype(), dtype);
    EXPECT_EQ(tensor.dims(), dims);
    std::vector<double> expected(std::begin(values), std::end(values)), actual(dims[0]);
    tensor.ReadDoubles(0, absl::MakeSpan(actual));
    EXPECT_EQ(actual, expected);
  };
  raw(DType::kBool, TensorProto::BOOL, std::vector<uint8_t>{0, 1, 1});
  raw(DType::kU8, TensorProto::UINT8, std::vector<uint8_t>{0, 128, 255});
  raw(DType::kI8, TensorProto::INT8, std::vector<int8_t>{-128, 0, 127});
  raw(DType::kU16, TensorProto::UINT16, std::vector<uint16_t>{0, 65535});
  raw(DType::kI16, TensorProto::INT16, std::vector<int16_t>{-32768, 32767});
  raw(DType::kU32, TensorProto::UINT32, std::vector<uint32_t>{0, 4294967295u});
  raw(DType::kI32, TensorProto::INT32, std::vector<int32_t>{-2147483647, 5});
  raw(DType::kU64, TensorProto::UINT64, std::vector<uint64_t>{0, uint64_t{1} << 50});
  raw(DType::kI64, TensorProto::INT64, std::vector<int64_t>{-(int64_t{1} << 50), 7});
  raw(DType::kF32, TensorProto::FLOAT, std::vector<float>{-0.5f, 1e30f});
  raw(DType::kF64, TensorProto::DOUBLE, std::vector<double>{-0.1, 1e300});
}

TEST(TensorImporterTest, SixteenBitFloats) {
  const uint16_t half[] = {0x3c00, 0xc000, 0x3555};  // 1, -2, 0.333251953125
  ASSERT_OK_AND_ASSIGN(const ir::Tensor f16,
                       Import(Raw("w", TensorProto::FLOAT16, {3}, BytesOf(half))));
  EXPECT_EQ(f16.dtype(), DType::kF16);
  EXPECT_THAT(f16.Floats(), ElementsAre(1, -2, 0.333251953125f));
  const uint16_t brain[] = {0x3f80, 0xc000, 0x3eab};  // 1, -2, 0.333984375
  ASSERT_OK_AND_ASSIGN(const ir::Tensor bf16,
                       Import(Raw("w", TensorProto::BFLOAT16, {3}, BytesOf(brain))));
  EXPECT_THAT(bf16.Floats(), ElementsAre(1, -2, 0.333984375f));
  // In int32_data their bits.
  TensorProto typed = TensorOf("w", TensorProto::FLOAT16, {2});
  typed.add_int32_data(0x3c00);
  typed.add_int32_data(0xfc00);
  ASSERT_OK_AND_ASSIGN(const ir::Tensor list, Import(typed));
  EXPECT_THAT(list.Floats(), ElementsAre(1, -std::numeric_limits<float>::infinity()));
}

TEST(TensorImporterTest, FourBitIntegers) {
  // Two a byte, the first in the low half; an odd count leaves a half unused.
  const std::string packed("\xf8\x27\x09", 3);  // 8 15, 7 2, 9
  ASSERT_OK_AND_ASSIGN(const ir::Tensor u4, Import(Raw("w", TensorProto::UINT4, {5}, packed)));
  EXPECT_EQ(u4.dtype(), DType::kU4);
  EXPECT_THAT(u4.Ints(), ElementsAre(8, 15, 7, 2, 9));
  ASSERT_OK_AND_ASSIGN(const ir::Tensor i4, Import(Raw("w", TensorProto::INT4, {5, 1}, packed)));
  EXPECT_THAT(i4.Ints(), ElementsAre(-8, -1, 7, 2, -7));
  TensorProto typed = TensorOf("w", TensorProto::INT4, {3});
  typed.add_int32_data(0xf8);
  typed.add_int32_data(0x07);
  ASSERT_OK_AND_ASSIGN(const ir::Tensor list, Import(typed));
  EXPECT_THAT(list.Ints(), ElementsAre(-8, -1, 7));
  EXPECT_THAT(Import(Raw("w", TensorProto::INT4, {5}, "ab")),
              IsInvalidInput("initializer 'w': 2 bytes of data, but i4[5] needs 3"));
  typed.add_int32_data(1);
  EXPECT_THAT(Import(typed), IsInvalidInput("initializer 'w': 3 bytes of data, but i4[3] needs 2"));
}

TEST(TensorImporterTest, TypedFields) {
  const auto int32 = [](int type, const std::vector<int32_t>& values) {
    TensorProto proto = TensorOf("w", type, {static_cast<int64_t>(values.size())});
    for (int32_t value : values) proto.add_int32_data(value);
    return Import(proto);
  };
  const auto ints = [](const absl::StatusOr<ir::Tensor>& tensor) {
    return tensor.ok() ? tensor->Ints() : std::vector<int64_t>{-999};
  };
  EXPECT_THAT(ints(int32(TensorProto::BOOL, {0, 1})), ElementsAre(0, 1));
  EXPECT_THAT(ints(int32(TensorProto::UINT8, {0, 255})), ElementsAre(0, 255));
  EXPECT_THAT(ints(int32(TensorProto::INT8, {-128, 127})), ElementsAre(-128, 127));
  EXPECT_THAT(ints(int32(TensorProto::UINT16, {0, 65535})), ElementsAre(0, 65535));
  EXPECT_THAT(ints(int32(TensorProto::INT16, {-32768, 32767})), ElementsAre(-32768, 32767));
  EXPECT_THAT(ints(int32(TensorProto::INT32, {-5, 1 << 30})), ElementsAre(-5, 1 << 30));
  EXPECT_THAT(ints(Import(Int64s("w", {2}, {-1, int64_t{1} << 60}))),
              ElementsAre(-1, int64_t{1} << 60));
  TensorProto u64 = TensorOf("w", TensorProto::UINT64, {1});
  u64.add_uint64_data(uint64_t{1} << 62);
  EXPECT_THAT(ints(Import(u64)), ElementsAre(int64_t{1} << 62));
  u64.set_data_type(TensorProto::UINT32);
  u64.set_uint64_data(0, 4294967295u);
  EXPECT_THAT(ints(Import(u64)), ElementsAre(4294967295));
  TensorProto f64 = TensorOf("w", TensorProto::DOUBLE, {1});
  f64.add_double_data(0.25);
  ASSERT_OK_AND_ASSIGN(const ir::Tensor doubles, Import(f64));
  EXPECT_EQ(doubles.dtype(), DType::kF64);
  EXPECT_THAT(doubles.Floats(), ElementsAre(0.25f));
  ASSERT_OK_AND_ASSIGN(const ir::Tensor nan, Import(Floats("w", {1}, {NAN})));
  EXPECT_TRUE(std::isnan(nan.FloatScalar()));

  // Numbers that their dtype cannot hold are not cut down to it.
  EXPECT_THAT(int32(TensorProto::INT8, {0, 128}),
              IsInvalidInput("initializer 'w': element 1 is 128, which is no i8"));
  EXPECT_THAT(int32(TensorProto::UINT8, {-1}),
              IsInvalidInput("initializer 'w': element 0 is -1, which is no u8"));
  EXPECT_THAT(int32(TensorProto::INT16, {40000}), IsInvalidInput(HasSubstr("no i16")));
  EXPECT_THAT(int32(TensorProto::UINT16, {65536}), IsInvalidInput(HasSubstr("no u16")));
  EXPECT_THAT(int32(TensorProto::FLOAT16, {-1}), IsInvalidInput(HasSubstr("no f16")));
  EXPECT_THAT(int32(TensorProto::BOOL, {2}), IsInvalidInput(HasSubstr("no bool")));
  u64.set_uint64_data(0, uint64_t{1} << 32);
  EXPECT_THAT(Import(u64), IsInvalidInput(HasSubstr("is 4294967296, which is no u32")));
}

TEST(TensorImporterTest, EmptyAndScalarTensors) {
  ASSERT_OK_AND_ASSIGN(const ir::Tensor empty, Import(Floats("w", {0, 4}, {})));
  EXPECT_THAT(empty.dims(), ElementsAre(0, 4));
  EXPECT_OK(Import(Raw("w", TensorProto::FLOAT, {3, 0}, "")));
  EXPECT_OK(Import(Raw("w", TensorProto::INT4, {0}, "")));
  ASSERT_OK_AND_ASSIGN(const ir::Tensor scalar, Import(Floats("w", {}, {7})));
  EXPECT_EQ(scalar.FloatScalar(), 7);
  EXPECT_THAT(Import(Floats("w", {}, {})),
              IsInvalidInput("initializer 'w': 0 elements of data, but f32[] needs 1"));
}

TEST(TensorImporterTest, DataOfAnotherSize) {
  EXPECT_THAT(Import(Raw("w", TensorProto::FLOAT, {2, 3}, std::string(20, 'x'))),
              IsInvalidInput("initializer 'w': 20 bytes of data, but f32[2, 3] needs 24"));
  EXPECT_THAT(Import(Raw("w", TensorProto::FLOAT, {2, 3}, std::string(25, 'x'))),
              IsInvalidInput("initializer 'w': 25 bytes of data, but f32[2, 3] needs 24"));
  EXPECT_THAT(Import(Floats("w", {2, 3}, {1, 2})),
              IsInvalidInput("initializer 'w': 2 elements of data, but f32[2, 3] needs 6"));
  EXPECT_THAT(Import(Int64s("w", {1}, {1, 2})),
              IsInvalidInput("initializer 'w': 2 elements of data, but i64[1] needs 1"));
  // In a field of another dtype.
  TensorProto wrong = Int64s("w", {2}, {1, 2});
  wrong.set_data_type(TensorProto::FLOAT);
  EXPECT_THAT(Import(wrong),
              IsInvalidInput("initializer 'w': 0 elements of data, but f32[2] needs 2"));
}

TEST(TensorImporterTest, DataInTwoPlaces) {
  constexpr char kMessage[] =
      "initializer 'w': it has data in more than one place: raw, typed or external";
  TensorProto proto = Floats("w", {1}, {1});
  proto.set_raw_data("abcd");
  EXPECT_THAT(Import(proto), IsInvalidInput(kMessage));
  proto = External("w", {1}, {{"location", "w.bin"}});
  proto.add_float_data(1);
  EXPECT_THAT(Import(proto), IsInvalidInput(kMessage));
}

TEST(TensorImporterTest, Dims) {
  constexpr int64_t k62 = int64_t{1} << 62;
  const struct {
    std::vector<int64_t> dims;
    const char* error;
  } cases[] = {
      {{-2, 3}, "its shape has the dimension -2"},
      {{0, -1}, "its shape has the dimension -1"},
      {{std::numeric_limits<int64_t>::min()}, "its shape has the dimension -9223372036854775808"},
      {{int64_t{1} << 40, int64_t{1} << 40},
       "the size of shape [1099511627776, 1099511627776] overflows"},
      {{k62, k62, 0}, "the size of shape [4611686018427387904, 4611686018427387904, 0] overflows"},
      {{0, k62, k62}, "the size of shape [0, 4611686018427387904, 4611686018427387904] overflows"},
      {{k62}, "the size of shape [4611686018427387904] overflows"},
      {{std::numeric_limits<int64_t>::max()}, "the size of shape [9223372036854775807] overflows"},
      {{k62 / 8}, "0 elements of data, but f32[576460752303423488] needs 576460752303423488"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Import(TensorOf("w", TensorProto::FLOAT, c.dims)),
                IsInvalidInput(absl::StrCat("initializer 'w': ", c.error)));
    EXPECT_THAT(Import(Raw("w", TensorProto::DOUBLE, c.dims, "x")),
                IsInvalidInput(HasSubstr("'w'")));
    TensorProto external = External("w", c.dims, {{"location", "w.bin"}});
    EXPECT_THAT(Import(external), IsInvalidInput(HasSubstr("'w'")));
  }
  // Many dims of 1 are fine.
  EXPECT_OK(Import(Floats("w", std::vector<int64_t>(100, 1), {1})));
}

TEST(TensorImporterTest, RefusedKinds) {
  TensorProto strings = TensorOf("w", TensorProto::STRING, {1});
  strings.add_string_data("text");
  EXPECT_THAT(Import(strings), IsUnsupported(HasSubstr("initializer 'w': element type STRING; ")));
  EXPECT_THAT(Import(Raw("w", TensorProto::FLOAT8E4M3FN, {1}, "x")),
              IsUnsupported(HasSubstr("initializer 'w': element type FLOAT8E4M3FN; ")));
  EXPECT_THAT(Import(Raw("w", TensorProto::COMPLEX64, {1}, "12345678")),
              IsUnsupported(HasSubstr("element type COMPLEX64")));
  TensorProto segment = Floats("w", {1}, {1});
  segment.mutable_segment()->set_begin(0);
  EXPECT_THAT(Import(segment),
              IsUnsupported("initializer 'w': it is cut into segments; save it whole"));
}

// ---- What an importer counts ----

TEST(TensorImporterTest, CountsBytesAndConversions) {
  TensorImporter importer("model.onnx", nullptr, {});
  ASSERT_OK(importer.Import(Floats("a", {3}, {1, 2, 3}), "a"));
  ASSERT_OK(importer.Import(Raw("b", TensorProto::FLOAT16, {2}, "abcd"), "b"));
  ASSERT_OK(importer.Import(Raw("c", TensorProto::FLOAT16, {1}, "ab"), "c"));
  ASSERT_OK(importer.Import(Raw("d", TensorProto::DOUBLE, {1}, "abcdefgh"), "d"));
  ASSERT_OK(importer.Import(Raw("e", TensorProto::INT4, {3}, "ab"), "e"));  // unpacked
  EXPECT_FALSE(importer.Import(Floats("f", {3}, {}), "f").ok());
  EXPECT_EQ(importer.total_bytes(), 12 + 4 + 2 + 8 + 3);
  EXPECT_THAT(importer.converted(),
              ElementsAre(std::pair(DType::kF16, 2), std::pair(DType::kF64, 1)));
  EXPECT_THAT(importer.Files(), ElementsAre("model.onnx"));
}

// ---- External data ----

// A folder model/ with weights of 1, 2, ..., 16, and a folder beside it.
class ExternalDataTest : public ::testing::Test {
 protected:
  ExternalDataTest() : importer_(dir_.File("model/model.onnx"), nullptr, {}) {
    for (int i = 1; i <= 16; ++i) weights_.push_back(static_cast<float>(i));
    dir_.Write("model/weights.bin", BytesOf(weights_));
    dir_.Write("model/sub/more.bin", BytesOf(weights_));
    dir_.Write("secret.bin", BytesOf(weights_));
    dir_.Write("model2/secret.bin", BytesOf(weights_));
  }

  absl::StatusOr<ir::Tensor> Import(const std::vector<std::pair<std::string, std::string>>& entries,
                                    const std::vector<int64_t>& dims = {2}) {
    return importer_.Import(External("w", dims, entries), "initializer 'w'");
  }
  // The path of the folder without symbolic links, as messages show it.
  std::string Folder() const { return std::filesystem::canonical(dir_.path()).string(); }

  TempDir dir_;
  std::vector<float> weights_;
  TensorImporter importer_;
};

TEST_F(ExternalDataTest, OffsetAndLength) {
  const auto floats = [](const absl::StatusOr<ir::Tensor>& tensor) {
    EXPECT_OK(tensor);
    return tensor.ok() ? tensor->Floats() : std::vector<float>();
  };
  EXPECT_THAT(floats(Import({{"location", "weights.bin"}})), ElementsAre(1, 2));
  EXPECT_THAT(floats(Import({{"location", "weights.bin"}, {"offset", "8"}, {"length", "8"}})),
              ElementsAre(3, 4));
  EXPECT_THAT(
      floats(Import({{"offset", "56"}, {"checksum", "ignored"}, {"location", "weights.bin"}})),
      ElementsAre(15, 16));
  EXPECT_THAT(floats(Import({{"location", "./sub/../weights.bin"}, {"offset", "0"}})),
              ElementsAre(1, 2));
  EXPECT_THAT(floats(Import({{"location", "sub/more.bin"}})), ElementsAre(1, 2));
  EXPECT_THAT(floats(Import({{"location", "weights.bin"}, {"offset", "64"}}, {0})), IsEmpty());
  // Not aligned.
  EXPECT_OK(Import({{"location", "weights.bin"}, {"offset", "1"}}));
  // Each file once, however it is called.
  EXPECT_THAT(importer_.Files(),
              ElementsAre(dir_.File("model/model.onnx"), Folder() + "/model/sub/more.bin",
                          Folder() + "/model/weights.bin"));
}

TEST_F(ExternalDataTest, IsAViewOfTheFile) {
  ASSERT_OK_AND_ASSIGN(const ir::Tensor a, Import({{"location", "weights.bin"}}));
  ASSERT_OK_AND_ASSIGN(const ir::Tensor b, Import({{"location", "weights.bin"}, {"offset", "4"}}));
  EXPECT_EQ(b.bytes(), a.bytes() + 4);
}

TEST_F(ExternalDataTest, OutlivesTheImporter) {
  absl::StatusOr<ir::Tensor> tensor = Import({{"location", "weights.bin"}});
  importer_ = TensorImporter("other", nullptr, {});
  ASSERT_OK(tensor);
  EXPECT_THAT(tensor->Floats(), ElementsAre(1, 2));
}

TEST_F(ExternalDataTest, NibblesAreUnpacked) {
  dir_.Write("model/nibbles.bin", "\x21\x43");
  TensorProto proto = External("w", {4}, {{"location", "nibbles.bin"}, {"length", "2"}});
  proto.set_data_type(TensorProto::UINT4);
  ASSERT_OK_AND_ASSIGN(const ir::Tensor tensor, importer_.Import(proto, "w"));
  EXPECT_THAT(tensor.Ints(), ElementsAre(1, 2, 3, 4));
}

TEST_F(ExternalDataTest, SymbolicLinks) {
  namespace fs = std::filesystem;
  fs::create_symlink("weights.bin", dir_.File("model/inside.bin"));
  EXPECT_OK(Import({{"location", "inside.bin"}}));
  fs::create_symlink("../secret.bin", dir_.File("model/outside.bin"));
  EXPECT_THAT(Import({{"location", "outside.bin"}}),
              IsInvalidInput("initializer 'w': external data 'outside.bin' lies outside of the "
                             "model's folder; copy it next to the model"));
  fs::create_directory_symlink("..", dir_.File("model/up"));
  EXPECT_THAT(Import({{"location", "up/secret.bin"}}), IsInvalidInput(HasSubstr("lies outside")));
  EXPECT_OK(Import({{"location", "up/model/weights.bin"}}));  // comes back in
  fs::create_symlink("loop.bin", dir_.File("model/loop.bin"));
  EXPECT_THAT(Import({{"location", "loop.bin"}}), IsInvalidInput(HasSubstr("'loop.bin'")));
  // A model that is reached through a link to its folder.
  fs::create_directory_symlink("model", dir_.File("linked"));
  TensorImporter linked(dir_.File("linked/model.onnx"), nullptr, {});
  EXPECT_OK(linked.Import(External("w", {2}, {{"location", "weights.bin"}}), "w"));
}

TEST_F(ExternalDataTest, WhatIsRefused) {
  namespace fs = std::filesystem;
  fs::create_directory(dir_.File("model/folder"));
  const std::string absolute = dir_.File("model/weights.bin");
  const std::string folder = Folder() + "/model/";
  const struct {
    std::vector<std::pair<std::string, std::string>> entries;
    std::string error;
  } cases[] = {
      {{{"location", "missing.bin"}},
       "external data 'missing.bin': " + folder +
           "missing.bin: cannot be opened: No such file or directory"},
      {{{"location", "folder"}},
       "external data 'folder': " + folder + "folder: is a folder, not a file"},
      {{{"location", "weights.bin"}, {"offset", "60"}},
       "external data 'weights.bin' is too short: 8 bytes from byte 60 are needed, the file has "
       "64"},
      {{{"location", "weights.bin"}, {"offset", "65"}},
       "external data 'weights.bin' is too short: 8 bytes from byte 65 are needed, the file has "
       "64"},
      {{{"location", "weights.bin"}, {"offset", "18446744073709551615"}},
       "external data 'weights.bin' is too short: 8 bytes from byte 18446744073709551615 are "
       "needed, the file has 64"},
      {{{"location", "weights.bin"}, {"length", "12"}},
       "external data of 12 bytes, but f32[2] needs 8"},
      {{{"location", "weights.bin"}, {"length", "0"}},
       "external data of 0 bytes, but f32[2] needs 8"},
      {{{"location", "weights.bin"}, {"offset", "-8"}},
       "external data offset '-8' is no size in bytes"},
      {{{"location", "weights.bin"}, {"offset", "0x10"}},
       "external data offset '0x10' is no size in bytes"},
      {{{"location", "weights.bin"}, {"length", ""}},
       "external data length '' is no size in bytes"},
      {{{"location", "../secret.bin"}},
       "external data '../secret.bin' lies outside of the model's folder; copy it next to the "
       "model"},
      {{{"location", "sub/../../secret.bin"}},
       "external data 'sub/../../secret.bin' lies outside of the model's folder; copy it next to "
       "the model"},
      // A folder whose name begins like the model's.
      {{{"location", "../model2/secret.bin"}},
       "external data '../model2/secret.bin' lies outside of the model's folder; copy it next to "
       "the model"},
      {{{"location", absolute}},
       "external data '" + absolute + "' is no relative path inside the model's folder"},
      {{{"location", ""}}, "its external data has no location"},
      {{}, "its external data has no location"},
      {{{"location", std::string("weights.bin\0.txt", 16)}},
       "external data '" + std::string("weights.bin\0.txt", 16) +
           "' is no relative path inside the model's folder"},
      {{{"location", "."}}, "external data '.': " + Folder() + "/model: is a folder, not a file"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Import(c.entries), IsInvalidInput("initializer 'w': " + c.error));
  }
  EXPECT_THAT(importer_.Files(), SizeIs(2));  // the model and weights.bin
}

TEST_F(ExternalDataTest, ModelsInTheWorkingFolder) {
  TensorImporter importer("model.onnx", nullptr, {});
  EXPECT_THAT(importer.Import(External("w", {2}, {{"location", "no_such.bin"}}), "w"),
              IsInvalidInput(HasSubstr("no_such.bin: cannot be opened")));
}

}  // namespace
}  // namespace g4c::frontend
