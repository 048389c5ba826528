// The verbs beside the export. Each prints to stdout and returns the status that decides the exit
// code.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_VERBS_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_VERBS_H_

#include "absl/status/status.h"
#include "gemma4_circle_export/options.h"

namespace g4c::tools {

// What --strict or --min-snr found: exit code 3. Files and reports are written.
absl::Status FindingsError(absl::string_view what);

absl::Status Inspect(const FileVerbOptions& options);
absl::Status AuditFile(const FileVerbOptions& options);
absl::Status Verify(const FileVerbOptions& options);
absl::Status Run(const RunOptions& options);
absl::Status Compare(const CompareOptions& options);

// 0..5 by docs/design.md "The command".
int ExitCode(const absl::Status& status);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_VERBS_H_
