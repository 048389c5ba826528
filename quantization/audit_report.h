// An audit as text and as JSON (docs/audit.md has the schema).
#ifndef QUANTIZATION_AUDIT_REPORT_H_
#define QUANTIZATION_AUDIT_REPORT_H_

#include <string>

#include "quantization/audit.h"

namespace g4c::quantization {

// "132 values: 128 quantised, 0 missing, 0 inconsistent, 4 not applicable"; other kinds only where
// there are some.
std::string AuditSummary(const Audit& audit);

// The summary, then each finding with its place in the source. Findings of kind synthetic are
// summed up in one line.
std::string AuditText(const ir::Graph& graph, const Audit& audit, absl::string_view model);

// The operator that gives a value, as Circle calls it: of a file that was read by the file's own
// name, else by the ir's in capitals; CONSTANT and INPUT where there is none.
std::string AuditOp(const ir::Graph& graph, const Audit& audit, ir::ValueId value);

// Pretty JSON with a final newline. `model` is the file's name without its folder.
std::string AuditJson(const ir::Graph& graph, const Audit& audit, absl::string_view model);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_AUDIT_REPORT_H_
