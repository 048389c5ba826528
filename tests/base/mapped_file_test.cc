#include "base/mapped_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "tests/support/child_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Text(const MappedFile& file) {
  return std::string(file.bytes().begin(), file.bytes().end());
}

TEST(MappedFile, ShowsTheBytes) {
  TempDir dir;
  const std::string path = dir.Write("model.onnx", std::string("a\0b", 3));
  ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(path));
  EXPECT_EQ(Text(*file), std::string("a\0b", 3));
  EXPECT_EQ(file->size(), 3u);
  EXPECT_EQ(file->path(), path);
}

TEST(MappedFile, OutlivesTheName) {
  TempDir dir;
  const std::string path = dir.Write("model.onnx", "weights");
  ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(path));
  unlink(path.c_str());
  EXPECT_EQ(Text(*file), "weights");
}

TEST(MappedFile, AnEmptyFileIsFine) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(dir.Write("empty", "")));
  EXPECT_EQ(file->size(), 0u);
  EXPECT_TRUE(file->bytes().empty());
  file->ReleaseRange(0, 10);
}

TEST(MappedFile, NamesWhatCannotBeOpened) {
  TempDir dir;
  EXPECT_THAT(
      MappedFile::Open(dir.File("missing.onnx")),
      IsInvalidInput(AllOf(StartsWith(dir.File("missing.onnx")), HasSubstr("No such file"))));
  EXPECT_THAT(MappedFile::Open(dir.path()),
              IsInvalidInput(AllOf(StartsWith(dir.path()), HasSubstr("is a folder"))));
  EXPECT_THAT(MappedFile::Open(dir.Write("file", "") + "/model.onnx"),
              IsInvalidInput(HasSubstr("Not a directory")));
}

TEST(MappedFile, DoesNotWaitForAFifo) {
  TempDir dir;
  ASSERT_EQ(mkfifo(dir.File("fifo").c_str(), 0600), 0);
  EXPECT_THAT(MappedFile::Open(dir.File("fifo")), IsInvalidInput(HasSubstr("not a regular file")));
  EXPECT_THAT(MappedFile::Open("/dev/null"), IsInvalidInput(HasSubstr("not a regular file")));
}

TEST(MappedFile, SaysThatAFileIsUnreadable) {
  TempDir dir;
  const std::string path = dir.Write("secret.onnx", "x");
  chmod(dir.path().c_str(), 0755);
  chmod(path.c_str(), 0);
  const int status = InChild([&] {
    BecomeNobody();
    const absl::Status status = MappedFile::Open(path).status();
    if (status.code() != absl::StatusCode::kInvalidArgument) _exit(1);
    if (!absl::StrContains(status.message(), "Permission denied")) _exit(2);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(MappedFile, ReleasedBytesComeBack) {
  TempDir dir;
  std::string contents(3 * 65536 + 17, 'x');
  contents.back() = 'y';
  ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(dir.Write("weights", contents)));
  struct Case {
    uint64_t offset, length;
  };
  for (const Case& c : {Case{0, contents.size()}, Case{1, 65536}, Case{65536, uint64_t(-1)},
                        Case{contents.size() - 1, 1}, Case{contents.size(), 5}, Case{100, 0}}) {
    file->ReleaseRange(c.offset, c.length);
    EXPECT_EQ(Text(*file), contents) << c.offset << " " << c.length;
  }
}

}  // namespace
}  // namespace g4c
