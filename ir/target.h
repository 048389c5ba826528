// What a runtime or device executes: a table of operators, as read from a target file.
//
// docs/targets.md describes the file; its keys are the fields here.
#ifndef IR_TARGET_H_
#define IR_TARGET_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::ir {

// What an operand or result may be.
struct ValueClause {
  std::vector<DType> dtypes;      // as stored; empty: any
  bool same = false;              // the dtype of the first result ("=")
  bool may_be_omitted = false;    // "-|..."
  bool absent = false;            // must be omitted: "-" alone
  bool per_channel = false;       // may have a scale for each channel; one scale is always fine
  absl::optional<bool> constant;  // must be, must not be one
  absl::optional<int64_t> zero_point;
  absl::optional<float> scale;
  // The widest range of real numbers that the qparams may represent: scale * (qmax - qmin).
  absl::optional<double> max_span;
};

// One way in which an operator runs: all of it must hold.
struct OperatorForm {
  std::vector<ValueClause> operands;  // the last one stands for all behind it, too
  std::vector<ValueClause> results;
  int min_rank = 0;                                // of the first operand
  int max_rank = std::numeric_limits<int>::max();  // of all operands and results
  absl::optional<int64_t> max_last_dim;            // of the first operand
  bool equal_qparams = false;  // all operands and results that have qparams have the same ones
  std::vector<Activation> activations;  // fused ones; empty: any
  // The rank that the result has when it runs, whatever the file says: readers that need the
  // declared one get it back by a RESHAPE. Of an operator's first form, for all of them.
  absl::optional<int> result_rank;
  std::string why;  // what goes wrong otherwise, told with a violation
};

struct Target {
  std::string name;
  std::string about;
  std::string identifier = "CIR0";
  bool offset_constants = true;  // constants beyond the FlatBuffer, for files over 2 GiB
  absl::optional<uint64_t> max_file_bytes;
  // Of graph inputs and outputs.
  std::vector<DType> io_dtypes;  // empty: any
  int io_max_rank = std::numeric_limits<int>::max();
  // What the command quantises to where it is not told.
  DType activation = DType::kU8;
  DType weight = DType::kU8;
  std::map<std::string, std::vector<OperatorForm>> operators;  // by Circle's name
  std::vector<std::string> rules;  // the rewrites that may make a graph legal (passes/legalize.h)
};

// What is wrong with a node for a target.
struct Violation {
  // "operators.SOFTMAX[1].results[0].scale", the place in the target file that is broken; for an
  // operator without an entry "operators".
  std::string clause;
  std::string text;                    // "result 'p' has the scale 0.5, not 0.00390625"
  std::string why;                     // OperatorForm::why
  const OperatorForm* form = nullptr;  // the form that fits best; null: none for these dtypes
  bool operator==(const Violation&) const = default;
};

// nullopt where some form holds for the node of a static graph. Else the violation of the form with
// these dtypes that goes furthest, or of all forms' dtypes.
absl::optional<Violation> FindViolation(const Target& target, const Graph& graph, const Node& node);

// One line for each graph input and output that the target's interface cannot have.
std::vector<std::string> FindInterfaceViolations(const Target& target, const Graph& graph);

}  // namespace g4c::ir

#endif  // IR_TARGET_H_
