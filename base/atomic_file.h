// A file that appears under its name complete or not at all.
//
// Bytes go to a temporary file beside the target; Commit() renames it over the target. Without
// Commit(), the destructor removes the temporary file, and a file that stood there before is
// untouched.
#ifndef BASE_ATOMIC_FILE_H_
#define BASE_ATOMIC_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace g4c {

class AtomicFile {
 public:
  // Creates the temporary file "NAME.PID-N.tmp" in the folder of `path`. It has the mode of the
  // file that is to be replaced, else 0666 without the bits of the umask. Where `path` is a
  // symbolic link to a file, the link stays and that file is replaced. WriteFailed("PATH: reason")
  // when the folder is missing or read-only, or when the target is a folder, another thing that is
  // no regular file, or write-protected.
  static absl::StatusOr<AtomicFile> Create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  // Appends at Position(). WriteFailed when the disk is full or the like; the file is then good for
  // destruction only.
  absl::Status Write(absl::Span<const uint8_t> bytes);
  absl::Status Write(absl::string_view text);

  // Writes at `offset` and leaves Position() as it is. A gap before `offset` reads as zeros.
  // Different threads may write different ranges at the same time.
  absl::Status WriteAt(uint64_t offset, absl::Span<const uint8_t> bytes) const;

  // Bytes appended by Write() so far.
  uint64_t Position() const { return position_; }

  // Renames the temporary file over the target; nothing may be written afterwards. With `sync` the
  // bytes are on the disk before the name changes, which matters only for a power failure.
  absl::Status Commit(bool sync = false);

  // The name as given to Create().
  const std::string& path() const { return path_; }

  // The file as written so far, for reading it back before Commit().
  const std::string& temporary() const { return temporary_; }

 private:
  AtomicFile(std::string path, std::string target, std::string temporary, int descriptor);
  void Discard();

  std::string path_;
  std::string target_;  // path_ with symbolic links resolved
  std::string temporary_;
  int descriptor_ = -1;  // -1 once committed or moved from
  int slot_ = -1;        // in the table of temporaries that signals remove; -1 where that was full
  uint64_t position_ = 0;
};

// A whole file of text: created, written and committed.
absl::Status WriteAtomically(const std::string& path, absl::string_view text);

// Removes the temporaries of all files that are being written. For signal handlers.
void RemoveTemporaries();

}  // namespace g4c

#endif  // BASE_ATOMIC_FILE_H_
