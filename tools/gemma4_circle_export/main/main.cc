// The command gemma4-circle-export: takes the arguments apart, runs a verb or the export, turns its
// status into text and exit code.
#include <iostream>
#include <string>
#include <vector>

#include "base/signals.h"
#include "gemma4_circle_export/options.h"
#include "gemma4_circle_export/pipeline.h"
#include "gemma4_circle_export/verbs.h"

namespace g4c::tools {

namespace {

absl::Status Dispatch(const std::vector<std::string>& arguments) {
  const std::string verb = arguments.empty() ? "" : arguments[0];
  const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1),
                                      arguments.end());
  if (verb == "inspect" || verb == "audit" || verb == "verify") {
    ASSIGN_OR_RETURN(const FileVerbOptions options, ParseFileVerb(verb, rest));
    return verb == "inspect" ? Inspect(options)
           : verb == "audit" ? AuditFile(options)
                             : Verify(options);
  }
  if (verb == "run") {
    ASSIGN_OR_RETURN(const RunOptions options, ParseRun(rest));
    return Run(options);
  }
  if (verb == "compare") {
    ASSIGN_OR_RETURN(const CompareOptions options, ParseCompare(rest));
    return Compare(options);
  }
  ASSIGN_OR_RETURN(const ExportOptions options, ParseExport(arguments));
  return Export(options);
}

}  // namespace
}  // namespace g4c::tools

int main(int argc, char** argv) {
  g4c::InstallSignalHandlers();
  const absl::Status status = g4c::tools::Dispatch({argv + 1, argv + argc});
  const int code = g4c::tools::ExitCode(status);
  if (code != 0) {
    std::cerr << "error: " << status.message() << "\n";
    if (code == 1) std::cerr << "see gemma4-circle-export --help\n";
  }
  return code;
}
