// A .circle or .tflite file -> ir.
#ifndef BACKEND_CIRCLE_READER_H_
#define BACKEND_CIRCLE_READER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace g4c::backend {

// What a graph does not show of its file.
struct ReadNote {
  enum class Kind {
    kNotModelled,    // an operator that became ir Foreign, or a further subgraph
    kContradiction,  // the same because its tensors do not fit it: the file is wrong
  };
  Kind kind;
  std::string text;  // "operator 12 STRIDED_SLICE: input 1 (begin) is not constant"
};

// Subgraph 0. Constants are views of the mapped file (u4 and i4 are unpacked). A tensor of integers
// with qparams is a value of logical type f32 with these qparams. Nodes are in the order of the
// file's operators; the provenance of a node is Origin{"operator N", "ADD"}. Inputs and outputs
// have the names that the signature gives them. An operator that the ir does not model, or whose
// declared types contradict its rule, becomes ir::Foreign and leaves a note in `notes` (may be
// null). InvalidInput and Unsupported: as CircleFile::Open.
absl::StatusOr<ir::Graph> ReadCircle(const std::string& path,
                                     std::vector<ReadNote>* notes = nullptr);

}  // namespace g4c::backend

#endif  // BACKEND_CIRCLE_READER_H_
