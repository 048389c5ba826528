#include "base/spill_file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SpillFileTest : public ::testing::Test {
 protected:
  SpillFileTest() { setenv("TMPDIR", folder_.path().c_str(), 1); }
  ~SpillFileTest() override { unsetenv("TMPDIR"); }

  TempDir folder_;
};

std::vector<uint8_t> Bytes(size_t count, uint8_t value) {
  return std::vector<uint8_t>(count, value);
}

TEST_F(SpillFileTest, GivesBackWhatWasWritten) {
  ASSERT_OK_AND_ASSIGN(const auto file, SpillFile::Create());
  EXPECT_THAT(folder_.List(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const SpillFile::Place small, file->Write(Bytes(5, 1)));
  ASSERT_OK_AND_ASSIGN(const SpillFile::Place large, file->Write(Bytes(100000, 2)));
  ASSERT_OK_AND_ASSIGN(const SpillFile::Place none, file->Write({}));
  ASSERT_OK_AND_ASSIGN(const auto a, file->Map(small));
  ASSERT_OK_AND_ASSIGN(const auto b, file->Map(large));
  ASSERT_OK(file->Map(none));
  EXPECT_THAT(absl::MakeConstSpan(a.get(), small.size), Each(1));
  EXPECT_THAT(absl::MakeConstSpan(b.get(), large.size), Each(2));
}

TEST_F(SpillFileTest, TakesPlacesAgain) {
  ASSERT_OK_AND_ASSIGN(const auto file, SpillFile::Create());
  std::vector<SpillFile::Place> places;
  for (uint8_t i = 0; i < 4; ++i) {
    ASSERT_OK_AND_ASSIGN(places.emplace_back(), file->Write(Bytes(5000, i)));
  }
  const uint64_t size = file->size();
  for (uint8_t round = 0; round < 10; ++round) {
    for (size_t i : {1, 2}) {
      file->Free(places[i]);
      ASSERT_OK_AND_ASSIGN(places[i], file->Write(Bytes(4999, 10 + round)));
    }
  }
  EXPECT_EQ(file->size(), size);
  for (size_t i : {0, 3}) {
    ASSERT_OK_AND_ASSIGN(const auto bytes, file->Map(places[i]));
    EXPECT_THAT(absl::MakeConstSpan(bytes.get(), places[i].size), Each(i));
  }
}

TEST_F(SpillFileTest, NamesTheFolderThatTakesNoFile) {
  setenv("TMPDIR", folder_.File("absent").c_str(), 1);
  EXPECT_THAT(SpillFile::Create().status(),
              IsWriteFailed(AllOf(HasSubstr(folder_.File("absent")), HasSubstr("No such file"),
                                  HasSubstr("set TMPDIR"))));
}

TEST_F(SpillFileTest, SaysThatTheDiskIsFull) {
  ASSERT_OK_AND_ASSIGN(const auto file, SpillFile::Create());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  limit.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &limit);
  const absl::Status status = file->Write(Bytes(10000, 1)).status();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(status, IsWriteFailed(HasSubstr("too large")));
}

}  // namespace
}  // namespace g4c
