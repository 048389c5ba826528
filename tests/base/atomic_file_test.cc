#include "base/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mapped_file.h"
#include "base/signals.h"
#include "tests/support/child_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST(AtomicFile, AppearsOnCommit) {
  TempDir dir;
  const std::string path = dir.File("out.circle");
  {
    ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(path));
    ASSERT_OK(file.Write("hello "));
    ASSERT_OK(file.Write("world"));
    EXPECT_EQ(file.Position(), 11u);
    EXPECT_THAT(dir.List(), ElementsAre(AllOf(StartsWith("out.circle."), HasSubstr(".tmp"))));
    ASSERT_OK(file.Commit());
    EXPECT_EQ(ReadFile(path), "hello world");
  }
  EXPECT_EQ(ReadFile(path), "hello world");
  EXPECT_THAT(dir.List(), ElementsAre("out.circle"));
}

TEST(AtomicFile, SyncsBeforeTheRename) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File("out")));
  ASSERT_OK(file.Write("x"));
  ASSERT_OK(file.Commit(/*sync=*/true));
  EXPECT_EQ(ReadFile(dir.File("out")), "x");
}

TEST(AtomicFile, LeavesTheOldFileWithoutCommit) {
  TempDir dir;
  const std::string path = dir.Write("out.circle", "old");
  {
    ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(path));
    ASSERT_OK(file.Write("new"));
  }
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_THAT(dir.List(), ElementsAre("out.circle"));
}

TEST(AtomicFile, WritesAtAnOffset) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File("out")));
  ASSERT_OK(file.Write("abc"));
  const std::string late = "xy";
  ASSERT_OK(file.WriteAt(
      5, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(late.data()), late.size())));
  EXPECT_EQ(file.Position(), 3u);
  ASSERT_OK(file.Write("D"));
  ASSERT_OK(file.Commit());
  EXPECT_EQ(ReadFile(dir.File("out")), std::string("abcD\0xy", 7));
}

TEST(AtomicFile, MovesOneOwner) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(AtomicFile first, AtomicFile::Create(dir.File("a")));
  ASSERT_OK(first.Write("a"));
  AtomicFile second = std::move(first);
  ASSERT_OK_AND_ASSIGN(second, AtomicFile::Create(dir.File("b")));  // drops that of "a"
  EXPECT_THAT(dir.List(), SizeIs(1));
  ASSERT_OK(second.Write("b"));
  ASSERT_OK(second.Commit());
  EXPECT_THAT(dir.List(), ElementsAre("b"));
}

TEST(AtomicFile, HonoursTheUmaskAndTheOldMode) {
  TempDir dir;
  const mode_t before = umask(027);
  {
    ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File("new")));
    ASSERT_OK(file.Commit());
  }
  umask(before);
  EXPECT_EQ(ModeOf(dir.File("new")), 0640u);

  const std::string old = dir.Write("old", "");
  chmod(old.c_str(), 0604);
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(old));
  ASSERT_OK(file.Commit());
  EXPECT_EQ(ModeOf(old), 0604u);
}

TEST(AtomicFile, FollowsALink) {
  TempDir dir;
  dir.Write("real/out.circle", "old");
  std::filesystem::create_symlink("real/out.circle", dir.File("link"));
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File("link")));
  ASSERT_OK(file.Write("new"));
  ASSERT_OK(file.Commit());
  EXPECT_TRUE(std::filesystem::is_symlink(dir.File("link")));
  EXPECT_EQ(ReadFile(dir.File("real/out.circle")), "new");
}

TEST(AtomicFile, WorksInTheCurrentFolder) {
  TempDir dir;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  absl::StatusOr<AtomicFile> file = AtomicFile::Create("out");
  const absl::Status status = file.ok() ? file->Commit() : file.status();
  std::filesystem::current_path(before);
  ASSERT_OK(status);
  EXPECT_THAT(dir.List(), ElementsAre("out"));
}

TEST(AtomicFile, TakesTheLongestName) {
  TempDir dir;
  const std::string name(255, 'n');
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File(name)));
  ASSERT_OK(file.Commit());
  EXPECT_THAT(dir.List(), ElementsAre(name));
  EXPECT_THAT(AtomicFile::Create(dir.File(name + "n")), IsWriteFailed(HasSubstr("too long")));
}

TEST(AtomicFile, NamesWhatCannotBeWritten) {
  TempDir dir;
  EXPECT_THAT(AtomicFile::Create(dir.File("missing/out")),
              IsWriteFailed(AllOf(StartsWith(dir.File("missing/out")),
                                  HasSubstr("folder " + dir.File("missing") + " does not exist"))));
  EXPECT_THAT(AtomicFile::Create(dir.path()), IsWriteFailed(HasSubstr("it is a folder")));
  EXPECT_THAT(AtomicFile::Create(dir.File("missing/")),
              IsWriteFailed(HasSubstr("folder " + dir.File("missing") + " does not exist")));
  EXPECT_THAT(AtomicFile::Create(""), IsWriteFailed(HasSubstr("it names no file")));
  EXPECT_THAT(AtomicFile::Create("/dev/null"), IsWriteFailed(HasSubstr("not a regular file")));
  EXPECT_THAT(AtomicFile::Create(dir.Write("file", "") + "/out"),
              IsWriteFailed(HasSubstr("Not a directory")));
  EXPECT_THAT(AtomicFile::Create("/proc/out"), IsWriteFailed(StartsWith("/proc/out: ")));
  EXPECT_THAT(dir.List(), ElementsAre("file"));
}

TEST(AtomicFile, RefusesAReadOnlyFolderAndFile) {
  TempDir dir;
  const std::string path = dir.Write("sub/out", "old");
  chmod(dir.path().c_str(), 0755);
  struct Case {
    const char* what;
    mode_t file, folder;
    std::string path;
  };
  const Case cases[] = {
      {"write-protected file", 0444, 0777, path},
      {"read-only folder, old file", 0666, 0555, path},
      {"read-only folder, new file", 0666, 0555, dir.File("sub/new")},
  };
  for (const Case& c : cases) {
    chmod(path.c_str(), c.file);
    chmod(dir.File("sub").c_str(), c.folder);
    const int status = InChild([&] {
      BecomeNobody();
      const absl::Status status = AtomicFile::Create(c.path).status();
      if (status.code() != absl::StatusCode::kUnavailable) _exit(2);
      if (!absl::StrContains(status.message(), "Permission denied")) _exit(3);
    });
    ASSERT_TRUE(WIFEXITED(status)) << c.what;
    EXPECT_EQ(WEXITSTATUS(status), 0) << c.what;
  }
  chmod(dir.File("sub").c_str(), 0755);
  EXPECT_EQ(ReadFile(path), "old");
}

TEST(AtomicFile, AFullDiskIsAnError) {
  TempDir dir;
  const int status = InChild([&] {
    InstallSignalHandlers();
    const rlimit limit = {100, 100};
    setrlimit(RLIMIT_FSIZE, &limit);
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(dir.File("out"));
    if (!file.ok()) _exit(1);
    const absl::Status written = file->Write(std::string(1000, 'x'));
    if (written.code() != absl::StatusCode::kUnavailable) _exit(2);
    if (!absl::StrContains(written.message(), "out: cannot be written: File too large")) _exit(3);
    file = absl::UnknownError("done");
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_THAT(dir.List(), IsEmpty());
}

TEST(AtomicFile, ASourceThatShrinksWhileItIsWrittenIsTheErrorOfThatSource) {
  TempDir dir;
  const std::string source = dir.Write("source", std::string(100000, 'x'));
  ASSERT_OK_AND_ASSIGN(const auto mapped, MappedFile::Open(source));
  std::filesystem::resize_file(source, 10);
  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File("out")));
  EXPECT_THAT(
      file.Write(mapped->bytes()),
      StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(source), HasSubstr("cut off"))));
}

TEST(AtomicFile, ManyAtOnceAreFine) {
  TempDir dir;
  std::vector<AtomicFile> files;
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir.File(absl::StrCat("f", i))));
    files.push_back(std::move(file));
  }
  files.clear();
  EXPECT_THAT(dir.List(), IsEmpty());
}

}  // namespace
}  // namespace g4c
