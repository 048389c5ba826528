#include "base/spill_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/status.h"
#include "base/write_all.h"

namespace g4c {
namespace {

// Mappings begin at whole pages.
uint64_t WholePages(uint64_t size) {
  static const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SpillFile>> SpillFile::Create() {
  const char* named = std::getenv("TMPDIR");
  const std::string folder = named != nullptr && *named != '\0' ? named : "/tmp";
  std::string path = folder + "/gemma4-circle-export.XXXXXX";
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor >= 0) unlink(path.c_str());
  std::unique_ptr<SpillFile> file(new SpillFile(folder, descriptor));
  if (descriptor < 0) return file->Failed(errno);
  return file;
}

SpillFile::~SpillFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<SpillFile::Place> SpillFile::Write(absl::Span<const uint8_t> bytes) {
  const uint64_t pages = WholePages(bytes.size());
  Place place{end_, bytes.size()};
  const auto reused = free_.find(pages);
  if (reused != free_.end()) place.offset = reused->second;
  const int error = WriteAll(descriptor_, place.offset, bytes);
  if (error != 0) return Failed(error);
  if (reused != free_.end()) {
    free_.erase(reused);
  } else {
    end_ += pages;
  }
  return place;
}

absl::StatusOr<std::shared_ptr<const uint8_t>> SpillFile::Map(Place place) const {
  if (place.size == 0) return std::shared_ptr<const uint8_t>();
  void* data = mmap(nullptr, place.size, PROT_READ, MAP_SHARED, descriptor_,
                    static_cast<off_t>(place.offset));
  if (data == MAP_FAILED) return Failed(errno);
  return std::shared_ptr<const uint8_t>(
      static_cast<const uint8_t*>(data),
      [size = place.size](const uint8_t* p) { munmap(const_cast<uint8_t*>(p), size); });
}

void SpillFile::Free(Place place) {
  if (place.size > 0) free_.emplace(WholePages(place.size), place.offset);
}

absl::Status SpillFile::Failed(int error) const {
  return WriteFailed("no temporary file in '", folder_,
                     "' for what does not fit in memory: ", std::generic_category().message(error),
                     "; set TMPDIR to a folder with room");
}

}  // namespace g4c
