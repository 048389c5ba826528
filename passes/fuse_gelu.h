// fuse-gelu: both formulas of GELU, in whatever order their factors and terms are written.
//
//   0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))  ->  gelu(x) {approximate}
//   0.5 x (1 + erf(x / sqrt(2)))                       ->  gelu(x)
//
// The argument of tanh or erf and the formula around it are compared as polynomials
// (passes/polynomial.h), coefficients within a relative 1e-5 of what f32, f16 or bf16 models hold
// (exporters round the constants differently). Before: canonicalize has run. Leaves alone: other
// coefficients, a tanh whose argument is of another value than the factor. Qparams of values inside
// go with them and are counted.
#ifndef PASSES_FUSE_GELU_H_
#define PASSES_FUSE_GELU_H_

#include "absl/status/statusor.h"
#include "passes/pass.h"

namespace g4c::passes {

class FuseGelu : public Pass {
 public:
  absl::string_view name() const override { return "fuse-gelu"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_FUSE_GELU_H_
