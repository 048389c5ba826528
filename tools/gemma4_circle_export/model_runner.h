// Runs a model file on samples, whatever kind it is.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_MODEL_RUNNER_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_MODEL_RUNNER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "evaluator/executor.h"
#include "evaluator/integer_executor.h"
#include "gemma4_circle_export/options.h"
#include "ir/graph.h"
#include "quantization/samples.h"

namespace g4c::tools {

// An .onnx is bound and folded as an export would be and runs in float; a .circle executes integers
// where it is quantised.
class ModelRunner {
 public:
  // `inputs` (as --inputs gives them) settle the shapes that an .onnx leaves open. `rounding`: of
  // a .circle's integers.
  static absl::StatusOr<std::unique_ptr<ModelRunner>> Open(
      const std::string& path, const InputOptions& binding, const std::vector<std::string>& inputs,
      evaluator::Rounding rounding = evaluator::Rounding::kExact);

  const ir::Graph& graph() const { return graph_; }
  bool is_circle() const { return is_circle_; }
  // Samples of real numbers for the graph's inputs.
  absl::StatusOr<std::unique_ptr<quantization::Samples>> OpenInputs(
      const std::vector<std::string>& inputs) const;
  // Real inputs in, real outputs out; `raw`: outputs as the file stores them.
  absl::StatusOr<std::vector<ir::Tensor>> Run(const std::vector<ir::Tensor>& inputs,
                                              bool raw) const;
  // How many rows of the patch axis are valid, and which output axis that is, where a bound grid or
  // ids tell.
  int64_t valid_rows() const { return valid_rows_; }

 private:
  ModelRunner() = default;

  ir::Graph graph_;
  bool is_circle_ = false;
  int64_t valid_rows_ = -1;
  absl::optional<evaluator::FloatExecutor> float_executor_;
  absl::optional<evaluator::IntegerExecutor> integer_executor_;
};

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_MODEL_RUNNER_H_
