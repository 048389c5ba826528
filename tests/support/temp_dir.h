// A folder that a test may fill, and small files in it.
#ifndef TESTS_SUPPORT_TEMP_DIR_H_
#define TESTS_SUPPORT_TEMP_DIR_H_

#include <string>
#include <vector>

namespace g4c {

// Created empty, removed with all that is in it by the destructor.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }

  // The path of `name` in the folder; nothing is created.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

  // Writes a file and returns its path. Missing folders in `name` are made.
  std::string Write(const std::string& name, const std::string& contents) const;

  // The names of all that lies directly in the folder, sorted.
  std::vector<std::string> List() const;

 private:
  std::string path_;
};

// The whole file; fails the running test when it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace g4c

#endif  // TESTS_SUPPORT_TEMP_DIR_H_
