// Which constants a file holds, each once, and where.
#ifndef BACKEND_BUFFER_PLAN_H_
#define BACKEND_BUFFER_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ir/graph.h"

namespace g4c::backend {

// One buffer and the value whose stored bytes (ir/quantize_constant.h) fill it.
struct PlannedBuffer {
  ir::Value value;  // shares the data
  uint64_t size;    // bytes as stored, > 0
  // Filled by the layout: where in the file the bytes begin, and whether they are a vector of the
  // FlatBuffer (else found by Buffer.offset and size).
  uint64_t offset = 0;
  bool inline_data = true;
};

class BufferPlan {
 public:
  // Constants up to this many bytes are compared by content, larger ones by whether they view the
  // same storage.
  static constexpr uint64_t kSmall = 4096;

  // The index of the buffer for a constant: 0, the empty buffer, for one without bytes. The same
  // index for equal bytes: small ones of equal content, and views of the same storage with the same
  // qparams and dtype.
  int Add(const ir::Value& constant);

  // Buffer i + 1 of the file.
  std::vector<PlannedBuffer>& buffers() { return buffers_; }
  const std::vector<PlannedBuffer>& buffers() const { return buffers_; }

 private:
  std::vector<PlannedBuffer> buffers_;
  absl::flat_hash_map<std::string, int> index_of_;
};

}  // namespace g4c::backend

#endif  // BACKEND_BUFFER_PLAN_H_
