// common-subexpressions: equal work is done once, equal constants are stored once.
//
//   op(a...), op(a...)  ->  one of them        k, k' with equal contents  ->  one of them
//
// Constants are equal when they show the same storage in the same way, or, up to kComparedBytes,
// when their contents are equal; larger ones are never read. Values whose qparams differ are
// different values. Results of two nodes are one only where the second has no qparams or those of
// the first.
#ifndef PASSES_COMMON_SUBEXPRESSIONS_H_
#define PASSES_COMMON_SUBEXPRESSIONS_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class CommonSubexpressions : public Pass {
 public:
  // Tables of the encoder (positions x head size) are below, weights of its full size mostly above.
  static constexpr int64_t kComparedBytes = int64_t{1} << 20;

  absl::string_view name() const override { return "common-subexpressions"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_COMMON_SUBEXPRESSIONS_H_
