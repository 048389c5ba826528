#include "base/write_all.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace g4c {

int WriteAll(int descriptor, uint64_t offset, absl::Span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    constexpr size_t kMost = size_t{1} << 30;  // the kernel takes less than 2 GiB at once
    const ssize_t written =
        pwrite(descriptor, bytes.data(), std::min(bytes.size(), kMost), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return 0;
}

}  // namespace g4c
