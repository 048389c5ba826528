#include "gemma4_circle_export/export_report.h"

#include <sys/stat.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "gemma4_circle_export/machine.h"
#include "ir/quantize_constant.h"
#include "quantization/audit_report.h"
#include "quantization/constants.h"
#include "quantization/shared_qparams.h"

namespace g4c::tools {
namespace {

// The most frequent dtypes first.
std::string MostFrequent(const std::map<ir::DType, int>& counts) {
  std::vector<std::pair<int, ir::DType>> sorted;
  for (const auto& [dtype, count] : counts) sorted.emplace_back(-count, dtype);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> names;
  for (const auto& [count, dtype] : sorted) {
    names.emplace_back(dtype == ir::DType::kF32 ? "float" : ir::DTypeName(dtype));
  }
  return absl::StrJoin(names, "+");
}

void PrintLine(absl::string_view what, absl::string_view text) {
  std::cerr << absl::StrFormat("  %-12s%s\n", what, text);
}

}  // namespace

void ExportReport::PrintStatistics(int64_t samples) const {
  if (options_.machine.quiet) return;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::cerr << options_.save_stats << "  statistics of " << samples << " samples    "
            << HumanSeconds(seconds) << ", peak " << HumanBytes(PeakResidentBytes()) << "\n";
  if (!options_.machine.verbose) return;
  for (const auto& [what, text] : details_) PrintLine(what, text);
}

void ExportReport::Warn(absl::string_view text) const {
  if (!options_.machine.quiet) std::cerr << "warning: " << text << "\n";
}

std::string NumbersText(const ir::Graph& graph) {
  std::map<ir::DType, int> activations;
  std::map<ir::DType, int> weights;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (ir::InfoOf(node.op).rule == ir::QparamRule::kConverts) continue;
    for (ir::ValueId result : node.outputs) {
      if (quantization::IsReal(graph.value(result)))
        ++activations[ir::StoredDType(graph.value(result))];
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!quantization::IsWeight(node, static_cast<int>(i))) continue;
      ir::ValueId weight = node.inputs[i];
      if (graph.ProducedBy<ir::Dequantize>(weight) != nullptr)
        weight = graph.Producer(weight)->inputs[0];
      if (graph.IsConstant(weight)) ++weights[ir::StoredDType(graph.value(weight))];
    }
  }
  const std::string a = MostFrequent(activations);
  const std::string w = MostFrequent(weights);
  if (w.empty() || (a == "float" && w == "float")) return a;
  return absl::StrCat(a, "/", w);
}

std::string LayersText(const ir::Graph& graph) {
  // Operators by the block they stand in: the module path up to its first number.
  std::map<std::string, int> blocks;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const std::string& module = graph.node(id).provenance.lead().module;
    std::vector<std::string> path;
    for (absl::string_view part : absl::StrSplit(module, '.')) {
      path.emplace_back(part);
      int number = 0;
      if (absl::SimpleAtoi(part, &number)) {
        ++blocks[absl::StrJoin(path, ".")];
        break;
      }
    }
  }
  if (blocks.empty()) return "";
  const int operators = blocks.begin()->second;
  const bool equal = std::all_of(blocks.begin(), blocks.end(),
                                 [&](const auto& b) { return b.second == operators; });
  if (!equal) return absl::StrCat(blocks.size(), " layers");
  return absl::StrCat(blocks.size(), blocks.size() == 1 ? " layer x " : " layers x ", operators);
}

void ExportReport::Print(const ir::Graph& graph, const quantization::Audit& audit,
                         const passes::PassRunner& runner) const {
  if (options_.machine.quiet) return;
  struct stat info {};
  const uint64_t size =
      stat(options_.output.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const std::string layers = LayersText(graph);
  std::cerr << options_.output << "  " << HumanBytes(size) << "  " << NumbersText(graph) << ", "
            << graph.TopologicalOrder().size() << " operators"
            << (layers.empty() ? "" : ", " + layers) << "    " << HumanSeconds(seconds) << ", peak "
            << HumanBytes(PeakResidentBytes()) << "\n";
  for (const std::string& note : notes_) PrintLine("read", note);
  std::vector<std::string> folded;
  for (const passes::FoldedValue& value : passes_.folded()) {
    folded.push_back(
        absl::StrCat(value.name, " (", HumanBytes(static_cast<uint64_t>(value.bytes)), ")"));
  }
  constexpr size_t kFewFolded = 6;
  const size_t more =
      folded.size() > kFewFolded && !options_.machine.verbose ? folded.size() - kFewFolded : 0;
  folded.resize(folded.size() - more);
  if (!folded.empty()) {
    PrintLine("folded", absl::StrCat(absl::StrJoin(folded, ", "),
                                     more > 0 ? absl::StrCat(" and ", more, " more") : ""));
  }
  for (const std::string& note : passes_.notes()) PrintLine("passes", note);
  if (passes_.fused_qparams() > 0) {
    PrintLine("passes", absl::StrCat(passes_.fused_qparams(),
                                     " values with qparams vanished inside fused operators"));
  }
  for (const auto& [what, text] : lines_) PrintLine(what, text);
  PrintLine("audit", quantization::AuditSummary(audit));
  if (options_.audits.empty()) {
    for (const quantization::Finding& finding : audit.findings) {
      if (finding.kind == quantization::FindingKind::kSynthetic) continue;
      PrintLine(quantization::FindingKindName(finding.kind),
                absl::StrCat(graph.value(finding.value).name, ": ", finding.reason));
    }
  }
  if (!options_.machine.verbose) return;
  for (const auto& [what, text] : details_) PrintLine(what, text);
  for (const passes::DeclinedRewrite& declined : passes_.declined()) {
    PrintLine("declined",
              absl::StrCat(declined.pass, " at ", declined.where, ": ", declined.reason));
  }
  std::map<std::string, std::pair<int, double>> times;
  for (const passes::PassRun& run : runner.runs()) {
    times[run.name].first += run.changed ? 1 : 0;
    times[run.name].second += run.seconds;
  }
  for (const auto& [name, time] : times) {
    PrintLine("pass", absl::StrFormat("%-32s changed %d times, %s", name, time.first,
                                      HumanSeconds(time.second)));
  }
}

}  // namespace g4c::tools
