#include "base/zip.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/mapped_file.h"
#include "base/npy.h"
#include "base/status.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The contents of a member.
absl::StatusOr<std::string> Contents(const std::string& archive, const ZipEntry& entry) {
  if (!entry.deflated) return archive.substr(entry.data_offset, entry.size);
  std::string contents(entry.size, '\0');
  ASSIGN_OR_RETURN(
      const uint64_t given,
      InflateZipEntry(Bytes(archive), entry,
                      absl::MakeSpan(reinterpret_cast<uint8_t*>(contents.data()), contents.size()),
                      "x.zip"));
  contents.resize(given);
  return contents;
}

absl::Status ReadAll(const std::string& archive) {
  ASSIGN_OR_RETURN(const std::vector<ZipEntry> entries, ReadZipDirectory(Bytes(archive), "x.zip"));
  for (const ZipEntry& entry : entries) {
    ASSIGN_OR_RETURN(const std::string contents, Contents(archive, entry));
    RETURN_IF_ERROR(ParseNpy(Bytes(contents), nullptr, entry.name).status());
  }
  return absl::OkStatus();
}

TEST(Zip, MembersMayHaveSeveralParts) {
  TempDir dir;
  const std::string a = "hello ", b = "world";
  for (const bool deflate : {false, true}) {
    ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File("x.zip")));
    ZipWriter zip(&file);
    ASSERT_OK(zip.Add("greeting", {Bytes(a), {}, Bytes(b)}, deflate));
    ASSERT_OK(zip.Add("nothing", {}, deflate));
    ASSERT_OK(zip.Finish());
    ASSERT_OK(file.Commit());

    const std::string archive = ReadFile(dir.File("x.zip"));
    ASSERT_OK_AND_ASSIGN(const auto entries, ReadZipDirectory(Bytes(archive), "x.zip"));
    ASSERT_THAT(entries, SizeIs(2));
    EXPECT_EQ(entries[0].name, "greeting");
    EXPECT_EQ(entries[0].crc, Crc32(Crc32(0, Bytes(a)), Bytes(b)));
    EXPECT_EQ(entries[0].crc, 0x0d4a1185u);  // of "hello world"
    EXPECT_THAT(Contents(archive, entries[0]), IsOkAndHolds("hello world"));
    EXPECT_THAT(Contents(archive, entries[1]), IsOkAndHolds(""));
  }
}

TEST(Zip, InflatesABeginning) {
  const std::string archive = ReadFile(TestData("npz/numpy_deflated.npz"));
  ASSERT_OK_AND_ASSIGN(const auto entries, ReadZipDirectory(Bytes(archive), "x.zip"));
  uint8_t begin[6];
  EXPECT_THAT(InflateZipEntry(Bytes(archive), entries[0], absl::MakeSpan(begin), "x"),
              IsOkAndHolds(6u));
  EXPECT_THAT(begin, ElementsAre(0x93, 'N', 'U', 'M', 'P', 'Y'));
}

TEST(Zip, HoldsMoreMembersThan16BitsCount) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File("x.zip")));
  ZipWriter zip(&file);
  for (int i = 0; i < 66000; ++i) ASSERT_OK(zip.Add(absl::StrCat(i), {}, false));
  ASSERT_OK(zip.Finish());
  ASSERT_OK(file.Commit());
  std::string archive = ReadFile(dir.File("x.zip"));
  ASSERT_OK_AND_ASSIGN(const auto entries, ReadZipDirectory(Bytes(archive), "x.zip"));
  ASSERT_THAT(entries, SizeIs(66000));
  EXPECT_EQ(entries.back().name, "65999");

  // The 64-bit end record lies 76 bytes before the end record, its locator 20 bytes before.
  const size_t end = archive.rfind("PK\5\6");
  for (const size_t at : {end - 20, end - 12, end - 5, end - 76, end - 76 + 32, end - 76 + 48}) {
    std::string bad = archive;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    EXPECT_THAT(ReadZipDirectory(Bytes(bad), "x.zip"), IsInvalidInput(HasSubstr("zip archive")));
  }
}

TEST(Zip, TakesACommentAfterTheEnd) {
  std::string archive = ReadFile(TestData("npz/numpy_stored.npz"));
  archive[archive.size() - 2] = 9;
  EXPECT_OK(ReadAll(archive + "a comment"));
  EXPECT_THAT(ReadAll(archive), IsInvalidInput("x.zip: is a zip archive that is cut off"));
  EXPECT_THAT(ReadAll(archive + "a comment too long"), IsInvalidInput(HasSubstr("is cut off")));
}

TEST(Zip, EachCutIsAnError) {
  const std::string good = ReadFile(TestData("npz/numpy_deflated.npz"));
  for (size_t length = 0; length < good.size(); ++length) {
    ASSERT_THAT(ReadAll(good.substr(0, length)),
                IsInvalidInput(HasSubstr(length < 4 ? "is not a zip archive" : "is cut off")))
        << length;
  }
}

TEST(Zip, NoChangedByteIsDangerous) {
  for (const char* file : {"npz/numpy_stored.npz", "npz/numpy_deflated.npz"}) {
    const std::string good = ReadFile(TestData(file));
    ASSERT_OK(ReadAll(good));
    for (size_t at = 0; at < good.size(); ++at) {
      for (const int change : {1, 0x40, 0x80, 0xff}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ change);
        // Many bytes do not matter (times, versions), the others give errors; sanitizers see that
        // it is no more.
        (void)ReadAll(bad);
      }
    }
  }
}

}  // namespace
}  // namespace g4c
