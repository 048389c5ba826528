// Which module costs how much accuracy.
#ifndef QUANTIZATION_SENSITIVITY_H_
#define QUANTIZATION_SENSITIVITY_H_

#include <string>
#include <vector>

#include "quantization/samples.h"

namespace g4c::quantization {

// The noise that quantising one thing alone causes two blocks on, as a share of the signal there.
struct Sensitivity {
  std::string name;    // of the value
  std::string module;  // module path of the operator that computes or reads it
  bool is_weight = false;
  ir::DType dtype = ir::DType::kU8;
  int64_t elements = 0;
  double noise = 0;  // squared error / squared signal
};

// Behind a block, the noise of the model that is quantised up to there.
struct CumulativeNoise {
  std::string value;  // the block's first output
  std::string module;
  double noise = 0;
};

struct SensitivityReport {
  int64_t samples = 0;
  std::vector<Sensitivity> parts;           // in graph order
  std::vector<CumulativeNoise> cumulative;  // in graph order
};

// Measures `quantised`, in which activations and weights have qparams, before it is legalised, on
// samples with `rows` valid rows together. `real` is the graph before: values and nodes that both
// have are the same by id, but weights and biases may have been changed since (GPTQ, bias
// correction), which counts as noise of the weight. Each group of activations that share qparams,
// and each FULLY_CONNECTED weight, is simulated alone on the float inputs of its block; no full run
// a module. Memory: weights, one simulated weight a thread, and the activations of two blocks for
// one sample.
absl::StatusOr<SensitivityReport> MeasureSensitivity(const ir::Graph& real,
                                                     const ir::Graph& quantised,
                                                     const Samples& samples, int64_t rows = 2048);

// 10 log10(1 / noise); infinite without noise.
double SnrOf(double noise);

// The parts by module, the loudest first, with bars; at most `rows` lines (0: all).
std::string SensitivityTable(const SensitivityReport& report, int rows);
std::string SensitivityJson(
    const SensitivityReport& report);                         // docs/quantization.md has an example
std::string SensitivityCsv(const SensitivityReport& report);  // the parts, one a line

}  // namespace g4c::quantization

#endif  // QUANTIZATION_SENSITIVITY_H_
