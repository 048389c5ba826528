#include "base/npy.h"

#include <string>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string Header(const std::string& dictionary, int version = 1) {
  std::string text = "\x93NUMPY";
  text += {static_cast<char>(version), 0};
  const size_t length = dictionary.size();
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) text += static_cast<char>(length >> 8 * i);
  return text + dictionary;
}

constexpr char kPair[] = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n";

TEST(Npy, ReadsEachVersion) {
  for (const int version : {1, 2, 3}) {
    const std::string file = Header(kPair, version) + std::string("\1\0\2\0", 4);
    auto owner = std::make_shared<int>(7);
    ASSERT_OK_AND_ASSIGN(const NpyArray array, ParseNpy(Bytes(file), owner, "x.npy"));
    EXPECT_EQ(array.descr, "<i2");
    EXPECT_THAT(array.dims, ElementsAre(2));
    EXPECT_THAT(array.bytes, ElementsAre(1, 0, 2, 0));
    EXPECT_EQ(array.bytes.data(), Bytes(file).last(4).data());  // a view
    EXPECT_EQ(array.owner, owner);
  }
}

TEST(Npy, ReadsEachShapeAndSpelling) {
  struct Case {
    std::string dictionary;
    std::vector<int64_t> dims;
    uint64_t data_size;
  };
  const Case cases[] = {
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", {}, 4},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n", {3, 4}, 48},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4,)}", {3, 4}, 48},
      {"{\"shape\":(5,),\"descr\":\"<f8\",\"fortran_order\":False}", {5}, 40},
      {"{'descr': '|b1', 'fortran_order': False, 'shape': (0, 7)}", {0, 7}, 0},
  };
  for (const Case& c : cases) {
    ASSERT_OK_AND_ASSIGN(const NpyHeader header, ParseNpyHeader(Bytes(Header(c.dictionary)), "x"));
    EXPECT_EQ(header.dims, c.dims) << c.dictionary;
    EXPECT_EQ(header.data_size, c.data_size);
    EXPECT_EQ(header.data_offset, 10 + c.dictionary.size());
  }
}

TEST(Npy, RefusesAnotherDictionary) {
  for (const std::string dictionary : {
           "  ",
           "{}",
           "'descr'",
           "{'descr': '<f4', 'fortran_order': False}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': [3]}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}",
           "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}",
           "{'descr': '<f4, 'fortran_order': False, 'shape': (3,)}",
           "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'extra': 1}",
           "{'descr': '<f4' 'fortran_order': False, 'shape': (3,)}",
       }) {
    EXPECT_THAT(ParseNpyHeader(Bytes(Header(dictionary)), "x.npy"),
                IsInvalidInput("x.npy: has a damaged .npy header"))
        << dictionary;
  }
}

TEST(Npy, SaysHowToSaveWhatItRefuses) {
  struct Case {
    std::string dictionary;
    std::string text;
  };
  const Case cases[] = {
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", "np.ascontiguousarray"},
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", "big-endian elements ('>f4')"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", "dtype '<c8'"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "dtype '|O'"},
      {"{'descr': '<U3', 'fortran_order': False, 'shape': (2,)}", "dtype '<U3'"},
      {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", "dtype ''"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "structured dtype"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
       "too large to be held: [4294967296, 4294967296]"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 0)}",
       "too large to be held"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ParseNpyHeader(Bytes(Header(c.dictionary)), "x.npy"),
                IsInvalidInput(AllOf(StartsWith("x.npy: "), HasSubstr(c.text))));
  }
}

TEST(Npy, RefusesOtherFiles) {
  const std::string good = Header(kPair) + std::string("\1\0\2\0", 4);
  EXPECT_OK(ParseNpy(Bytes(good), nullptr, "x"));
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(ParseNpy(Bytes(good.substr(0, length)), nullptr, "x"),
                IsInvalidInput(StartsWith("x: ")))
        << length;
  }
  EXPECT_THAT(ParseNpy(Bytes(good + "z"), nullptr, "x"),
              IsInvalidInput("x: holds 5 bytes of elements, but '<i2' [2] takes 4"));
  EXPECT_THAT(ParseNpyHeader(Bytes(Header(kPair, 4)), "x"),
              IsInvalidInput(HasSubstr("version 4.0")));
  EXPECT_THAT(ParseNpyHeader(Bytes("PK\3\4 and then some"), "x"),
              IsInvalidInput("x: is not a .npy array"));
  std::string long_header = Header(kPair, 2);
  long_header[10] = 2;  // 128 KiB
  EXPECT_THAT(ParseNpyHeader(Bytes(long_header), "x"), IsInvalidInput(HasSubstr("header of 1311")));
}

TEST(Npy, KnowsItsDtypes) {
  struct Case {
    const char* descr;
    int size;
  };
  const Case cases[] = {{"|b1", 1}, {"|i1", 1}, {"|u1", 1}, {"<i2", 2}, {"<u2", 2}, {"<i4", 4},
                        {"<u4", 4}, {"<i8", 8}, {"<u8", 8}, {"<f2", 2}, {"<f4", 4}, {"<f8", 8},
                        {">f4", 0}, {"f4", 0},  {"", 0},    {"<V2", 0}};
  for (const Case& c : cases) EXPECT_EQ(NpyElementSize(c.descr), c.size) << c.descr;
}

TEST(Npy, WritesWhatNumPyWrites) {
  struct Case {
    std::vector<int64_t> dims;
    std::string shape;
  };
  const Case cases[] = {{{}, "()"}, {{2}, "(2,)"}, {{1, 63, 64}, "(1, 63, 64)"}};
  for (const Case& c : cases) {
    const std::string text = NpyHeaderText("<f4", c.dims);
    EXPECT_EQ(text.size() % 64, 0u);
    EXPECT_EQ(text.back(), '\n');
    EXPECT_THAT(
        text, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': " + c.shape + ", }  "));
    ASSERT_OK_AND_ASSIGN(const NpyHeader header, ParseNpyHeader(Bytes(text), "x"));
    EXPECT_EQ(header.dims, c.dims);
  }
}

TEST(Npy, ReadsBackWhatItWrote) {
  TempDir dir;
  const std::string data("\1\2\3\4\5\6", 6);
  ASSERT_OK(WriteNpy(dir.File("x.npy"), "<u2", {3, 1}, Bytes(data)));
  ASSERT_OK_AND_ASSIGN(const NpyArray array, ReadNpy(dir.File("x.npy")));
  EXPECT_EQ(array.descr, "<u2");
  EXPECT_THAT(array.dims, ElementsAre(3, 1));
  EXPECT_THAT(array.bytes, ElementsAre(1, 2, 3, 4, 5, 6));

  ASSERT_OK(WriteNpy(dir.File("none.npy"), "<f4", {0, 2}, {}));
  ASSERT_OK_AND_ASSIGN(const NpyArray none, ReadNpy(dir.File("none.npy")));
  EXPECT_THAT(none.bytes, IsEmpty());

  EXPECT_THAT(ReadNpy(dir.File("missing.npy")), IsInvalidInput(HasSubstr("No such file")));
  EXPECT_THAT(WriteNpy(dir.File("missing/x.npy"), "<f4", {0}, {}),
              IsWriteFailed(HasSubstr("does not exist")));
}

}  // namespace
}  // namespace g4c
