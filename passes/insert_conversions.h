// Explicit conversions where qparams, or having any, change along an edge.
#ifndef PASSES_INSERT_CONVERSIONS_H_
#define PASSES_INSERT_CONVERSIONS_H_

#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "passes/pass.h"

namespace g4c::passes {

// insert-requantise: operators that move data have the same qparams on both sides.
//
//   split(x: p) -> a: q, b: p        ->  split(x: p) -> raw: p, b: p;  a: q = quantize(raw)
//   concat(a: p, b: q) -> c: q       ->  concat(quantize(a): q, b: q) -> c: q
//
// Before: propagation has run. After: both sides of every data-moving operator with qparams agree.
// The value that had a name keeps it together with its qparams; the new value gets another.
class InsertRequantise : public Pass {
 public:
  absl::string_view name() const override { return "insert-requantise"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

// insert-float-islands: an operator that touches a real value without qparams computes in float.
//
//   y: q = op(a: p, b)   ->   y: q = quantize(op(dequantize(a), b))
//
// After: every operator but quantize and dequantize has qparams on all real operands and results,
// or on none. A value that had no qparams keeps none (the audit finds it); the values made here are
// float on purpose.
class InsertFloatIslands : public Pass {
 public:
  absl::string_view name() const override { return "insert-float-islands"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

// float-io: --io float. Graph inputs and outputs with qparams become f32 behind a quantize or
// dequantize.
class FloatIo : public Pass {
 public:
  absl::string_view name() const override { return "float-io"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_INSERT_CONVERSIONS_H_
