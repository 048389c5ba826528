// What an export tells its user: the summary on stderr, and the list of files for --depfile.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_EXPORT_REPORT_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_EXPORT_REPORT_H_

#include <chrono>
#include <string>
#include <vector>

#include "gemma4_circle_export/options.h"
#include "ir/graph.h"
#include "passes/pass_runner.h"
#include "passes/report.h"
#include "quantization/audit.h"

namespace g4c::tools {

class ExportReport {
 public:
  explicit ExportReport(const ExportOptions& options)
      : options_(options), start_(std::chrono::steady_clock::now()) {}

  passes::Report& passes() { return passes_; }
  const std::vector<std::string>& files() const { return files_; }
  void AddFile(const std::string& path) { files_.push_back(path); }
  void AddNotes(const std::vector<std::string>& notes) {
    notes_.insert(notes_.end(), notes.begin(), notes.end());
  }
  // A line of the summary: what it is about, and what to say.
  void AddLine(const std::string& what, const std::string& text) {
    lines_.emplace_back(what, text);
  }
  // A line of the summary under --verbose: what it is about, and what to say.
  void AddDetail(const std::string& what, const std::string& text) {
    details_.emplace_back(what, text);
  }
  // Printed at once, also when the export fails later; not with --quiet.
  void Warn(absl::string_view text) const;

  // The summary; nothing with --quiet. Passes, times and what was declined only with --verbose.
  void Print(const ir::Graph& graph, const quantization::Audit& audit,
             const passes::PassRunner& runner) const;
  // The summary of a run that writes nothing but statistics.
  void PrintStatistics(int64_t samples) const;

 private:
  const ExportOptions& options_;
  const std::chrono::steady_clock::time_point start_;
  passes::Report passes_;
  std::vector<std::string> files_;
  std::vector<std::string> notes_;
  std::vector<std::pair<std::string, std::string>> lines_;
  std::vector<std::pair<std::string, std::string>> details_;
};

// "u8/u8", "i16/i4", "float": stored dtypes of activations and of weights, the most frequent first
// where they are mixed.
std::string NumbersText(const ir::Graph& graph);

// "2 layers x 40": repeated blocks by their module paths ("layers.0.", "layers.1.", ...) and the
// operators of each; empty where there are none or they differ.
std::string LayersText(const ir::Graph& graph);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_EXPORT_REPORT_H_
