#include "gemma4_circle_export/model_runner.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "backend/circle_reader.h"
#include "base/npz.h"
#include "evaluator/quantize.h"
#include "gemma4_circle_export/bindings.h"
#include "gemma4_circle_export/pipeline.h"
#include "ir/verifier.h"
#include "passes/report.h"

namespace g4c::tools {
namespace {

// --inputs as one .npz (or .npy), or as NAME=FILE.npy pairs.
struct InputFiles {
  std::string stack;
  std::map<std::string, std::string> by_name;
};

absl::StatusOr<InputFiles> TakeInputFiles(const std::vector<std::string>& inputs) {
  InputFiles files;
  for (const std::string& text : inputs) {
    const size_t equals = text.find('=');
    if (equals != std::string::npos) {
      if (!files.by_name.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
        return UsageError("--inputs names '", text.substr(0, equals), "' twice");
      }
    } else if (!files.stack.empty()) {
      return UsageError("--inputs takes one file, or NAME=FILE.npy for each input");
    } else {
      files.stack = text;
    }
  }
  if (!files.stack.empty() && !files.by_name.empty()) {
    return UsageError("--inputs takes one file, or NAME=FILE.npy for each input, not both");
  }
  return files;
}

// The dims of the array that belongs to an input; empty when there is none.
absl::StatusOr<absl::optional<ir::Dims>> ArrayDims(const InputFiles& files,
                                                   const std::string& name) {
  const auto named = files.by_name.find(name);
  if (named != files.by_name.end()) {
    ASSIGN_OR_RETURN(const ir::Tensor tensor, ReadTensor(named->second));
    return absl::optional<ir::Dims>(tensor.dims());
  }
  if (absl::EndsWith(files.stack, ".npy")) {
    ASSIGN_OR_RETURN(const ir::Tensor tensor, ReadTensor(files.stack));
    return absl::optional<ir::Dims>(tensor.dims());
  }
  if (!absl::EndsWith(files.stack, ".npz")) return absl::optional<ir::Dims>();
  ASSIGN_OR_RETURN(const NpzReader reader, NpzReader::Open(files.stack));
  if (!reader.Has(name)) return absl::optional<ir::Dims>();
  ASSIGN_OR_RETURN(const NpyHeader header, reader.ReadHeader(name));
  return absl::optional<ir::Dims>(header.dims);
}

// An input whose shape the model leaves open takes that of its array: with the input's rank the
// array is one sample, with one more dim a stack of them.
absl::Status AdoptShapes(const InputFiles& files, ir::Graph& graph) {
  for (ir::ValueId input : graph.inputs()) {
    const ir::Value& value = graph.value(input);
    if (value.type.shape.IsStatic()) continue;
    ASSIGN_OR_RETURN(absl::optional<ir::Dims> dims, ArrayDims(files, value.name));
    if (!dims) continue;
    if (value.type.shape.has_rank()) {
      const size_t rank = static_cast<size_t>(value.type.shape.rank());
      if (dims->size() == rank + 1) dims->erase(dims->begin());
      if (dims->size() != rank) continue;
    }
    graph.SetType(input, {value.type.dtype, ir::Shape(*dims)});
  }
  return absl::OkStatus();
}

int64_t CountValid(const ir::Tensor& valid) {
  int64_t count = 0;
  for (int64_t v : valid.Ints()) count += v;
  return count / std::max<int64_t>(1, valid.dims()[0]);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelRunner>> ModelRunner::Open(
    const std::string& path, const InputOptions& binding, const std::vector<std::string>& inputs,
    evaluator::Rounding rounding) {
  auto runner = std::unique_ptr<ModelRunner>(new ModelRunner());
  if (absl::EndsWith(path, ".onnx")) {
    ASSIGN_OR_RETURN(const InputFiles files, TakeInputFiles(inputs));
    passes::Report report;
    passes::PassRunner pass_runner({}, &report);
    ASSIGN_OR_RETURN(FoldedModel model,
                     LoadAndFold(path, binding, pass_runner,
                                 [&](ir::Graph& graph) { return AdoptShapes(files, graph); }));
    runner->graph_ = std::move(model.graph);
    if (model.valid) runner->valid_rows_ = CountValid(*model.valid);
    ASSIGN_OR_RETURN(runner->float_executor_, evaluator::FloatExecutor::Create(runner->graph_));
    return runner;
  }
  ASSIGN_OR_RETURN(runner->graph_, backend::ReadCircle(path));
  runner->is_circle_ = true;
  ASSIGN_OR_RETURN(runner->integer_executor_,
                   evaluator::IntegerExecutor::Create(runner->graph_, rounding));
  return runner;
}

absl::StatusOr<std::unique_ptr<quantization::Samples>> ModelRunner::OpenInputs(
    const std::vector<std::string>& inputs) const {
  ASSIGN_OR_RETURN(const InputFiles files, TakeInputFiles(inputs));
  quantization::SampleOptions options;
  options.allow_extra = true;
  options.check_finite = false;
  if (files.stack.empty()) return quantization::OpenNamedSamples(files.by_name, graph_, options);
  return quantization::OpenSamples(files.stack, graph_, options);
}

absl::StatusOr<std::vector<ir::Tensor>> ModelRunner::Run(const std::vector<ir::Tensor>& inputs,
                                                         bool raw) const {
  if (!is_circle_) return float_executor_->Run(inputs);
  std::vector<ir::Tensor> stored;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::Quantization& q = graph_.value(graph_.inputs()[i]).quantization;
    stored.push_back(ir::HasQparams(q) ? evaluator::QuantizeTensor(inputs[i], q) : inputs[i]);
  }
  ASSIGN_OR_RETURN(std::vector<ir::Tensor> outputs, integer_executor_->Run(stored));
  for (size_t i = 0; i < outputs.size() && !raw; ++i) {
    const ir::Quantization& q = graph_.value(graph_.outputs()[i].value).quantization;
    if (ir::HasQparams(q)) outputs[i] = evaluator::DequantizeTensor(outputs[i], q);
  }
  return outputs;
}

}  // namespace g4c::tools
