// Ranges of all real values, observed over samples.
#ifndef QUANTIZATION_CALIBRATE_H_
#define QUANTIZATION_CALIBRATE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "quantization/qparams.h"
#include "quantization/samples.h"

namespace g4c::quantization {

struct Observation {
  Range range;  // over all samples and valid elements
  // Of logits in front of an attention mask: the smallest maximum of any valid row.
  float lowest_row_max = std::numeric_limits<float>::infinity();
  bool operator==(const Observation&) const = default;
};

// By value id; values that nothing observed have an empty range.
using Observations = std::vector<Observation>;

// Runs the float evaluator over every sample and observes each real value that is no constant.
// Padded patches are never observed. Memory: weights, the live tensors of one sample, and the
// statistics. InvalidInput where an intermediate result is NaN or infinite (names the node and the
// sample).
absl::StatusOr<Observations> Calibrate(const ir::Graph& graph, const Samples& samples);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_CALIBRATE_H_
