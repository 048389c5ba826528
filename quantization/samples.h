// Calibration samples, read one at a time.
#ifndef QUANTIZATION_SAMPLES_H_
#define QUANTIZATION_SAMPLES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace g4c::quantization {

// A source of samples for all inputs of a graph.
class Samples {
 public:
  virtual ~Samples() = default;
  virtual int64_t size() const = 0;
  // The inputs of sample `index`, in the order of Graph::inputs(), of exactly their types.
  // InvalidInput for NaN or Inf, naming the sample, the input and the place. One thread at a time.
  virtual absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const = 0;
  // Made up rather than given by the user; the audit says so.
  virtual bool synthetic() const { return false; }
};

// Some samples of a source, which must outlive this.
class ChosenSamples : public Samples {
 public:
  ChosenSamples(const Samples& all, std::vector<int64_t> indices)
      : all_(all), indices_(std::move(indices)) {}
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  absl::StatusOr<std::vector<ir::Tensor>> Get(int64_t index) const override {
    return all_.Get(indices_[index]);
  }
  bool synthetic() const override { return all_.synthetic(); }

 private:
  const Samples& all_;
  std::vector<int64_t> indices_;
};

struct SampleOptions {
  // Which member an input is read from where that is not its own name: input name -> member name.
  std::map<std::string, std::string> keys;
  // A member that is no input is an error unless `keys` picks some, or this is set.
  bool allow_extra = false;
  // NaN and Inf are errors.
  bool check_finite = true;
};

// Opens `path`: an .npz (one member an input), an .npy (for a graph with one input), or a folder of
// either, whose files are taken in the order of their names. An array has the shape (N, *input
// shape), or (N, *input shape[1:]) where the input's dim 0 is 1, or is one sample of exactly the
// input's shape. All inputs of a file have the same N. Of a folder, one file is held at a time; of
// a file, arrays are mapped, but compressed members of an .npz are in memory as a whole.
// InvalidInput names the file, the member and the input: a missing or extra member, another shape
// or dtype, no samples.
absl::StatusOr<std::unique_ptr<Samples>> OpenSamples(const std::string& path,
                                                     const ir::Graph& graph,
                                                     const SampleOptions& options);

// The same from one .npy for each input, by input name.
absl::StatusOr<std::unique_ptr<Samples>> OpenNamedSamples(
    const std::map<std::string, std::string>& files, const ir::Graph& graph,
    const SampleOptions& options);

// `count` samples of standard-normal numbers from a fixed seed. Unsupported for integer and Boolean
// inputs.
absl::StatusOr<std::unique_ptr<Samples>> SyntheticSamples(const ir::Graph& graph, int64_t count);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_SAMPLES_H_
