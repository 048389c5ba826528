// One pass over the samples: what every real value of the float model looks like.
#ifndef QUANTIZATION_CALIBRATE_H_
#define QUANTIZATION_CALIBRATE_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "quantization/qparams.h"
#include "quantization/samples.h"
#include "quantization/statistics.h"

namespace g4c::quantization {

struct Observation {
  Range range;  // over all samples and valid elements
  // Of logits in front of an attention mask: the smallest maximum of any valid row.
  float lowest_row_max = std::numeric_limits<float>::infinity();
  bool operator==(const Observation&) const = default;
};

// By value id; values that nothing observed have an empty range.
using Observations = std::vector<Observation>;

// The range that a value's qparams are to cover.
using RangeChooser = std::function<Range(ir::ValueId, const ValueStatistics&)>;

// The observations of all values, their ranges chosen by `choose`, which is called on any thread
// and for values with elements only. Results are the same for any number of threads.
Observations ObservationsOf(const Statistics& statistics, const RangeChooser& choose);
// With the exact minima and maxima.
Observations ObservationsOf(const Statistics& statistics);

struct GatherOptions {
  // Called after each sample that was counted, e.g. to save what there is; an error ends the pass.
  std::function<absl::Status(const Statistics&)> after_sample;
};

// Runs the float evaluator over every sample that `statistics` does not count yet, and adds what
// its values look like. A sample is known by its content: where n equal ones are given and k are
// counted already, n - k are run. Padded patches are never observed. Memory: weights, the live
// tensors of one sample, and the statistics. InvalidInput where an intermediate result is NaN or
// infinite (names the node and the sample). Returns how many samples were run.
absl::StatusOr<int64_t> GatherStatistics(const ir::Graph& graph, const Samples& samples,
                                         const GatherOptions& options, Statistics& statistics);

// Which samples `counted` does not count: where n equal ones are given and k are counted, the last
// n - k of them. `together`, if there is one, counts those, too.
absl::StatusOr<std::vector<int64_t>> UncountedSamples(
    const ir::Graph& graph, const Samples& samples, std::map<std::string, int64_t> counted,
    std::map<std::string, int64_t>* together = nullptr);

// The exact minima and maxima over all samples, in one call.
absl::StatusOr<Observations> Calibrate(const ir::Graph& graph, const Samples& samples);

// The most bytes that the values of one evaluation hold at any time, without weights; what shares
// another value's bytes counts twice.
int64_t LiveBytes(const ir::Graph& graph);
// Of all constants that the graph reads.
int64_t ConstantBytes(const ir::Graph& graph);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_CALIBRATE_H_
