#include "base/npz.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "base/status.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

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

template <typename T>
std::vector<T> Values(const NpyArray& array) {
  std::vector<T> values(array.bytes.size() / sizeof(T));
  std::memcpy(values.data(), array.bytes.data(), values.size() * sizeof(T));
  return values;
}

TEST(Npz, ReadsWhatNumPyWrote) {
  for (const char* file : {"npz/numpy_stored.npz", "npz/numpy_deflated.npz"}) {
    SCOPED_TRACE(file);
    ASSERT_OK_AND_ASSIGN(const NpzReader npz, NpzReader::Open(TestData(file)));
    EXPECT_THAT(npz.names(), ElementsAre("x", "ids", "scalar", "half", "none"));
    EXPECT_TRUE(npz.Has("ids"));
    EXPECT_FALSE(npz.Has("ids.npy"));

    ASSERT_OK_AND_ASSIGN(const NpyArray x, npz.Read("x"));
    EXPECT_EQ(x.descr, "<f4");
    EXPECT_THAT(x.dims, ElementsAre(2, 3));
    EXPECT_THAT(Values<float>(x), ElementsAre(0, 0.25f, 0.5f, 0.75f, 1, 1.25f));
    ASSERT_OK_AND_ASSIGN(const NpyArray ids, npz.Read("ids"));
    EXPECT_THAT(Values<int64_t>(ids), ElementsAre(-1, int64_t{1} << 40));
    ASSERT_OK_AND_ASSIGN(const NpyArray scalar, npz.Read("scalar"));
    EXPECT_THAT(scalar.dims, IsEmpty());
    EXPECT_THAT(scalar.bytes, ElementsAre(1));
    ASSERT_OK_AND_ASSIGN(const NpyHeader none, npz.ReadHeader("none"));
    EXPECT_THAT(none.dims, ElementsAre(0, 4));

    EXPECT_THAT(
        npz.Read("y"),
        IsInvalidInput(AllOf(StartsWith(TestData(file)),
                             HasSubstr("no array 'y'; it holds x, ids, scalar, half, none"))));
  }
}

TEST(Npz, AStoredArrayIsAViewThatKeepsTheFile) {
  NpyArray first, second;
  {
    ASSERT_OK_AND_ASSIGN(const NpzReader npz, NpzReader::Open(TestData("npz/numpy_stored.npz")));
    ASSERT_OK_AND_ASSIGN(first, npz.Read("x"));
    ASSERT_OK_AND_ASSIGN(second, npz.Read("x"));
  }
  EXPECT_EQ(first.bytes.data(), second.bytes.data());
  EXPECT_EQ(Values<float>(first).back(), 1.25f);
}

// An archive with an array that deflates well and one that does not.
std::string WriteSample(const TempDir& dir, const std::string& name, bool compress) {
  std::string flat(30000, '\0');
  std::string noise(30000, '\0');
  std::mt19937 random(3);
  std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
  const std::string path = dir.File(name);
  EXPECT_OK(WriteNpz(path,
                     {{"flat", "<f4", {75, 100}, Bytes(flat)},
                      {"a/noise", "|u1", {30000}, Bytes(noise)},
                      {"none", "<f4", {0}, {}}},
                     compress));
  return path;
}

TEST(Npz, ReadsBackWhatItWrote) {
  TempDir dir;
  for (const bool compress : {false, true}) {
    const std::string path = WriteSample(dir, "out.npz", compress);
    ASSERT_OK_AND_ASSIGN(const NpzReader npz, NpzReader::Open(path));
    EXPECT_THAT(npz.names(), ElementsAre("flat", "a/noise", "none"));
    ASSERT_OK_AND_ASSIGN(const NpyArray flat, npz.Read("flat"));
    EXPECT_THAT(flat.dims, ElementsAre(75, 100));
    EXPECT_EQ(Values<char>(flat), std::vector<char>(30000, 0));
    ASSERT_OK_AND_ASSIGN(const NpyArray noise, npz.Read("a/noise"));
    std::mt19937 random(3);
    for (const uint8_t byte : noise.bytes) ASSERT_EQ(byte, static_cast<uint8_t>(random()));
    ASSERT_OK(npz.Read("none"));
    EXPECT_THAT(dir.List(), ElementsAre("out.npz"));
  }
}

TEST(Npz, DeflatesWhatDeflates) {
  TempDir dir;
  EXPECT_GT(ReadFile(WriteSample(dir, "a", false)).size(), 60000u);
  EXPECT_LT(ReadFile(WriteSample(dir, "b", true)).size(), 31500u);
}

TEST(Npz, TheSameArraysGiveTheSameBytes) {
  TempDir dir;
  for (const bool compress : {false, true}) {
    EXPECT_EQ(ReadFile(WriteSample(dir, "a.npz", compress)),
              ReadFile(WriteSample(dir, "other.npz", compress)));
  }
}

TEST(Npz, AnEmptyArchiveHasNoNames) {
  TempDir dir;
  ASSERT_OK(WriteNpz(dir.File("x.npz"), {}));
  ASSERT_OK_AND_ASSIGN(const NpzReader npz, NpzReader::Open(dir.File("x.npz")));
  EXPECT_THAT(npz.names(), IsEmpty());
  EXPECT_THAT(npz.Read("x"), IsInvalidInput(HasSubstr("it holds none")));
}

// ---- Damaged archives. A place is found by what stands there, so that the tests do not count
// bytes.

struct Damage {
  const char* what;
  size_t at;            // offset in the file
  std::string replace;  // written there
  const char* text;     // the error says
};

size_t Last(const std::string& file, absl::string_view what) {
  return file.rfind(what.data(), std::string::npos, what.size());
}

absl::Status ReadAll(const std::string& path) {
  ASSIGN_OR_RETURN(const NpzReader npz, NpzReader::Open(path));
  for (const std::string& name : npz.names()) RETURN_IF_ERROR(npz.Read(name).status());
  return absl::OkStatus();
}

TEST(Npz, NamesTheDamage) {
  TempDir dir;
  for (const bool compress : {false, true}) {
    const std::string good = ReadFile(WriteSample(dir, "good.npz", compress));
    const size_t directory = Last(good, "PK\1\2") - (46 + 11) - (46 + 8);  // of "flat.npy"
    ASSERT_EQ(good.substr(directory, 4), "PK\1\2");
    const size_t end = Last(good, "PK\5\6");
    const Damage cases[] = {
        {"encrypted", directory + 8, "\1", "member 'flat.npy' is encrypted"},
        {"method", directory + 10, "\14", "member 'flat.npy' is compressed by method 12"},
        {"crc", directory + 16, "\1\2\3\4", "flat.npy: its bytes are damaged (wrong checksum)"},
        {"compressed size", directory + 20, "\1", "damaged"},
        {"offset", directory + 42, "\1", "damaged zip archive"},
        {"offset past the end", directory + 42, "\xff\xff\xff\x7f", "damaged zip archive"},
        {"64-bit offset without a field", directory + 42, "\xff\xff\xff\xff",
         "damaged zip archive"},
        {"name length", directory + 28, "\xff\xff", "damaged zip archive"},
        {"local name", 30, "FLAT", "damaged zip archive"},
        {"count", end + 8, std::string("\4\0\4\0", 4), "damaged zip archive"},
        {"count of another part", end + 8, "\1", "split zip archive"},
        {"directory size", end + 12, "\1", "damaged zip archive"},
        {"directory offset", end + 16, "\xff\xff\xff\x7f", "damaged zip archive"},
        {"64-bit directory without a record", end + 16, "\xff\xff\xff\xff", "damaged zip archive"},
        {"twice the same name", Last(good, "none.npy"), "flat.npy", "damaged zip archive"},
    };
    for (const Damage& damage : cases) {
      std::string bad = good;
      bad.replace(damage.at, damage.replace.size(), damage.replace);
      const std::string path = dir.Write("bad.npz", bad);
      EXPECT_THAT(ReadAll(path), IsInvalidInput(AllOf(StartsWith(path), HasSubstr(damage.text))))
          << damage.what << " compress=" << compress;
    }
  }
}

TEST(Npz, RefusesTwoArraysOfOneName) {
  TempDir dir;
  std::string file = ReadFile(WriteSample(dir, "good.npz", false));
  for (size_t at; (at = file.find("none.npy")) != std::string::npos;) {
    file.replace(at, 8, "flat.npy");
  }
  EXPECT_THAT(NpzReader::Open(dir.Write("bad.npz", file)),
              IsInvalidInput(HasSubstr("holds 'flat' twice")));
}

TEST(Npz, LeavesOutWhatIsNoArray) {
  TempDir dir;
  std::string file = ReadFile(WriteSample(dir, "good.npz", false));
  for (size_t at; (at = file.find("none.npy")) != std::string::npos;) {
    file.replace(at, 8, "none.txt");
  }
  ASSERT_OK_AND_ASSIGN(const NpzReader npz, NpzReader::Open(dir.Write("x.npz", file)));
  EXPECT_THAT(npz.names(), ElementsAre("flat", "a/noise"));
}

TEST(Npz, DoesNotBelieveASizeThatDeflateCannotReach) {
  TempDir dir;
  std::string file = ReadFile(WriteSample(dir, "good.npz", true));
  const size_t directory = Last(file, "PK\1\2") - (46 + 11) - (46 + 8);
  file.replace(directory + 24, 4, "\xf0\xff\xff\xff");  // 4 GiB from some 100 bytes
  EXPECT_THAT(NpzReader::Open(dir.Write("bomb.npz", file)),
              IsInvalidInput(HasSubstr("damaged zip archive")));
}

TEST(Npz, RefusesAMemberWhoseSizesDisagree) {
  TempDir dir;
  std::string file = ReadFile(WriteSample(dir, "good.npz", true));
  const size_t directory = Last(file, "PK\1\2") - (46 + 11) - (46 + 8);
  file[directory + 24] ^= 1;
  EXPECT_THAT(ReadAll(dir.Write("bad.npz", file)),
              IsInvalidInput(HasSubstr("flat.npy: the archive says 30129 bytes, but its .npy "
                                       "header says 30128")));
}

TEST(Npz, NamesWhatIsNoArchive) {
  TempDir dir;
  EXPECT_THAT(NpzReader::Open(dir.File("missing.npz")), IsInvalidInput(HasSubstr("No such file")));
  EXPECT_THAT(NpzReader::Open(dir.Write("empty.npz", "")),
              IsInvalidInput(dir.File("empty.npz") + ": is not a zip archive"));
  EXPECT_THAT(NpzReader::Open(dir.Write("x.npz", std::string(100000, 'x'))),
              IsInvalidInput(HasSubstr("is not a zip archive")));
  EXPECT_THAT(WriteNpz(dir.File("missing/x.npz"), {}), IsWriteFailed(HasSubstr("does not exist")));
}

}  // namespace
}  // namespace g4c
