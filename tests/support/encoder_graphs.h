// Small graphs of attention encoders, seeded: what rewrites are tried on.
#ifndef TESTS_SUPPORT_ENCODER_GRAPHS_H_
#define TESTS_SUPPORT_ENCODER_GRAPHS_H_

#include <cstdint>
#include <string>

#include "ir/graph.h"

namespace g4c {

enum class RotarySpelling { kTwoAxes, kHalves, kPairs, kPartial };

// What is computed, and below how it is written: two specs that agree in the first part have the
// same weights and mean the same.
struct EncoderSpec {
  uint64_t seed = 1;  // of the weights
  int layers = 1;
  int batch = 1;
  int tokens = 6;
  int hidden = 12;
  int feed_forward = 10;
  int heads = 2;
  int kv_heads = 2;  // divides heads
  int head_dim = 8;  // divisible by 4
  RotarySpelling rotary = RotarySpelling::kTwoAxes;
  bool masked = true;  // the last token is no key

  // Spelling.
  bool written_norms = true;       // square, mean, rsqrt, mul instead of rms_norm
  bool divided_norms = false;      // x / sqrt(..), of written ones
  bool written_gelu = false;       // the tanh formula
  bool transposed_weights = true;  // batch_matmul with [k, n] instead of fully_connected
  bool joint_projection = false;   // q, k and v are pieces of one product
  bool heads_first = false;        // the heads' axis goes in front before norms and rotation
  bool rows_of_mask = false;       // the mask for every query
  bool gathered_repeat = false;    // shared heads by gather instead of broadcast_to
  enum Unrolled { kNo, kHeads, kChannels } unrolled = kNo;  // attention head by head
};

// Any numbers and any spelling.
EncoderSpec RandomEncoderSpec(uint64_t seed);
// The same numbers in another spelling.
EncoderSpec Respelled(EncoderSpec spec, uint64_t seed);
// For messages: every field.
std::string Describe(const EncoderSpec& spec);

// One input "x" [batch, tokens, hidden], one output of that shape.
ir::Graph MakeEncoder(const EncoderSpec& spec);

}  // namespace g4c

#endif  // TESTS_SUPPORT_ENCODER_GRAPHS_H_
