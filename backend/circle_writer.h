// ir -> a .circle file.
#ifndef BACKEND_CIRCLE_WRITER_H_
#define BACKEND_CIRCLE_WRITER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::backend {

struct WriteOptions {
  // Files up to this size hold their constants inside the FlatBuffer, whose offsets end at 2 GiB;
  // larger ones refer to them by Buffer.offset and size.
  uint64_t max_inline_bytes = 0x7ffffffe;
  // "CIR0" or "TFL3": the file's identifier.
  std::string identifier = "CIR0";
  // Unsupported for larger files.
  absl::optional<uint64_t> max_file_bytes;
  // False: Unsupported rather than a file with offset buffers, which not every runtime reads.
  bool allow_offset_buffers = true;
  // Read the file back before it gets its name: FlatBuffers' and our own checks, and comparison
  // with the graph.
  bool read_back = true;
};

// Writes a static graph (ir::VerifyStatic) whose operators Circle has. Constants are quantised
// while they are written, block by block; memory beyond the tables is a few MiB a thread. The same
// graph gives the same bytes for any number of threads and any path.
//
// Unsupported: all operators that Circle lacks, all nodes that mix quantised with float operands.
// WriteFailed: the path cannot be written, or what was written does not read back. A file that
// stood at `path` before is replaced only by a complete one.
absl::Status WriteCircle(const ir::Graph& graph, const WriteOptions& options,
                         const std::string& path);

}  // namespace g4c::backend

#endif  // BACKEND_CIRCLE_WRITER_H_
