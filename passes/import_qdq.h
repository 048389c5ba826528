// import-qdq: QuantizeLinear/DequantizeLinear pairs become qparams.
//
//   y = dequantize_linear(quantize_linear(x, s, z), s, z)   ->  y = x, x has qparams (s, z)
//   y = dequantize_linear(c, s, z), c an integer constant   ->  y = c with qparams (s, z)
//   the same on an x that already has equal qparams         ->  y = x
//   ... that already has different ones                     ->  y = quantize(x), y has (s, z): a
//   requantisation
//
// Before: scales and zero points are constants (fold-constants has run). After: no quantize_linear
// or dequantize_linear is left; scales and zero points are bit-equal to the graph's; weights keep
// their real data and are quantised when written, to the integers of QuantizeLinear. Pairs are
// taken in topological order, so that of several different pairs on one value the one nearest to
// the outputs' first operands comes first.
//
// Refuses (Unsupported): a quantize_linear whose result is read by anything but dequantize_linear
// (an integer operator), and scales that are not constant. InvalidInput: a scale that is not
// positive and finite, a pair whose two halves disagree.
#ifndef PASSES_IMPORT_QDQ_H_
#define PASSES_IMPORT_QDQ_H_

#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "passes/pass.h"

namespace g4c::passes {

// Whether the graph has pairs to import.
bool HasQdq(const ir::Graph& graph);

class ImportQdq : public Pass {
 public:
  absl::string_view name() const override { return "import-qdq"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

// drop-qdq: y = dequantize_linear(quantize_linear(x)) -> y = x, for --float and --requantise. A
// dequantised integer constant becomes the real numbers that it stands for.
class DropQdq : public Pass {
 public:
  absl::string_view name() const override { return "drop-qdq"; }
  absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) override;
};

}  // namespace g4c::passes

#endif  // PASSES_IMPORT_QDQ_H_
