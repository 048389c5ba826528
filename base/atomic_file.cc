#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/mapped_file.h"
#include "base/status.h"
#include "base/write_all.h"

namespace g4c {
namespace {

// ---- The table of temporaries. Fixed, so that a signal handler may read it.

enum SlotState { kFree, kFilling, kArmed };

struct Slot {
  std::atomic<int> state = kFree;
  char path[PATH_MAX];
};

Slot slots[32];

static_assert(std::atomic<int>::is_always_lock_free);

// The slot that now holds `path`, or -1: then a signal leaves the file behind, and nothing worse.
int Arm(const std::string& path) {
  if (path.size() >= PATH_MAX) return -1;
  for (int i = 0; i < static_cast<int>(std::size(slots)); ++i) {
    int expected = kFree;
    if (!slots[i].state.compare_exchange_strong(expected, kFilling)) continue;
    std::memcpy(slots[i].path, path.c_str(), path.size() + 1);
    slots[i].state = kArmed;
    return i;
  }
  return -1;
}

void Disarm(int slot) {
  if (slot >= 0) slots[slot].state = kFree;
}

// ---- Names and errors.

absl::Status Failed(const std::string& path, int error) {
  return WriteFailed(path, ": cannot be written: ", std::generic_category().message(error));
}

// The folder part, as open() takes it: "" -> ".".
std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// What the link `path` finally names, if it names something.
std::string Resolved(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string result = resolved;
  free(resolved);
  return result;
}

// Opens a new file beside `target` and gives its name and descriptor, or -1 with errno.
std::pair<std::string, int> OpenTemporary(const std::string& target) {
  static std::atomic<int> next = 0;
  const size_t slash = target.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  // A name has at most 255 bytes.
  const std::string stem = target.substr(0, name) + target.substr(name, 200);
  while (true) {
    const std::string path = absl::StrCat(stem, ".", getpid(), "-", next++, ".tmp");
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) return {path, descriptor};
  }
}

}  // namespace

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  struct stat info;
  const bool exists = stat(path.c_str(), &info) == 0;
  if (exists) {
    if (S_ISDIR(info.st_mode)) return WriteFailed(path, ": cannot be written: it is a folder");
    if (!S_ISREG(info.st_mode)) {
      return WriteFailed(path, ": cannot be written: it is not a regular file");
    }
    if (access(path.c_str(), W_OK) != 0) return Failed(path, errno);
  } else if (errno != ENOENT) {
    return Failed(path, errno);
  } else if (path.empty()) {
    return WriteFailed("'': cannot be written: it names no file");
  } else if (const std::string folder = FolderOf(path); access(folder.c_str(), F_OK) != 0) {
    return WriteFailed(path, ": cannot be written: the folder ", folder, " does not exist");
  }
  const std::string target = exists ? Resolved(path) : path;
  auto [temporary, descriptor] = OpenTemporary(target);
  if (descriptor < 0) return Failed(path, errno);
  AtomicFile file(path, target, temporary, descriptor);
  if (exists && fchmod(descriptor, info.st_mode & 0777) != 0) return Failed(path, errno);
  return file;
}

AtomicFile::AtomicFile(std::string path, std::string target, std::string temporary, int descriptor)
    : path_(std::move(path)),
      target_(std::move(target)),
      temporary_(std::move(temporary)),
      descriptor_(descriptor),
      slot_(Arm(temporary_)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept { *this = std::move(other); }

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  Discard();
  path_ = std::move(other.path_);
  target_ = std::move(other.target_);
  temporary_ = std::move(other.temporary_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  slot_ = std::exchange(other.slot_, -1);
  position_ = other.position_;
  return *this;
}

AtomicFile::~AtomicFile() { Discard(); }

void AtomicFile::Discard() {
  if (descriptor_ < 0) return;
  close(std::exchange(descriptor_, -1));
  unlink(temporary_.c_str());
  Disarm(std::exchange(slot_, -1));
}

absl::Status AtomicFile::Write(absl::Span<const uint8_t> bytes) {
  RETURN_IF_ERROR(WriteAt(position_, bytes));
  position_ += bytes.size();
  return absl::OkStatus();
}

absl::Status AtomicFile::Write(absl::string_view text) {
  return Write(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

absl::Status AtomicFile::WriteAt(uint64_t offset, absl::Span<const uint8_t> bytes) const {
  G4C_CHECK(descriptor_ >= 0);
  const int error = WriteAll(descriptor_, offset, bytes);
  if (error == 0) return absl::OkStatus();
  // The bytes may be those of a mapped file.
  const char* source = error == EFAULT ? PathMappedAt(bytes.data()) : nullptr;
  return source != nullptr ? InvalidInput(source, ": was cut off while it was read")
                           : Failed(path_, error);
}

absl::Status AtomicFile::Commit(bool sync) {
  G4C_CHECK(descriptor_ >= 0);
  if (sync && fsync(descriptor_) != 0) return Failed(path_, errno);
  // close() is where a network file system reports that it could not store the bytes.
  const bool closed = close(std::exchange(descriptor_, -1)) == 0;
  const int slot = std::exchange(slot_, -1);
  absl::Status status;
  if (!closed || rename(temporary_.c_str(), target_.c_str()) != 0) {
    status = Failed(path_, errno);
    unlink(temporary_.c_str());
  }
  Disarm(slot);
  if (sync && status.ok()) {
    const int folder = open(FolderOf(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
      fsync(folder);
      close(folder);
    }
  }
  return status;
}

absl::Status WriteAtomically(const std::string& path, absl::string_view text) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Write(text));
  return file.Commit();
}

void RemoveTemporaries() {
  for (Slot& slot : slots) {
    if (slot.state == kArmed) unlink(slot.path);
  }
}

}  // namespace g4c
