// legalize-circle: operators that Circle's schema has no code for, or that no Circle runtime takes
// in that form.
//
//   clamp(f(x))                    ->  f(x) with a fused relu, relu6 or relu_n1_to_1, where it is
//   one clamp(x, 0, inf)               ->  relu(x) clamp(x, a, b)                 ->
//   minimum(maximum(x, a), b), without the infinite one clamp(x), bounds outside of what the
//   result's qparams represent  ->  x, or quantize(x) where
//                                                                       x's qparams differ
//   square(x)                      ->  mul(x, x)
//   rms_norm(x)                    ->  rms_norm(x, [1])
//   is_nan(x)                      ->  not_equal(x, x)
//   logical_xor(a, b)              ->  not_equal(a, b)
//   reshape(reduce(x)), only dropping the reduced dims  ->  reduce(x) without keep_dims
//
// Before: the canonical form; quantised or float. After: what the Circle writer has a row for. A
// quantised clamp that stays has one set of qparams, the result's, on its bounds and between them.
// A clamp that goes and whose operand was its producer's result for it alone leaves the result's
// qparams to that producer: it saturates as the clamp did.
#ifndef PASSES_LEGALIZE_CIRCLE_H_
#define PASSES_LEGALIZE_CIRCLE_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class LegalizeCircle : public Pass {
 public:
  absl::string_view name() const override { return "legalize-circle"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_LEGALIZE_CIRCLE_H_
