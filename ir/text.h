// The text of a graph: what tests, dumps and bug reports speak.
//
//   graph encoder {
//     in  %x: f32[1, 63, 64]
//     k   %gain: f32[64] = splat(1)
//     k   %w: f32[64, 64] q(i8 per_channel 0 [0.5, ...] [0, ...]) = seeded(7)
//     %h  = rms_norm(%x, %gain) {epsilon: 1e-06}: f32[1, 63, 64] q(u8 0.0314:128)
//     @layers.0.input_layernorm %a, %b = split(%h) {axis: 2, sizes: [32, 32]}: f32[1, 63, 32],
//     f32[1, 63, 32] %s  = shape(%h): i64[3] q(none: shape) out %a as last_hidden_state
//   }
//
// "-" is an omitted input. Attributes at their default are left out. An unknown quantisation is
// q(?) or nothing. Constants: splat(v), [v, v, ...] (up to kFullConstant elements), seeded(n)
// (standard normal floats or small integers from a seed; input only), sha(hex, bytes) (a digest:
// parses to an opaque constant of zeros). A constant whose data has another dtype than its type
// says so: = bf16 [..]. A string or odd name is quoted: %"a b".
#ifndef IR_TEXT_H_
#define IR_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace g4c::ir {

// Constants up to this many elements are printed in full.
inline constexpr int64_t kFullConstant = 64;

// Total: prints broken graphs too. Parse(Print(g)) prints the same again.
std::string PrintGraph(const Graph& graph);

// Leaves out names and provenance, numbers values in topological order, shows constants by content
// digest: two graphs are the same when these texts are. Reads every constant once.
std::string PrintCanonical(const Graph& graph);

// InvalidInput with line and column.
absl::StatusOr<Graph> ParseGraph(absl::string_view text);

// One node as a line, for messages and audits.
std::string PrintNode(const Graph& graph, NodeId id);
// "q(u8 0.0314:128)", "q(?)", "q(none: shape)".
std::string QuantText(const Quantization& quantization);

}  // namespace g4c::ir

#endif  // IR_TEXT_H_
