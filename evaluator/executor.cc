#include "evaluator/executor.h"

#include <malloc.h>

#include <algorithm>

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "evaluator/elements.h"
#include "evaluator/evaluate_node.h"
#include "evaluator/fast_node.h"
#include "evaluator/quantize.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::kNoNode;
using ir::kNoValue;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

std::string TypeText(ir::DType dtype, const ir::Shape& shape) {
  return absl::StrCat(std::string(ir::DTypeName(dtype)), ir::ShapeText(shape));
}

// What a constant means as numbers; f16, bf16 and f64 stay as they are.
Tensor RealData(const ir::Value& value) {
  const Tensor& data = *value.constant;
  const bool stored = ir::HasQparams(value.quantization) && !ir::IsFloat(data.dtype());
  return stored ? DequantizeTensor(data, value.quantization) : data.WithBytes();
}

// The activations of a layer come and go in the same sizes: freed blocks stay with the process
// instead of being given back and faulted in again, page by page (6 % of a forward of an image).
void KeepFreedBlocks() {
  static const bool done = [] {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    return true;
  }();
  (void)done;
}

// Whether somebody wants to see a value.
bool Wants(const RunOptions& options, ValueId id) {
  if (options.wants) return options.wants(id);
  return options.observe || options.adjust || options.rows;
}

bool WantsAny(const RunOptions& options, absl::Span<const ValueId> ids) {
  return std::any_of(ids.begin(), ids.end(), [&](ValueId id) { return Wants(options, id); });
}

// One evaluation: the data of the values that are known and still needed.
class Run {
 public:
  // steps[i]: the fused step that node i ends, or null.
  Run(const ir::Graph& graph, const std::vector<int>& uses, std::vector<const FusedStep*> steps,
      const RunOptions& options)
      : graph_(graph),
        options_(options),
        steps_(std::move(steps)),
        uses_left_(uses),
        data_(graph.num_values()),
        state_(graph.num_nodes(), kNew) {}

  absl::Status SetInput(ValueId id, const Tensor& given) {
    const ir::Value& value = graph_.value(id);
    const Tensor data = value.type.dtype == ir::DType::kF32 ? WidenedToF32(given) : given;
    bool fits = data.dtype() == value.type.dtype;
    if (value.type.shape.has_rank()) {
      fits = fits && data.rank() == value.type.shape.rank();
      for (int axis = 0; fits && axis < data.rank(); ++axis) {
        const int64_t dim = value.type.shape.dim(axis);
        fits = dim == ir::kUnknownDim || dim == data.dims()[axis];
      }
    }
    if (!fits) {
      return InvalidInput("input '", value.name, "' is ",
                          TypeText(given.dtype(), ir::Shape(given.dims())),
                          ", where the graph needs ", TypeText(value.type.dtype, value.type.shape));
    }
    return Publish(id, data);
  }

  // Evaluates what `value` needs, operands first, without recursion.
  absl::Status Demand(ValueId value) {
    std::vector<Visit> stack;
    const auto push = [&](ValueId operand) {
      const NodeId producer = graph_.value(operand).producer;
      if (producer == kNoNode || state_[producer] != kNew) return;
      state_[producer] = kOpen;
      stack.push_back({producer, 0});
    };
    push(value);
    while (!stack.empty()) {
      if (const ValueId operand = NextOperand(stack.back()); operand != kNoValue) {
        push(operand);
        continue;
      }
      const NodeId id = stack.back().node;
      stack.pop_back();
      RETURN_IF_ERROR(EvaluateOne(id));
      state_[id] = kDone;
    }
    return absl::OkStatus();
  }

  // The data of an operand; gives it away at its last use.
  Tensor Take(ValueId id) {
    if (graph_.IsConstant(id)) return RealData(graph_.value(id));
    if (--uses_left_[id] > 0) return data_[id];
    return std::exchange(data_[id], Tensor());
  }

 private:
  enum State : uint8_t { kNew, kOpen, kDone };
  struct Visit {
    NodeId node;
    int next;  // operand
  };

  // The operands that a node needs, one after the other, then kNoValue.
  ValueId NextOperand(Visit& visit) const {
    const ir::Node& node = graph_.node(visit.node);
    const bool choose = std::holds_alternative<ir::Choose>(node.op);
    if (choose && visit.next > 0) {
      if (visit.next > 1) return kNoValue;
      visit.next = 2;
      return node.inputs[Chosen(node)];
    }
    const std::vector<ValueId>& inputs = InputsOf(visit.node);
    while (visit.next < static_cast<int>(inputs.size())) {
      const ValueId operand = inputs[visit.next++];
      if (operand != kNoValue) return operand;
    }
    return kNoValue;
  }

  const std::vector<ValueId>& InputsOf(NodeId id) const {
    return steps_[id] != nullptr ? steps_[id]->inputs : graph_.node(id).inputs;
  }

  // The operand that a choose, whose condition is known, passes on.
  int Chosen(const ir::Node& node) const {
    const ir::Value& condition = graph_.value(node.inputs[0]);
    const Tensor& data =
        condition.constant.has_value() ? *condition.constant : data_[node.inputs[0]];
    return data.NumElements() == 1 && data.IntScalar() == 0 ? 2 : 1;
  }

  absl::Status EvaluateOne(NodeId id) {
    const ir::Node& node = graph_.node(id);
    const int left_out = std::holds_alternative<ir::Choose>(node.op) ? 3 - Chosen(node) : -1;
    const std::vector<ValueId>& inputs = InputsOf(id);
    std::vector<Tensor> operands(inputs.size());
    std::vector<Tensor*> pointers(inputs.size(), nullptr);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == kNoValue || static_cast<int>(i) == left_out) continue;
      operands[i] = Take(inputs[i]);
      pointers[i] = &operands[i];
    }
    if (steps_[id] != nullptr) {
      const bool seen = steps_[id]->shows && WantsAny(options_, steps_[id]->inside);
      return Publish(node.outputs[0], steps_[id]->run(pointers, seen ? options_.rows : nullptr));
    }
    const int count = static_cast<int>(node.outputs.size());
    auto results =
        options_.reference
            ? EvaluateNode(node.op, std::vector<const Tensor*>(pointers.begin(), pointers.end()),
                           count)
            : EvaluateNodeFast(node.op, pointers, count);
    if (!results.ok()) {
      return Prefixed(results.status(), absl::StrCat(ir::Describe(graph_, id), ": "));
    }
    operands.clear();
    for (size_t i = 0; i < results->size(); ++i) {
      Tensor result = std::exchange((*results)[i], Tensor());
      RETURN_IF_ERROR(Publish(node.outputs[i], WidenedToF32(std::move(result))));
    }
    return absl::OkStatus();
  }

  absl::Status Publish(ValueId id, Tensor data) {
    if (Wants(options_, id)) {
      if (options_.observe) RETURN_IF_ERROR(options_.observe(id, data));
      if (options_.adjust) RETURN_IF_ERROR(options_.adjust(id, data));
    }
    if (uses_left_[id] > 0) data_[id] = std::move(data);
    return absl::OkStatus();
  }

  const ir::Graph& graph_;
  const RunOptions& options_;
  std::vector<const FusedStep*> steps_;
  std::vector<int> uses_left_;
  std::vector<Tensor> data_;
  std::vector<State> state_;
};

}  // namespace

absl::StatusOr<FloatExecutor> FloatExecutor::Create(const ir::Graph& graph) {
  const std::vector<NodeId> cycle = graph.FindCycle();
  if (!cycle.empty()) {
    return InvalidInput("a cycle: ", absl::StrJoin(cycle, " -> ", [&](std::string* out, NodeId id) {
                          absl::StrAppend(out, ir::Describe(graph, id));
                        }));
  }
  KeepFreedBlocks();
  FloatExecutor executor(graph);
  executor.uses_.assign(graph.num_values(), 0);
  for (NodeId id : graph.TopologicalOrder()) {
    for (ValueId operand : graph.node(id).inputs) {
      if (operand != kNoValue) ++executor.uses_[operand];
    }
  }
  for (const ir::GraphOutput& output : graph.outputs()) ++executor.uses_[output.value];
  executor.fused_ = FindFusedSteps(graph);
  return executor;
}

absl::StatusOr<std::vector<Tensor>> FloatExecutor::Run(absl::Span<const Tensor> inputs,
                                                       const RunOptions& options) const {
  if (inputs.size() != graph_->inputs().size()) {
    return InvalidInput(inputs.size(), " tensors for ", graph_->inputs().size(), " graph inputs");
  }
  std::vector<const FusedStep*> steps(graph_->num_nodes(), nullptr);
  for (const FusedStep& step : fused_) {
    const bool hooked = options.rows != nullptr && step.shows;
    if (!options.reference && (hooked || !WantsAny(options, step.inside))) steps[step.last] = &step;
  }
  evaluator::Run run(*graph_, uses_, std::move(steps), options);
  for (size_t i = 0; i < inputs.size(); ++i) {
    RETURN_IF_ERROR(run.SetInput(graph_->inputs()[i], inputs[i]));
  }
  for (const ir::GraphOutput& output : graph_->outputs()) RETURN_IF_ERROR(run.Demand(output.value));
  std::vector<Tensor> results;
  for (const ir::GraphOutput& output : graph_->outputs()) {
    results.push_back(RowMajor(WidenedToF32(run.Take(output.value))));
  }
  return results;
}

}  // namespace g4c::evaluator
