// One pass over the samples, block by block: the Hessians of the float model's linears.
#ifndef QUANTIZATION_GATHER_HESSIANS_H_
#define QUANTIZATION_GATHER_HESSIANS_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "quantization/gram_sums.h"
#include "quantization/samples.h"

namespace g4c::quantization {

// The values that have a Hessian: activations that a fully connected layer with a constant weight
// reads, in the order of GatherHessians.
std::vector<ir::ValueId> HessianInputs(const ir::Graph& graph);

// Calls `take` with the sums over the valid rows of all samples, once for each of HessianInputs.
// Every sample goes through every block once. Memory: the sums of one block; of the values between
// two blocks, for all samples, `memory_bytes`, the rest in a temporary file. InvalidInput where
// inputs are too large for f32 sums of squares; what `take` returns ends the pass.
using TakeHessian = std::function<absl::Status(ir::ValueId input, GramSums sums)>;
absl::Status GatherHessians(const ir::Graph& graph, const Samples& samples, int64_t memory_bytes,
                            const TakeHessian& take);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_GATHER_HESSIANS_H_
