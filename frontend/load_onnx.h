// An ONNX file -> ir.
#ifndef FRONTEND_LOAD_ONNX_H_
#define FRONTEND_LOAD_ONNX_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace g4c::frontend {

struct LoadedModel {
  ir::Graph graph;
  std::string graph_hash;          // of the file without the tensors' data
  int64_t weight_bytes = 0;        // of all initializers and constants
  std::vector<std::string> files;  // every file that was read
  std::vector<std::string> notes;  // e.g. "124 tensors are bf16, read as f32"
};

// Weights are views of the mapped file (or of its external data). What an operator takes as an
// input stays an input; shapes may be unknown. InvalidInput: damaged or invalid. Unsupported: valid
// ONNX that this tool does not read. Either lists all problems.
absl::StatusOr<LoadedModel> LoadOnnx(const std::string& path);

}  // namespace g4c::frontend

#endif  // FRONTEND_LOAD_ONNX_H_
