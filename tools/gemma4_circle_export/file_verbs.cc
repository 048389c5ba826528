// inspect, audit, verify FILE.circle
#include <iostream>
#include <nlohmann/json.hpp>

#include "backend/circle_reader.h"
#include "backend/circle_verifier.h"
#include "backend/inspect.h"
#include "gemma4_circle_export/verbs.h"
#include "quantization/audit_report.h"
#include "quantization/shared_qparams.h"

namespace g4c::tools {
namespace {

std::string BaseName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

absl::Status Inspect(const FileVerbOptions& options) {
  ASSIGN_OR_RETURN(const backend::Inspection inspection, backend::InspectCircle(options.file));
  std::cout << (options.json ? backend::InspectionJson(inspection, /*operators=*/true)
                             : backend::InspectionText(inspection, /*operators=*/false));
  return absl::OkStatus();
}

absl::Status AuditFile(const FileVerbOptions& options) {
  ASSIGN_OR_RETURN(ir::Graph graph, backend::ReadCircle(options.file));
  quantization::MarkNotApplicable(graph);
  quantization::AuditOptions audit_options;
  audit_options.foreign = true;
  const quantization::Audit audit = quantization::RunAudit(graph, audit_options);
  const std::string model = BaseName(options.file);
  std::cout << (options.json ? quantization::AuditJson(graph, audit, model)
                             : quantization::AuditText(graph, audit, model));
  return absl::OkStatus();
}

absl::Status Verify(const FileVerbOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<backend::Problem> problems,
                   backend::VerifyCircleFile(options.file));
  int invalid = 0;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const backend::Problem& problem : problems) {
    const bool is_invalid = problem.kind == backend::Problem::Kind::kInvalid;
    invalid += is_invalid ? 1 : 0;
    const std::string kind = is_invalid ? "invalid" : "inconsistent";
    list.push_back({{"kind", kind}, {"text", problem.text}});
    if (!options.json) std::cout << kind << "  " << problem.text << "\n";
  }
  if (options.json) {
    const nlohmann::ordered_json json = {{"schema_version", 1},
                                         {"file", BaseName(options.file)},
                                         {"valid", invalid == 0},
                                         {"problems", std::move(list)}};
    std::cout << json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  } else if (invalid == 0) {
    std::cout << options.file << " is valid"
              << (problems.empty()
                      ? ""
                      : absl::StrCat(", with ", problems.size(), " inconsistent qparams"))
              << "\n";
  }
  if (invalid > 0) return InvalidInput("'", options.file, "' is invalid: ", invalid, " problems");
  return absl::OkStatus();
}

}  // namespace g4c::tools
