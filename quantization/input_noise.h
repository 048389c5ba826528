// How much of a linear's output is noise because its input is rounded.
#ifndef QUANTIZATION_INPUT_NOISE_H_
#define QUANTIZATION_INPUT_NOISE_H_

#include <vector>

#include "quantization/statistics.h"

namespace g4c::quantization {

// For each linear, by node id: the mean square of what rounding its input to 256 steps between the
// observed minimum and maximum adds to its output, over the mean square of that output,
//   (range / 255)^2 / 12 * sum W^2 / sum over rows of E[y^2],
// with rounding errors that are uniform and independent. 0 for other nodes and where nothing was
// observed. Linear in the weights.
std::vector<double> InputNoise(const ir::Graph& graph, const Statistics& statistics);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_INPUT_NOISE_H_
