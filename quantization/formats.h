// How each value is quantised: what the rules of a configuration make of a graph.
#ifndef QUANTIZATION_FORMATS_H_
#define QUANTIZATION_FORMATS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "quantization/activation_dtypes.h"
#include "quantization/calibrate.h"
#include "quantization/config.h"

namespace g4c::quantization {

struct Format {
  ir::DType dtype = ir::DType::kU8;  // kF32: kept in float
  bool per_channel = false;
  bool symmetric = false;
  Observer observer = Observer::kMinMax;
};

// Which rule decided each property, by its index; -1: none, it is the default.
struct Deciders {
  int dtype = -1;
  int per_channel = -1;
  int symmetric = -1;
  int observer = -1;
};

// What is quantised in one way: an activation with all that share its qparams, a weight, or a bias.
struct FormatSubject {
  enum Kind { kActivation, kWeight, kBias } kind = kActivation;
  std::vector<ir::ValueId> members;
  // A fixed range needs no observer and decides its own symmetry.
  bool fixed_range = false;
  Format format;
  Deciders deciders;
};

// Keeps constants without qparams in float for the operators with float results that read them, and
// biases beside a float operand; other readers keep one of their own. Weights stay as they are: a
// file may hold them as integers all the same. To be called once activations have their qparams.
void KeepConstantsInFloat(ir::Graph& graph);

class Formats {
 public:
  // Applies the rules in their order; a later one decides over an earlier one, property by
  // property. `config` must have all defaults, and outlive this. No qparams may have been chosen
  // yet. InvalidInput for
  //   - a rule that picks nothing, or nothing that it can set;
  //   - a rule of which later ones decide everything (names both);
  //   - symmetry that a dtype cannot have.
  static absl::StatusOr<Formats> Resolve(const ir::Graph& graph, const Config& config);

  // Keeps in float what the rules say, and sets the qparams of weights that rules make one range a
  // tensor, or symmetric where their dtype need not be, from their minima and maxima.
  void Apply(ir::Graph& graph) const;
  // The dtypes that rules give to all other weights: per channel, symmetric as their dtype is.
  absl::flat_hash_map<ir::ValueId, ir::DType> WeightDTypes() const;
  // Sets the qparams of those that have none yet, from their minima and maxima.
  void ApplyToWeights(ir::Graph& graph) const;

  // The dtype of activations that no rule decides.
  ir::DType base() const { return *config_->activation; }
  // The dtype of each activation.
  ActivationDTypes ActivationDTypesOf() const;
  // The ranges of observers that look at a value alone.
  Observations Observe(const Statistics& statistics) const;
  // Whether any activation wants the block observer.
  bool WantsBlockSearch() const;
  // `own`, with `searched` where that observer was asked for, and symmetric where that was.
  Observations Combine(const Observations& own, const Observations& searched) const;

  // "value 'x': dtype i16 by rule 2 {...}, asymmetric by default, ..."; InvalidInput: no such
  // value.
  absl::StatusOr<std::string> Explain(const ir::Graph& graph, const std::string& value) const;

 private:
  explicit Formats(const Config& config) : config_(&config) {}

  const FormatSubject* SubjectOf(ir::ValueId id) const;

  const Config* config_;
  std::vector<FormatSubject> subjects_;
  absl::flat_hash_map<ir::ValueId, int> subject_of_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_FORMATS_H_
