// Runs an explicit list of passes and does for each what no pass then has to: verify, dump, time,
// check its claim.
#ifndef PASSES_PASS_RUNNER_H_
#define PASSES_PASS_RUNNER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "passes/pass.h"

namespace g4c::passes {

struct RunnerOptions {
  // Where "NN-name.txt" is written after each pass that changed the graph; empty: nowhere. The
  // folder must exist.
  std::string dump_dir;
  // Check that "changed" is true exactly where the text changed. Reads every constant before and
  // after each pass.
  bool verify_passes = false;
};

// One run of one pass.
struct PassRun {
  std::string name;
  bool changed;
  double seconds;
};

// A group of passes, in order. Either run once, or repeated while any of them changes the graph.
class PassList {
 public:
  explicit PassList(std::string name, bool until_stable = false)
      : name_(std::move(name)), until_stable_(until_stable) {}

  template <typename PassType, typename... Args>
  PassList& Add(Args&&... args) {
    passes_.push_back(std::make_unique<PassType>(std::forward<Args>(args)...));
    return *this;
  }

  const std::string& name() const { return name_; }
  bool until_stable() const { return until_stable_; }
  const std::vector<std::unique_ptr<Pass>>& passes() const { return passes_; }

 private:
  std::string name_;
  bool until_stable_;
  std::vector<std::unique_ptr<Pass>> passes_;
};

class PassRunner {
 public:
  PassRunner(RunnerOptions options, Report* report)
      : options_(std::move(options)), report_(report) {}

  // Runs the list. After each pass that changed something the graph is verified. An error names the
  // pass. A repeated list that still changes after kMaxRounds rounds is our own mistake: it notes
  // so in the report and ends.
  absl::Status Run(PassList& list, ir::Graph& graph);

  const std::vector<PassRun>& runs() const { return runs_; }

  static constexpr int kMaxRounds = 20;

 private:
  absl::StatusOr<bool> RunOne(Pass& pass, ir::Graph& graph);

  RunnerOptions options_;
  Report* report_;
  std::vector<PassRun> runs_;
  int dumps_ = 0;
};

}  // namespace g4c::passes

#endif  // PASSES_PASS_RUNNER_H_
