// Where an ONNX node came from in the exporting program.
#ifndef FRONTEND_PROVENANCE_IMPORT_H_
#define FRONTEND_PROVENANCE_IMPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/provenance.h"
#include "onnx.pb.h"

namespace g4c::frontend {

// From metadata_props of torch's dynamo exporter (pkg.torch.onnx.name_scopes,
// pkg.torch.onnx.stack_trace), or from the node's name where the older exporter put the module path
// there ("/encoder/layers.0/mlp/gate_proj/MatMul").
ir::Provenance ProvenanceOf(const onnx::NodeProto& node);

// "['', 'encoder', 'encoder.layers.0', 'linear_4']" -> "encoder.layers.0": the last scope but the
// node's own.
std::string ModuleOfScopes(absl::string_view name_scopes);
// A Python traceback -> "modeling_gemma4.py:118, in forward: x = ...", innermost last.
std::vector<std::string> FramesOfTrace(absl::string_view trace);

}  // namespace g4c::frontend

#endif  // FRONTEND_PROVENANCE_IMPORT_H_
