#include "passes/pass_runner.h"

#include <chrono>
#include <cstdio>
#include <fstream>

#include "ir/text.h"
#include "ir/verifier.h"

namespace g4c::passes {
namespace {

absl::Status Dump(const std::string& dir, int number, absl::string_view name,
                  const ir::Graph& graph) {
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%02d", number);
  const std::string path = absl::StrCat(dir, "/", digits, "-", name, ".txt");
  std::ofstream file(path, std::ios::binary);
  file << ir::PrintGraph(graph);
  file.flush();
  if (!file) return WriteFailed("cannot write the dump '", path, "'");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<bool> PassRunner::RunOne(Pass& pass, ir::Graph& graph) {
  const std::string prefix = absl::StrCat("pass ", pass.name(), ": ");
  const std::string before = options_.verify_passes ? ir::PrintGraph(graph) : "";
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<bool> changed = pass.Run(graph, *report_);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!changed.ok()) return Prefixed(changed.status(), prefix);
  runs_.push_back({std::string(pass.name()), *changed, seconds.count()});
  if (options_.verify_passes && (ir::PrintGraph(graph) != before) != *changed) {
    return absl::InternalError(
        absl::StrCat(prefix, *changed ? "claims a change, but the text is the same"
                                      : "claims no change, but the text differs"));
  }
  if (!*changed) return false;
  if (absl::Status status = ir::VerifyGraph(graph); !status.ok()) {
    return Prefixed(status, absl::StrCat(prefix, "leaves an invalid graph: "));
  }
  if (!options_.dump_dir.empty())
    RETURN_IF_ERROR(Dump(options_.dump_dir, ++dumps_, pass.name(), graph));
  return true;
}

absl::Status PassRunner::Run(PassList& list, ir::Graph& graph) {
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = false;
    for (const std::unique_ptr<Pass>& pass : list.passes()) {
      ASSIGN_OR_RETURN(const bool pass_changed, RunOne(*pass, graph));
      changed |= pass_changed;
    }
    if (!changed || !list.until_stable()) return absl::OkStatus();
  }
  report_->Note(absl::StrCat("the passes of '", list.name(), "' still change the graph after ",
                             kMaxRounds, " rounds"));
  return absl::OkStatus();
}

}  // namespace g4c::passes
