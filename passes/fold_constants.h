// fold-constants: everything that depends on constants only is evaluated, and dynamic operators
// become static.
//
//   op(k...)  ->  k'            dynamic_op(x, k...)  ->  op(x)            shape(x)  ->  k
//
// Before: bound inputs are constants, input shapes are set. After: every value that the outputs
// need has the type that its shape rule infers; no `choose` with a constant condition is left; what
// the budget allows is folded. Refuses, and says so in the report: results that would add more than
// FoldOptions::max_bytes. See ConstantFolder.
#ifndef PASSES_FOLD_CONSTANTS_H_
#define PASSES_FOLD_CONSTANTS_H_

#include "passes/constant_folder.h"
#include "passes/pass.h"

namespace g4c::passes {

class FoldConstants : public Pass {
 public:
  explicit FoldConstants(FoldOptions options = {}) : options_(options) {}
  absl::string_view name() const override { return "fold-constants"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;

 private:
  FoldOptions options_;
};

}  // namespace g4c::passes

#endif  // PASSES_FOLD_CONSTANTS_H_
