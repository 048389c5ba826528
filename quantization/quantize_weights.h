// The weights of all linears: their ranges, and their integers.
#ifndef QUANTIZATION_QUANTIZE_WEIGHTS_H_
#define QUANTIZATION_QUANTIZE_WEIGHTS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "quantization/hessian_file.h"
#include "quantization/samples.h"
#include "quantization/statistics.h"
#include "quantization/tensor_store.h"

namespace g4c::quantization {

enum class WeightMethod {
  kRtn,   // ranges from minimum to maximum, rounding to nearest
  kMse,   // ranges with the least squared error of the products, rounding to nearest
  kGptq,  // the same ranges, rounding by quantization/gptq
};

struct WeightOptions {
  ir::DType dtype = ir::DType::kU8;
  // Weights that have another one.
  absl::flat_hash_map<ir::ValueId, ir::DType> dtypes;
  // Of the constants that are no weights; nullopt: activations are float.
  absl::optional<ir::DType> activation;
  WeightMethod method = WeightMethod::kGptq;
  // Before GPTQ rounds, moves the weights to where they best make up for what quantisation did to
  // their inputs.
  bool match_float = true;
  // Adds to each bias what the mean of the output lost; a linear without a bias gets one.
  bool correct_bias = true;
  // Of the samples' activations, as many bytes are kept in memory, the rest in a temporary file.
  int64_t memory_bytes = kActivationMemoryBytes;
};

// What weights are chosen by; each may be null.
struct WeightEvidence {
  const Samples* samples = nullptr;
  // Of the float model; looked at only without samples.
  const Statistics* statistics = nullptr;
  const SavedHessians* hessians = nullptr;
};

struct WeightNotes {
  // Linears whose inputs had fewer rows than columns: only damping decides between weights.
  std::vector<std::string> short_of_rows;
};

// Sets the qparams of every constant weight that has none and that only one linear reads; with GPTQ
// its data becomes the grid points of its integers. Others are left to QuantizeConstants. All
// activations must have their qparams already, or none.
//
// With samples, block after block (quantization/blocks): each linear sees its inputs as the model
// has them whose earlier linears, activations and other constants are quantised. Its inputs count
// on valid rows only. Each sample is taken through each block once by the float and once by the
// simulated model; what lies in front of a linear whose input is more than twice as large as the
// block's is evaluated twice. Without samples, inputs are those of the float model: kGptq rounds by
// `hessians` with `statistics`, with no match_float; where a linear has none it is kMse, and
// columns count by their mean squares in `statistics`, or alike where there are none.
//
// Memory: the weights twice; for all samples and both models the values between two blocks and one
// linear's input of at most twice that size, past `memory_bytes` in a temporary file; the sums of
// one linear (quantization/hessian). The same bytes for any number of threads and any memory.
// InvalidInput where inputs are not finite; WriteFailed where the temporary file fails.
absl::StatusOr<WeightNotes> QuantizeWeights(ir::Graph& graph, const WeightEvidence& evidence,
                                            const WeightOptions& options);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_QUANTIZE_WEIGHTS_H_
