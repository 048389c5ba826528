// Zip archives as .npz files need them: members stored or deflated, sizes past 4 GiB; no
// encryption, no split archives.
//
// Read from a mapping with a parser of our own, because a stored member is then a view of the
// mapping; libraries only copy. Layout: APPNOTE.TXT 6.3,
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#ifndef BASE_ZIP_H_
#define BASE_ZIP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/atomic_file.h"

namespace g4c {

struct ZipEntry {
  std::string name;
  bool deflated = false;
  uint32_t crc = 0;
  uint64_t size = 0;             // of the contents
  uint64_t compressed_size = 0;  // in the file; equal to `size` where stored
  uint64_t data_offset = 0;      // in the file; ZipWriter keeps that of the local header here
};

// The members of the archive that fills `bytes`, in the order of its directory. All places are
// checked to lie inside. InvalidInput, beginning with `name`, when it is no zip archive, is
// damaged, or has a member that is encrypted or compressed by another method than deflate. A
// deflated member's size is checked to be one that deflate can reach (1032 to 1), so that memory
// for the contents is in proportion to the file.
absl::StatusOr<std::vector<ZipEntry>> ReadZipDirectory(absl::Span<const uint8_t> bytes,
                                                       absl::string_view name);

// Inflates the beginning of a deflated member's contents into `out` and returns how many bytes it
// gave: fewer than out.size() only when the contents end there. InvalidInput, beginning with
// `name`, when the stream is damaged.
absl::StatusOr<uint64_t> InflateZipEntry(absl::Span<const uint8_t> archive, const ZipEntry& entry,
                                         absl::Span<uint8_t> out, absl::string_view name);

// The checksum that `entry.crc` holds, over parts: Crc32(Crc32(0, a), b) is that of a followed by
// b.
uint32_t Crc32(uint32_t crc, absl::Span<const uint8_t> bytes);

// Writes an archive member by member. The bytes depend on the members only: timestamps are
// 1980-01-01 and nothing is said about the machine. (Deflated bytes also depend on the version of
// zlib.)
class ZipWriter {
 public:
  explicit ZipWriter(AtomicFile* file) : file_(file) {}

  // Adds a member whose contents are the parts in sequence.
  absl::Status Add(absl::string_view name, absl::Span<const absl::Span<const uint8_t>> parts,
                   bool deflate);

  // Writes the directory. Call last, once; then commit the file.
  absl::Status Finish();

 private:
  absl::Status WriteDeflated(absl::Span<const absl::Span<const uint8_t>> parts);

  AtomicFile* file_;
  std::vector<ZipEntry> entries_;
};

}  // namespace g4c

#endif  // BASE_ZIP_H_
