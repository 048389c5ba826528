// What the rewrites share that change weights, exactly in float, so that integers lose less: they
// find places, choose numbers for each, multiply constants, and are done again from a file.
#ifndef PASSES_FLOAT_REWRITE_H_
#define PASSES_FLOAT_REWRITE_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/optional.h"
#include "passes/pass.h"
#include "quantization/applied_rewrite.h"
#include "quantization/statistics.h"

namespace g4c::passes {

// Where the numbers of the rewrites come from, and what was done.
class RewriteLog {
 public:
  // New numbers from what samples of this graph looked like.
  explicit RewriteLog(const quantization::Statistics* statistics) : statistics_(statistics) {}
  // Those of a file, and nothing else.
  explicit RewriteLog(std::vector<quantization::AppliedRewrite> stored);

  bool replays() const { return statistics_ == nullptr; }
  // Mean squares of the channels of a value that a linear reads or writes; empty where unknown.
  std::vector<double> MeanSquares(ir::ValueId id) const;
  // The exact range of a value; nullopt where nothing was seen.
  absl::optional<quantization::Range> Seen(ir::ValueId id) const;
  // `id` has the same numbers as `other`, of which more may be known.
  void SeenAlsoAs(ir::ValueId id, ir::ValueId other) { same_as_.try_emplace(id, other); }
  // What is stored for a place; null where nothing is. A place is asked for once.
  const std::vector<float>* Stored(absl::string_view rewrite, const std::string& value);

  struct Entry {
    quantization::AppliedRewrite done;
    std::vector<ir::NodeId> readers;  // linears that read other numbers than before
  };
  void Add(Entry entry) { entries_.push_back(std::move(entry)); }
  const std::vector<Entry>& entries() const { return entries_; }
  // InvalidInput where something stored found no place.
  absl::Status RequireAllUsed() const;

 private:
  const quantization::Statistics* statistics_ = nullptr;
  std::map<ir::ValueId, ir::ValueId> same_as_;
  std::map<std::pair<std::string, std::string>, std::vector<float>> stored_;
  std::set<std::pair<std::string, std::string>> used_;
  std::vector<Entry> entries_;
};

// A constant operand and its axis that runs over (some of) the channels.
struct ChannelOperand {
  ir::NodeId node;
  int operand;
  int axis;
  bool divides = false;  // by the factors
};

// One place of a rewrite.
struct RewriteSite {
  ir::ValueId value;  // names it: the activation whose channels change
  std::vector<ChannelOperand> operands;
  int64_t factors = 0;  // how many numbers it takes; 0 where the model alone decides
  int64_t width = 0;    // channels that are mixed, where they are
  // By factor: those of one class are equal; empty where all may differ.
  std::vector<int> classes = {};
};

// A rewrite whose places are found in the graph alone, so that numbers that were stored once find
// theirs again.
class FloatRewrite : public Pass {
 public:
  explicit FloatRewrite(RewriteLog* log) : log_(log) {}
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;

 protected:
  // Places that do not overlap, in topological order.
  virtual std::vector<RewriteSite> Find(const ir::Graph& graph) const = 0;
  // As many numbers as the place takes; nullopt where it stays as it is.
  virtual absl::optional<std::vector<float>> Choose(const ir::Graph& graph, const RewriteSite& site,
                                                    const RewriteLog& log) const;
  // ScaleOperands, unless a rewrite does something else.
  virtual void Apply(ir::Graph& graph, const RewriteSite& site,
                     absl::Span<const float> numbers) const;

  RewriteLog& log() { return *log_; }

 private:
  RewriteLog* log_;
};

// ---- What finding a place asks ----

bool HasOperand(const ir::Node& node, size_t operand);
// A real constant without qparams.
bool IsRealConstant(const ir::Graph& graph, ir::ValueId id);
// A linear with such a weight and, if any, such a bias, and no fused activation.
bool IsPlainLinear(const ir::Graph& graph, ir::NodeId id);
// The linears that read the last axis of `value`, which nothing else reads, directly or behind
// reshapes and transposes that keep that axis. nullopt where anything else does.
absl::optional<std::vector<ir::NodeId>> LinearReaders(const ir::Graph& graph, ir::ValueId value);
// Moves data and leaves each row of the last axis as it is.
bool KeepsRows(const ir::Graph& graph, const ir::Node& node);

// ---- What changing a constant asks ----

// Replaces a constant operand by another one of the same shape. A constant that others read, too,
// stays for them. Qparams are none.
void ReplaceConstant(ir::Graph& graph, ir::NodeId node, int operand, ir::Tensor data);
// Multiplies each operand of a place, or divides it, at index i of its axis by factors[i].
void ScaleOperands(ir::Graph& graph, const RewriteSite& site, absl::Span<const float> factors);

// One over the root of mean squares; where almost nothing was seen, of a millionth of the largest.
// Empty where nothing is known, or nothing but zeros was seen.
std::vector<double> InverseRms(const std::vector<double>& mean_squares);
// nullopt for none; else factors with a geometric mean of 1, each of them no further than
// kLargestFactor from 1: what is almost zero in the samples may not be so elsewhere.
inline constexpr double kLargestFactor = 32;
absl::optional<std::vector<float>> Balanced(const std::vector<double>& factors);

}  // namespace g4c::passes

#endif  // PASSES_FLOAT_REWRITE_H_
