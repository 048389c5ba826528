// The engine of the folding passes: demand-driven, without recursion, each node once.
#ifndef PASSES_CONSTANT_FOLDER_H_
#define PASSES_CONSTANT_FOLDER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ir/graph.h"
#include "passes/report.h"

namespace g4c::passes {

struct FoldOptions {
  // The growth policy. A result that is not larger than its constant operands is always folded;
  // what is larger adds the difference (of distinct elements), and the sum may not exceed this.
  int64_t max_bytes = int64_t{256} << 20;
  // Leave position tables (IsPositionTable) to fold-position-embeddings, which has a budget of its
  // own.
  bool leave_position_tables = false;
};

// cos or sin, or a gather of several rows of a float constant: where positions become a table.
bool IsPositionTable(const ir::Graph& graph, const ir::Node& node);

// For every node that the roots need, operands first:
//   1. infers its types and makes its dynamic operands static (passes/resolve_operands.h);
//   2. a `choose` or `sequence_item` with a constant condition becomes the chosen operand; the
//      others are never visited;
//   3. `shape` of static dims becomes a constant;
//   4. a node whose operands are all constants becomes constants. What moves data becomes views
//      (weights are never copied); an element-wise operator computes each distinct element once.
//
// Constants with qparams: an operator that moves data carries them along (a per-channel axis is
// mapped); one that computes reads the numbers that the stored integers stand for. A result's own
// qparams are never overwritten.
//
// Never folded: quantize_linear, dequantize_linear (import-qdq reads them), dequantize (float
// activations keep integer weights), foreign operators.
class ConstantFolder {
 public:
  ConstantFolder(ir::Graph& graph, Report& report, std::string pass, FoldOptions options)
      : graph_(graph), report_(report), pass_(std::move(pass)), options_(options) {}

  // Errors (InvalidInput) name the node and its module path.
  absl::Status Fold(absl::Span<const ir::ValueId> roots);

  // Erases what is dead by now, reports what was folded and is still read, and returns whether
  // anything changed.
  bool Finish();

 private:
  struct Visit {
    ir::NodeId node;
    int next = 0;
  };
  // The next operand to visit of a node, or kNoValue when all that it needs were visited.
  ir::ValueId NextOperand(Visit& visit) const;
  absl::Status FinishNode(ir::NodeId id);
  absl::Status InferTypes(ir::NodeId id);
  // Replaces a choose or sequence_item by its chosen operand.
  absl::StatusOr<bool> TakeChosen(ir::NodeId id);
  absl::Status FoldShape(ir::NodeId id);
  absl::Status FoldNode(ir::NodeId id);
  // Makes the results constants if op moves data of one constant as a view; false where it does
  // not.
  bool FoldAsViews(ir::NodeId id);
  void StoreResult(ir::ValueId value, ir::Tensor data);
  bool AllConstant(const ir::Node& node) const;

  ir::Graph& graph_;
  Report& report_;
  std::string pass_;
  FoldOptions options_;
  enum State : uint8_t { kNew, kOpen, kDone };
  std::vector<State> state_;
  std::vector<ir::ValueId> folded_;
  int64_t grown_ = 0;
  bool changed_ = false;
};

}  // namespace g4c::passes

#endif  // PASSES_CONSTANT_FOLDER_H_
