#include "gemma4_circle_export/configuration.h"

#include <iostream>

#include "base/atomic_file.h"
#include "base/mapped_file.h"

namespace g4c::tools {

absl::StatusOr<quantization::Config> ReadConfiguration(const ExportOptions& options,
                                                       const ir::Target& target,
                                                       ExportReport& report) {
  quantization::Config config;
  if (!options.config.empty()) {
    ASSIGN_OR_RETURN(const auto mapped, MappedFile::Open(options.config));
    report.AddFile(options.config);
    absl::StatusOr<quantization::Config> read = quantization::ParseConfig(mapped->text());
    if (!read.ok()) return Prefixed(read.status(), absl::StrCat("'", options.config, "': "));
    config = *std::move(read);
  }
  if (options.activation) config.activation = options.activation;
  if (options.weight) config.weight = options.weight;
  if (options.observer) config.observer = options.observer;
  if (!config.activation) config.activation = target.activation;
  if (!config.weight) {
    config.weight = *config.activation == ir::DType::kF32 ? ir::DType::kF32 : target.weight;
  }
  if (!config.observer) config.observer = quantization::Observer::kBlock;
  for (size_t i = 0; i < config.rules.size(); ++i) {
    const quantization::ConfigRule& rule = config.rules[i];
    const bool activations =
        rule.role != quantization::Role::kWeight && rule.role != quantization::Role::kBias;
    if (!activations) continue;
    if (config.activation == ir::DType::kF32) {
      return UsageError("--activation float contradicts ",
                        quantization::RuleText(config, static_cast<int>(i)), " of '",
                        options.config, "'; give it the role weight");
    }
    if (options.mixed && rule.dtype) {
      return UsageError("--mixed chooses the dtypes of activations, and so does ",
                        quantization::RuleText(config, static_cast<int>(i)), " of '",
                        options.config, "'");
    }
  }
  return config;
}

absl::Status TellConfiguration(const ExportOptions& options, const ir::Graph& graph,
                               const quantization::Config& config,
                               const quantization::Formats& formats) {
  if (!options.save_config.empty()) {
    RETURN_IF_ERROR(WriteAtomically(options.save_config, quantization::PrintConfig(config)));
  }
  for (const std::string& value : options.explain) {
    ASSIGN_OR_RETURN(const std::string text, formats.Explain(graph, value));
    std::cout << text;
  }
  std::cout.flush();
  return absl::OkStatus();
}

}  // namespace g4c::tools
