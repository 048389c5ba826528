// An ONNX file -> ir.
#ifndef FRONTEND_LOAD_ONNX_H_
#define FRONTEND_LOAD_ONNX_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace g4c::frontend {

struct LoadedModel {
  ir::Graph graph;
  // Of the graph without the tensors' data: 32 hexadecimal digits. With weight_bytes it tells
  // whether a file of qparams belongs to this model.
  std::string graph_hash;
  int64_t weight_bytes = 0;  // of all initializers and constants
  // Of each graph input that has any: the symbolic name of each dim, "" for the others. Dims of one
  // name are equal.
  std::map<std::string, std::vector<std::string>> dim_names;
  std::vector<std::string> files;  // every file that was read, the model first
  std::vector<std::string> notes;  // e.g. "124 tensors are bf16, read as f32"
};

// Reads a ModelProto with ai.onnx opset 13 to 24. Weights are views of the mapped file, or of its
// external data, which must lie in the model's folder. Model-local functions are inlined. What an
// operator takes as an input stays an input; shapes may be unknown. f16, bf16 and f64 are logically
// f32. Every message begins with the path.
// InvalidInput: damaged or invalid. Unsupported: valid ONNX that this tool does not read. Either
// lists all problems of the model.
absl::StatusOr<LoadedModel> LoadOnnx(const std::string& path);

}  // namespace g4c::frontend

#endif  // FRONTEND_LOAD_ONNX_H_
