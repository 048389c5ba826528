// A graph that tests of calibration share.
#ifndef TESTS_QUANTIZATION_ATTENTION_GRAPH_H_
#define TESTS_QUANTIZATION_ATTENTION_GRAPH_H_

namespace g4c::quantization {

// One head of attention over four patches; the last two are padding.
inline constexpr char kAttention[] = R"(graph g {
  in  %x: f32[1, 4, 2]
  k   %w: f32[2, 2] = [1, 0, 0, 1]
  k   %mask: f32[1, 1, 1, 4] = [0, 0, -100, -100]
  %fc = fully_connected(%x, %w, -): f32[1, 4, 2]
  %r = reshape(%fc) {shape: [1, 4, 1, 2]}: f32[1, 4, 1, 2]
  %q = transpose(%r) {perm: [0, 2, 1, 3]}: f32[1, 1, 4, 2]
  %logits = batch_matmul(%q, %q) {adj_y: true}: f32[1, 1, 4, 4]
  %sum = add(%logits, %mask): f32[1, 1, 4, 4]
  %p = softmax(%sum): f32[1, 1, 4, 4]
  %v = batch_matmul(%p, %q): f32[1, 1, 4, 2]
  out %v
})";

}  // namespace g4c::quantization

#endif  // TESTS_QUANTIZATION_ATTENTION_GRAPH_H_
