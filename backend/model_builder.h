// A graph as the FlatBuffer of a Circle model, without the bytes of its constants.
#ifndef BACKEND_MODEL_BUILDER_H_
#define BACKEND_MODEL_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "backend/buffer_plan.h"
#include "ir/graph.h"

namespace g4c::backend {

struct BuiltModel {
  std::vector<uint8_t> tables;  // the file's beginning
  std::vector<PlannedBuffer>
      buffers;  // the constants behind it, in the order of the file's Buffer tables
  uint64_t file_size = 0;
};

// Tensors: graph inputs, then each operator's operands and results in topological order. Operators:
// one a node, in topological order. Graph outputs have the output's name; each must be a result of
// its own (MakeOutputsDistinct). Index operands of equal content are one tensor. Requires a graph
// that passes VerifyStatic. Unsupported: nodes that Circle lacks and dims above 2^31 - 1, all in
// one message.
//
// Constants lie behind the tables, 16-byte aligned. Where the file would exceed `max_inline_bytes`,
// all but those of at most BufferPlan::kSmall bytes are referred to by Buffer.offset and size,
// without data. Small ones stay inline: LiteRT takes an offset buffer of one byte for none.
absl::StatusOr<BuiltModel> BuildModel(const ir::Graph& graph, uint64_t max_inline_bytes,
                                      const std::string& identifier);

// Gives each output that is a graph input, a constant or an earlier output, too, a copy of its own
// by a reshape to the same shape: runtimes list outputs by tensor, and a tensor has one name.
void MakeOutputsDistinct(ir::Graph& graph);

}  // namespace g4c::backend

#endif  // BACKEND_MODEL_BUILDER_H_
