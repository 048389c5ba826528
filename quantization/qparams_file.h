// Qparams as a file, for --save-qparams and --qparams. docs/quantization.md has an example.
#ifndef QUANTIZATION_QPARAMS_FILE_H_
#define QUANTIZATION_QPARAMS_FILE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "quantization/applied_rewrite.h"

namespace g4c::quantization {

struct QparamsFile {
  // The source model: a hash of its graph, and how many bytes its weights have.
  std::string model_hash;
  int64_t weight_bytes = 0;
  ir::DType activation = ir::DType::kU8;
  ir::DType weight = ir::DType::kU8;
  // What was done to the model's weights first, in this order.
  std::vector<AppliedRewrite> rewrites;
  std::map<std::string, ir::Quantization> values;  // activations and weights, by name
  std::map<std::string, float> mask_fills;         // by the name of the masked sum
};

// What --save-qparams writes of a quantised graph: activations, weights and mask fills. The qparams
// of other constants follow from these.
QparamsFile CollectQparams(const ir::Graph& graph);
// Sets the qparams (origin: file) and mask fills of the named values. InvalidInput names values
// that the graph lacks.
absl::Status ApplyQparams(const QparamsFile& file, ir::Graph& graph);

std::string PrintQparams(const QparamsFile& file);  // JSON; floats read back to the same bits
absl::StatusOr<QparamsFile> ParseQparams(absl::string_view json);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_QPARAMS_FILE_H_
