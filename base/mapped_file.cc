#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/status.h"

namespace g4c {
namespace {

// ---- The table of mappings. Fixed, so that a signal handler may read it.

struct Slot {
  std::atomic<const uint8_t*> begin = nullptr;  // null: free. Written last, cleared first
  std::atomic<uint64_t> size = 0;
  std::atomic<const char*> path = nullptr;
  std::atomic<bool> taken = false;
};

Slot slots[256];

int Enter(const uint8_t* begin, uint64_t size, const char* path) {
  if (begin == nullptr) return -1;
  for (int i = 0; i < static_cast<int>(std::size(slots)); ++i) {
    if (slots[i].taken.exchange(true)) continue;
    slots[i].size = size;
    slots[i].path = path;
    slots[i].begin = begin;
    return i;
  }
  return -1;
}

void Leave(int slot) {
  if (slot < 0) return;
  slots[slot].begin = nullptr;
  slots[slot].taken = false;
}

std::string Reason(int error) { return std::generic_category().message(error); }

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes must not wait. It means nothing for a regular
  // file.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return InvalidInput(path, ": cannot be opened: ", Reason(errno));
  struct stat info;
  if (fstat(descriptor, &info) != 0) {
    const int error = errno;
    close(descriptor);
    return InvalidInput(path, ": cannot be read: ", Reason(error));
  }
  if (!S_ISREG(info.st_mode)) {
    close(descriptor);
    return InvalidInput(
        path, S_ISDIR(info.st_mode) ? ": is a folder, not a file" : ": is not a regular file");
  }
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  void* data = nullptr;
  if (size > 0) data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int error = errno;
  close(descriptor);
  if (data == MAP_FAILED) return InvalidInput(path, ": cannot be mapped: ", Reason(error));
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const uint8_t*>(data), size));
}

MappedFile::MappedFile(std::string path, const uint8_t* data, uint64_t size)
    : path_(std::move(path)), data_(data), size_(size), slot_(Enter(data, size, path_.c_str())) {}

MappedFile::~MappedFile() {
  Leave(slot_);
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_);
}

void MappedFile::ReleaseRange(uint64_t offset, uint64_t length) const {
  if (offset >= size_) return;
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t end = offset + std::min(length, size_ - offset);
  const uint64_t first = (offset + page - 1) / page * page;
  // The last page of the file belongs to it alone, also where the file ends inside it.
  const uint64_t last = end == size_ ? end : end / page * page;
  if (first >= last) return;
  madvise(const_cast<uint8_t*>(data_) + first, last - first, MADV_DONTNEED);
}

const char* PathMappedAt(const void* address) {
  const auto* byte = static_cast<const uint8_t*>(address);
  for (const Slot& slot : slots) {
    const uint8_t* begin = slot.begin;
    if (begin == nullptr || byte < begin) continue;
    if (static_cast<uint64_t>(byte - begin) < slot.size) return slot.path;
  }
  return nullptr;
}

}  // namespace g4c
