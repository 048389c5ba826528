// The quantiser's configuration: the file of --config with what the command line says.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_CONFIGURATION_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_CONFIGURATION_H_

#include "absl/status/statusor.h"
#include "gemma4_circle_export/export_report.h"
#include "gemma4_circle_export/options.h"
#include "ir/target.h"
#include "quantization/config.h"
#include "quantization/formats.h"

namespace g4c::tools {

// The rules of --config; defaults are those of the command line, else those of the file, else the
// target's, and block. UsageError where rules and options contradict each other.
absl::StatusOr<quantization::Config> ReadConfiguration(const ExportOptions& options,
                                                       const ir::Target& target,
                                                       ExportReport& report);

// Writes --save-config, prints --explain.
absl::Status TellConfiguration(const ExportOptions& options, const ir::Graph& graph,
                               const quantization::Config& config,
                               const quantization::Formats& formats);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_CONFIGURATION_H_
