#include "evaluator/integer_executor.h"

#include <string>

#include "absl/strings/str_join.h"
#include "evaluator/evaluate_node.h"
#include "evaluator/fast_node.h"
#include "evaluator/integer_rules.h"
#include "evaluator/quantize.h"
#include "ir/quantize_constant.h"
#include "ir/verifier.h"

namespace g4c::evaluator {
namespace {

bool IsReal(const ir::Value& value) { return ir::IsFloat(value.type.dtype); }

// Which of the f32 values of a node have qparams.
struct Mixture {
  bool quantised_activation = false;
  bool quantised_constant = false;
  bool float_value = false;
};

Mixture MixtureOf(const IntegerNode& node) {
  Mixture mixture;
  const auto count = [&](const ir::Value& value) {
    if (!IsReal(value)) return;
    if (!ir::HasQparams(value.quantization)) {
      mixture.float_value = true;
    } else if (value.constant.has_value()) {
      mixture.quantised_constant = true;
    } else {
      mixture.quantised_activation = true;
    }
  };
  for (int i = 0; i < node.num_inputs(); ++i) {
    if (node.Has(i)) count(node.input(i));
  }
  for (int i = 0; i < node.num_outputs(); ++i) count(node.output(i));
  return mixture;
}

bool Converts(const ir::Op& op) {
  return std::holds_alternative<ir::Quantize>(op) || std::holds_alternative<ir::Dequantize>(op) ||
         std::holds_alternative<ir::Cast>(op);
}

// The quantised constants of a node that computes in float, as reals.
std::vector<ir::Tensor> RealConstants(const IntegerNode& node) {
  std::vector<ir::Tensor> reals(node.num_inputs());
  for (int i = 0; i < node.num_inputs(); ++i) {
    if (!node.Has(i) || !ir::HasQparams(node.input(i).quantization)) continue;
    reals[i] = DequantizeTensor(StoredConstant(node.input(i)), node.input(i).quantization);
  }
  return reals;
}

// No kernel: the node runs in float.
absl::StatusOr<IntegerKernel> PrepareNode(const IntegerNode& node) {
  const Mixture mixture = MixtureOf(node);
  if (!mixture.quantised_activation && !mixture.quantised_constant) return IntegerKernel();
  if (Converts(node.op())) return PrepareInteger(node);
  if (!mixture.float_value) return PrepareInteger(node);
  if (!mixture.quantised_activation) return IntegerKernel();
  return node.NoRule("some of its f32 values have qparams and some have none");
}

}  // namespace

absl::StatusOr<IntegerExecutor> IntegerExecutor::Create(const ir::Graph& graph, Rounding rounding) {
  RETURN_IF_ERROR(ir::VerifyStatic(graph));
  IntegerExecutor executor(graph);
  executor.constants_.resize(graph.num_values());
  std::vector<int> last_step(graph.num_values(), -1);
  std::vector<std::string> refused;
  for (const ir::NodeId id : graph.TopologicalOrder()) {
    const int step = static_cast<int>(executor.steps_.size());
    const IntegerNode node(graph, id, rounding);
    absl::StatusOr<IntegerKernel> kernel = PrepareNode(node);
    if (!kernel.ok()) {
      if (!absl::IsUnimplemented(kernel.status())) return kernel.status();
      refused.emplace_back(kernel.status().message());
      continue;
    }
    std::vector<ir::Tensor> reals = *kernel ? std::vector<ir::Tensor>() : RealConstants(node);
    executor.steps_.push_back({id, *std::move(kernel), std::move(reals), {}});
    for (const ir::ValueId value : graph.node(id).inputs) {
      if (value == ir::kNoValue) continue;
      if (!graph.IsConstant(value)) {
        last_step[value] = step;
      } else if (executor.constants_[value].NumElements() == 0) {
        executor.constants_[value] = StoredConstant(graph.value(value));
      }
    }
    // A result that nobody reads is freed at once.
    for (const ir::ValueId value : graph.node(id).outputs) last_step[value] = step;
  }
  if (!refused.empty()) return Unsupported(absl::StrJoin(refused, "\n"));
  for (ir::ValueId value = 0; value < graph.num_values(); ++value) {
    if (last_step[value] >= 0 && !graph.IsOutput(value)) {
      executor.steps_[last_step[value]].last_used.push_back(value);
    }
  }
  for (const ir::GraphOutput& output : graph.outputs()) {
    if (graph.IsConstant(output.value)) {
      executor.constants_[output.value] = StoredConstant(graph.value(output.value));
    }
  }
  return executor;
}

absl::StatusOr<std::vector<ir::Tensor>> IntegerExecutor::RunStep(
    const Step& step, const std::vector<ir::Tensor>& values, const RunOptions& options) const {
  const ir::Node& node = graph_->node(step.node);
  if (step.kernel) {
    std::vector<const ir::Tensor*> operands;
    for (const ir::ValueId value : node.inputs) {
      operands.push_back(value == ir::kNoValue ? nullptr : &values[value]);
    }
    return step.kernel(operands);
  }
  // Copies share their storage with `values`, which keeps EvaluateNodeFast from computing in place.
  std::vector<ir::Tensor> operands(node.inputs.size());
  std::vector<ir::Tensor*> pointers(node.inputs.size(), nullptr);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == ir::kNoValue) continue;
    operands[i] = step.reals[i].NumElements() > 0 ? step.reals[i] : values[node.inputs[i]];
    pointers[i] = &operands[i];
  }
  const int count = static_cast<int>(node.outputs.size());
  if (!options.reference) return EvaluateNodeFast(node.op, pointers, count);
  return EvaluateNode(node.op, std::vector<const ir::Tensor*>(pointers.begin(), pointers.end()),
                      count);
}

absl::StatusOr<std::vector<ir::Tensor>> IntegerExecutor::Run(absl::Span<const ir::Tensor> inputs,
                                                             const RunOptions& options) const {
  const std::vector<ir::ValueId>& names = graph_->inputs();
  if (inputs.size() != names.size()) {
    return InvalidInput("the graph has ", names.size(), " inputs, ", inputs.size(), " were given");
  }
  std::vector<ir::Tensor> values = constants_;
  const auto seen = [&](ir::ValueId id) {
    if (options.observe) RETURN_IF_ERROR(options.observe(id, values[id]));
    return options.adjust ? options.adjust(id, values[id]) : absl::OkStatus();
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::Value& value = graph_->value(names[i]);
    const ir::DType dtype = ir::StoredDType(value);
    if (inputs[i].dtype() != dtype || inputs[i].dims() != value.type.shape.dims()) {
      return InvalidInput("input '", value.name, "' is stored as ",
                          std::string(ir::DTypeName(dtype)), ir::ShapeText(value.type.shape),
                          ", given was ", std::string(ir::DTypeName(inputs[i].dtype())),
                          ir::ShapeText(ir::Shape(inputs[i].dims())));
    }
    values[names[i]] = inputs[i];
    RETURN_IF_ERROR(seen(names[i]));
  }
  for (const Step& step : steps_) {
    const ir::Node& node = graph_->node(step.node);
    absl::StatusOr<std::vector<ir::Tensor>> results = RunStep(step, values, options);
    if (!results.ok()) {
      return Prefixed(results.status(), absl::StrCat(ir::Describe(*graph_, step.node), ": "));
    }
    G4C_CHECK(results->size() == node.outputs.size());
    for (size_t i = 0; i < results->size(); ++i) {
      values[node.outputs[i]] = std::move((*results)[i]);
      RETURN_IF_ERROR(seen(node.outputs[i]));
    }
    for (const ir::ValueId value : step.last_used) values[value] = ir::Tensor();
  }
  std::vector<ir::Tensor> outputs;
  for (const ir::GraphOutput& output : graph_->outputs())
    outputs.push_back(values[output.value].Contiguous());
  return outputs;
}

}  // namespace g4c::evaluator
