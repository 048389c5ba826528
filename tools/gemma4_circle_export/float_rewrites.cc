#include "gemma4_circle_export/float_rewrites.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "passes/computed_weights.h"
#include "passes/pipeline.h"
#include "quantization/calibrate.h"
#include "quantization/input_noise.h"

namespace g4c::tools {
namespace {

// Where it measured better (docs/quantization.md), and nothing that is known of the model is lost
// by observing the samples anew: they are all that the statistics count.
bool IsOnByDefault(const std::string& name, const ExportOptions& options,
                   const quantization::Config& config, const Calibration& calibration) {
  const bool samples_are_all = calibration.samples != nullptr && !calibration.synthetic() &&
                               calibration.statistics.num_samples() == calibration.samples->size();
  return name != "query-key" && samples_are_all && !options.mixed &&
         ir::BitWidth(*config.activation) <= 8 && ir::BitWidth(*config.weight) >= 8;
}

absl::StatusOr<std::vector<std::string>> NamesThatAreOn(const ExportOptions& options,
                                                        const quantization::Config& config,
                                                        const Calibration& calibration) {
  std::vector<std::string> names;
  for (const std::string& name : passes::FloatRewriteNames()) {
    const auto given = options.rewrites.find(name);
    const bool is_on = given != options.rewrites.end()
                           ? given->second
                           : IsOnByDefault(name, options, config, calibration);
    if (is_on && calibration.samples == nullptr) {
      return UsageError("--rewrite ", name, "=on changes what --load-stats describes: it needs ",
                        "--calibration, whose samples are then observed anew");
    }
    if (is_on) names.push_back(name);
  }
  return names;
}

// How much less noise there is behind the linears that read other numbers than before.
std::string GainText(const std::string& name, const passes::RewriteLog& log,
                     const std::vector<double>& before, const std::vector<double>& after) {
  int places = 0;
  double noise_before = 0;
  double noise_after = 0;
  for (const passes::RewriteLog::Entry& entry : log.entries()) {
    if (entry.done.name != name) continue;
    ++places;
    for (ir::NodeId reader : entry.readers) {
      noise_before += before[reader];
      noise_after += after[reader];
    }
  }
  if (places == 0) return absl::StrCat(name, ": no place for it");
  std::string text = absl::StrCat(name, ": ", places, places == 1 ? " place" : " places");
  if (noise_before > 0 && noise_after > 0) {
    absl::StrAppendFormat(&text, ", rounding noise behind the linears that read it %+.1f dB",
                          10 * std::log10(noise_after / noise_before));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::map<std::string, bool>> ParseRewrites(const std::vector<std::string>& texts) {
  std::map<std::string, bool> switches;
  const std::vector<std::string> known = passes::FloatRewriteNames();
  for (const std::string& text : texts) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (std::find(known.begin(), known.end(), pair.first) == known.end()) {
      return UsageError("--rewrite '", pair.first, "' is none of ", absl::StrJoin(known, ", "));
    }
    if (pair.second != "on" && pair.second != "off") {
      return UsageError("--rewrite ", pair.first, " needs on or off, not '", pair.second, "'");
    }
    switches[pair.first] = pair.second == "on";
  }
  return switches;
}

absl::StatusOr<std::vector<quantization::AppliedRewrite>> RewriteFloat(
    const ExportOptions& options, const quantization::Config& config, passes::PassRunner& runner,
    ir::Graph& graph, Calibration& calibration, ExportReport& report) {
  std::vector<quantization::AppliedRewrite> done;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   NamesThatAreOn(options, config, calibration));
  if (names.empty()) return done;
  const std::vector<double> before = quantization::InputNoise(graph, calibration.statistics);
  passes::RewriteLog log(&calibration.statistics);
  passes::PassList list = passes::RewritePhase(names, &log);
  RETURN_IF_ERROR(runner.Run(list, graph));
  for (const passes::RewriteLog::Entry& entry : log.entries()) done.push_back(entry.done);
  if (!done.empty()) {
    passes::StoreComputed(graph);
    calibration.hessians.reset();
    calibration.statistics = quantization::StatisticsPlan(graph).Empty();
    RETURN_IF_ERROR(
        quantization::GatherStatistics(graph, *calibration.samples, {}, calibration.statistics)
            .status());
  }
  const std::vector<double> after = quantization::InputNoise(graph, calibration.statistics);
  for (const std::string& name : names) {
    const bool is_done = std::any_of(done.begin(), done.end(),
                                     [&](const auto& entry) { return entry.name == name; });
    // A model without idle clamps lacks nothing.
    if (name == "idle-clamps" && !is_done) continue;
    report.AddLine("rewrite", GainText(name, log, before, after));
  }
  return done;
}

absl::Status RepeatRewrites(const std::vector<quantization::AppliedRewrite>& rewrites,
                            passes::PassRunner& runner, ir::Graph& graph) {
  if (rewrites.empty()) return absl::OkStatus();
  passes::RewriteLog log(rewrites);
  passes::PassList list = passes::RewritePhase(passes::FloatRewriteNames(), &log);
  RETURN_IF_ERROR(runner.Run(list, graph));
  return log.RequireAllUsed();
}

}  // namespace g4c::tools
