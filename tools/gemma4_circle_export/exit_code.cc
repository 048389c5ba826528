#include "base/status.h"
#include "gemma4_circle_export/verbs.h"

namespace g4c::tools {

absl::Status FindingsError(absl::string_view what) { return absl::AbortedError(what); }

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kCancelled:  // --help or --version
      return 0;
    case absl::StatusCode::kFailedPrecondition:
      return 1;
    case absl::StatusCode::kAborted:
      return 3;
    case absl::StatusCode::kUnimplemented:
      return 4;
    case absl::StatusCode::kUnavailable:
      return 5;
    default:
      return 2;
  }
}

}  // namespace g4c::tools
