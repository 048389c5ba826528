#include "base/signals.h"

#include <fcntl.h>
#include <signal.h>

#include <filesystem>
#include <string>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "tests/support/child_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c {
namespace {

using ::testing::ElementsAre;

TEST(Signals, RemoveTheTemporaries) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGABRT, SIGBUS}) {
    TempDir dir;
    dir.Write("a", "old");
    const int status = InChild([&] {
      InstallSignalHandlers();
      absl::StatusOr<AtomicFile> a = AtomicFile::Create(dir.File("a"));
      absl::StatusOr<AtomicFile> b = AtomicFile::Create(dir.File("b"));
      absl::StatusOr<AtomicFile> c = AtomicFile::Create(dir.File("c"));
      if (!a.ok() || !b.ok() || !c.ok() || !c->Commit().ok()) _exit(1);
      raise(signal);
    });
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), signal);
    EXPECT_THAT(dir.List(), ElementsAre("a", "c"));
    EXPECT_EQ(ReadFile(dir.File("a")), "old");
  }
}

TEST(Signals, AnIgnoredSignalStaysIgnored) {
  const int status = InChild([] {
    signal(SIGHUP, SIG_IGN);
    InstallSignalHandlers();
    raise(SIGHUP);
  });
  EXPECT_TRUE(WIFEXITED(status));
}

TEST(Signals, AMappedFileThatIsCutOffIsAnErrorMessage) {
  TempDir dir;
  const std::string source = dir.Write("source", std::string(100000, 'x'));
  const int status = InChild([&] {
    InstallSignalHandlers();
    dup2(open(dir.File("stderr").c_str(), O_WRONLY | O_CREAT, 0666), STDERR_FILENO);
    const absl::StatusOr<AtomicFile> out = AtomicFile::Create(dir.File("out"));
    const auto mapped = MappedFile::Open(source);
    if (!out.ok() || !mapped.ok()) _exit(1);
    std::filesystem::resize_file(source, 10);
    const volatile uint8_t last = (*mapped)->bytes().back();
    _exit(static_cast<int>(last));
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(ReadFile(dir.File("stderr")), "error: " + source + ": was cut off while it was read\n");
  EXPECT_THAT(dir.List(), ElementsAre("source", "stderr"));
}

}  // namespace
}  // namespace g4c
