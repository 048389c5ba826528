// What the passes did, for the command's summary: filled as they run, printed by tools.
#ifndef PASSES_REPORT_H_
#define PASSES_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace g4c::passes {

// A value that became a constant and that a node which is none, or a graph output, reads.
struct FoldedValue {
  std::string pass;
  std::string name;
  int64_t bytes;  // of distinct elements: what repeats along a broadcast axis counts once
};

// A rewrite that recognised its pattern and left it alone.
struct DeclinedRewrite {
  std::string pass;
  std::string where;  // the node's description
  std::string reason;
};

class Report {
 public:
  void Folded(absl::string_view pass, absl::string_view name, int64_t bytes) {
    folded_.push_back({std::string(pass), std::string(name), bytes});
  }
  // Forgets what was folded on the way and is no constant of the graph any more, and repeats; what
  // stays gets the bytes that it has now. To be called when all passes have run.
  void SettleFolded(const ir::Graph& graph);
  // The same refusal in the same place is kept once, however often a pass runs.
  void Declined(absl::string_view pass, absl::string_view where, absl::string_view reason);
  // `pass` did its rewrite `times` times.
  void Count(absl::string_view pass, int64_t times = 1) {
    if (times != 0) counts_[std::string(pass)] += times;
  }
  void Note(absl::string_view text) { notes_.emplace_back(text); }
  // Values with qparams that vanished inside a fused operator.
  void FusedQparams(int64_t values) { fused_qparams_ += values; }

  const std::vector<FoldedValue>& folded() const { return folded_; }
  const std::vector<DeclinedRewrite>& declined() const { return declined_; }
  const std::map<std::string, int64_t>& counts() const { return counts_; }
  const std::vector<std::string>& notes() const { return notes_; }
  int64_t fused_qparams() const { return fused_qparams_; }

 private:
  std::vector<FoldedValue> folded_;
  std::vector<DeclinedRewrite> declined_;
  std::map<std::string, int64_t> counts_;
  std::vector<std::string> notes_;
  int64_t fused_qparams_ = 0;
};

}  // namespace g4c::passes

#endif  // PASSES_REPORT_H_
