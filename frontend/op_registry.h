// The ONNX operators that are imported, by domain, name and opset.
#ifndef FRONTEND_OP_REGISTRY_H_
#define FRONTEND_OP_REGISTRY_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "frontend/node_context.h"

namespace g4c::frontend {

// Opsets of ai.onnx that are read.
inline constexpr int64_t kOldestOpset = 13;
inline constexpr int64_t kNewestOpset = 24;

using ImportOp = absl::Status (*)(NodeContext&);

// One operator. Where its form changed between opsets, the importer asks for NodeContext::opset().
struct OpRow {
  absl::string_view domain;  // "" is ai.onnx
  absl::string_view op_type;
  int64_t since;   // the first opset of the domain that has it, or the oldest that is read
  int min_inputs;  // tensors that must be there
  ImportOp import;
};

// All rows, sorted by domain and name; every operator once.
absl::Span<const OpRow> OpRows();
// Null when there is none.
const OpRow* FindOp(absl::string_view domain, absl::string_view op_type);
// For an operator that is refused by name: why, and what to do. Empty for others.
absl::string_view WhyRefused(absl::string_view op_type);

// One importer a row, in the files import_*.cc.
#define G4C_ONNX_OP(domain, op_type, since, min_inputs, function) \
  absl::Status function(NodeContext& node);
#include "frontend/op_rows.inc"
#undef G4C_ONNX_OP

}  // namespace g4c::frontend

#endif  // FRONTEND_OP_REGISTRY_H_
