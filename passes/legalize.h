// legalize: every operator becomes one that the target executes.
//
// For each node that breaks a clause of the target, the rules that the target allows are tried on
// that node alone, and what they add is made legal in turn, to a fixed depth; the cheapest legal
// replacement takes the node's place. The cost of operators is
//
//   bytes of activations read and written + multiply-accumulates x bytes of an element
//     + bytes of constants
//
// Before: every change of qparams is an operator of its own (insert-requantise,
// insert-float-islands). After: no node breaks a clause, values that more ranks are declared for
// than the runtime gives them are reshaped where it matters. Refuses, all at once: nodes for which
// no rule leads to a legal form, and graph inputs and outputs that the target's interface lacks.
#ifndef PASSES_LEGALIZE_H_
#define PASSES_LEGALIZE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/target.h"
#include "passes/pass.h"

namespace g4c::passes {

struct LegalizeOptions {
  bool float_islands = true;  // false: no operator may leave its integers
};

// What was done to the operators of one kind, in one way.
struct Replacement {
  std::string op;      // Circle's name
  std::string rules;   // "float-island, norm-as-formula"
  std::string clause;  // that was broken, of the first of them
  int nodes = 0;
  double cost_before = 0;
  double cost_after = 0;
};

struct LegalizeReport {
  std::map<std::string, int> native;      // nodes that were legal, by Circle's name
  std::vector<Replacement> replacements;  // by op and rules
  bool shifted = false;                   // all zero points were shifted, u8 <-> i8
  int restored_ranks = 0;
};

class Legalize : public Pass {
 public:
  // `target` and `report`, which Run fills, outlive this.
  Legalize(const ir::Target& target, LegalizeOptions options, LegalizeReport* out)
      : target_(target), options_(options), out_(out) {}

  absl::string_view name() const override { return "legalize"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;

 private:
  const ir::Target& target_;
  LegalizeOptions options_;
  LegalizeReport* out_;
};

// InvalidInput naming a rule of the target that does not exist.
absl::Status CheckRules(const ir::Target& target);

}  // namespace g4c::passes

#endif  // PASSES_LEGALIZE_H_
