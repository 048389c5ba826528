// What a model file holds, in short.
#ifndef BACKEND_INSPECT_H_
#define BACKEND_INSPECT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"

namespace g4c::backend {

struct InspectedTensor {
  std::string name;
  std::string dtype;  // as stored: "u8"
  std::vector<int64_t> shape;
  std::vector<float> scales;  // empty without qparams
  std::vector<int64_t> zero_points;
  absl::optional<int> axis;  // of per-channel qparams
};

struct InspectedOperator {
  std::string name;                 // "FULLY_CONNECTED"; of a custom operator its own
  std::vector<std::string> inputs;  // tensor names; "-" for an omitted one
  std::vector<InspectedTensor> outputs;
};

struct Inspection {
  std::string format;    // "circle" or "tflite"
  uint32_t version = 0;  // of the schema, as the file says
  std::string description;
  std::string subgraph;  // name of subgraph 0, which all below is about
  int subgraphs = 0;
  std::string signature;  // its key; empty without one
  uint64_t file_bytes = 0;
  uint64_t constant_bytes = 0;          // of buffers that subgraph 0 refers to, each once
  int shared_constants = 0;             // tensors whose buffer an earlier tensor has, too
  bool offset_buffers = false;          // constants outside the FlatBuffer
  std::vector<InspectedTensor> inputs;  // with the signature's names
  std::vector<InspectedTensor> outputs;
  std::vector<std::pair<std::string, int>> operator_counts;  // most frequent first, then by name
  std::vector<std::pair<std::string, int>>
      tensor_counts;  // by stored dtype, likewise; "u8 per channel" apart from "u8"
  std::vector<InspectedOperator> operators;
};

// Errors as CircleFile::Open.
absl::StatusOr<Inspection> InspectCircle(const std::string& path);

// Lines for a reader; `operators`: also one line an operator.
std::string InspectionText(const Inspection& inspection, bool operators);
// {"schema_version": 1, "format": "circle", ...}, indented; docs/inspect.md shows one.
std::string InspectionJson(const Inspection& inspection, bool operators);

}  // namespace g4c::backend

#endif  // BACKEND_INSPECT_H_
