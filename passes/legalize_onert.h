// legalize-onert: forms that the onert runtime (0.1.0, CPU) computes wrongly or not at all. Facts
// are measured; each rule names the quirk.
//
//   fully_connected of rank > 2, read by what needs its rank  ->  reshape(fully_connected)
//       its result is [rows, n] at run time, whatever the file says; element-wise operators hand
//       that on
//   batch_matmul(k, b), k a constant  ->  transpose(fully_connected(b^T, k)), or with a batch
//                                         transpose(batch_matmul(b^T, k^T))
//       a constant first operand is not loaded
//   batch_matmul of rank > 4   ->  reshape(batch_matmul(reshape, reshape)), leading dims equal
//   split into unequal pieces  ->  slice, slice, ...
//       SPLIT_V gives zeros
//   rms_norm of a rank other than 3 or 4      ->  reshape(rms_norm(reshape(x)))
//   reduce of rank > 4 over adjacent axes     ->  reshape(reduce(reshape(x)))
//
// Before: legalize-circle has run. After: VerifyGraph holds; the added reshapes look like
// identities here and must stay.
#ifndef PASSES_LEGALIZE_ONERT_H_
#define PASSES_LEGALIZE_ONERT_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class LegalizeOnert : public Pass {
 public:
  absl::string_view name() const override { return "legalize-onert"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_LEGALIZE_ONERT_H_
