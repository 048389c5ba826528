#include "quantization/sensitivity.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/progress.h"
#include "evaluator/quantize.h"
#include "quantization/block_search.h"
#include "quantization/block_spans.h"
#include "quantization/constants.h"
#include "quantization/simulate.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Tensor;
using ir::ValueId;

// The real numbers that a weight's stored integers stand for.
Tensor SimulatedWeight(const ir::Value& weight) {
  return evaluator::FakeQuantize(*weight.constant, weight.quantization);
}

std::string ModuleOf(const Graph& graph, ValueId id) {
  NodeId node = graph.value(id).producer;
  if (node == ir::kNoNode && !graph.Uses(id).empty()) node = graph.Uses(id)[0].node;
  return node == ir::kNoNode ? "" : graph.node(node).provenance.lead().module;
}

bool Contains(const std::vector<ValueId>& ids, ValueId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// The quantised graph, its qparams and conversions included, with the weights and biases of `real`.
Graph WithRealConstants(const Graph& real, Graph quantised) {
  for (ValueId id = 0; id < real.num_values(); ++id) {
    if (real.IsConstant(id) && quantised.IsConstant(id)) {
      quantised.SetConstant(id, *real.value(id).constant);
    }
  }
  for (NodeId id = 0; id < real.num_nodes(); ++id) {
    if (real.node(id).erased || !IsWeight(real.node(id), 1)) continue;
    std::vector<ValueId> operands = quantised.node(id).inputs;
    const std::vector<ValueId>& before = real.node(id).inputs;
    if (operands.size() < 3) continue;
    operands[2] = before.size() > 2 ? before[2] : ir::kNoValue;
    quantised.SetOperands(id, std::move(operands));
  }
  return quantised;
}

class Meter {
 public:
  // `spans` is of the graph with real constants.
  Meter(const BlockSpans& spans, const Graph& quantised)
      : spans_(spans), graph_(spans.graph()), quantised_graph_(quantised) {}

  absl::Status Prepare() {
    for (size_t s = 0; s < spans_.spans().size(); ++s) {
      const BlockSpans::Span& span = spans_.spans()[s];
      for (const BlockSpans::Tail& tail : span.tails) {
        activations_.push_back({s, &tail, 0});
        RETURN_IF_ERROR(AddWeight(s, tail));
      }
      Block block = span.own.block();
      for (NodeId id : span.own.block().nodes) {
        const ir::Node& node = graph_.node(id);
        if (!HasQuantisedWeight(node) || Contains(block.inputs, node.inputs[1])) continue;
        block.inputs.push_back(node.inputs[1]);
      }
      ASSIGN_OR_RETURN(BlockRunner runner, BlockRunner::Create(quantised_graph_, std::move(block)));
      quantised_.push_back(std::move(runner));
    }
    signals_.assign(spans_.spans().size(), 0.0);
    streams_.assign(spans_.spans().size(), {0, 0});
    return absl::OkStatus();
  }

  absl::Status Add(const std::vector<Tensor>& inputs) {
    Activations stream = spans_.Start(inputs);
    Activations quantised = stream;
    for (size_t s = 0; s < spans_.spans().size(); ++s) {
      const BlockSpans::Span& span = spans_.spans()[s];
      Activations exact(graph_.num_values());
      RETURN_IF_ERROR(span.whole.Run(stream, [&](ValueId id, Tensor& data) { exact[id] = data; }));
      for (ValueId id : span.whole.block().outputs) signals_[s] += spans_.Energy(id, exact[id]);
      RETURN_IF_ERROR(AddAlone(s, exact));
      RETURN_IF_ERROR(RunQuantised(quantised_[s], quantised));
      for (ValueId id : span.own.block().outputs) {
        stream[id] = exact[id];
        streams_[s].noise += spans_.SquaredError(id, exact[id], quantised[id]);
        streams_[s].signal += spans_.Energy(id, exact[id]);
      }
    }
    return absl::OkStatus();
  }

  SensitivityReport Report(int64_t samples) const {
    SensitivityReport report;
    report.samples = samples;
    std::vector<std::pair<NodeId, Sensitivity>> parts;
    for (const Alone& alone : activations_) {
      const int group = alone.tail->group;
      const ValueId first = spans_.FirstActivation(group);
      Sensitivity part = PartOf(first, alone);
      part.elements = 0;
      for (ValueId id : spans_.groups()[group].members) {
        if (!graph_.IsConstant(id)) {
          part.elements += ir::NumElements(graph_.value(id).type.shape.dims());
        }
      }
      report.parts.push_back(std::move(part));
      for (const Weight& weight : weights_) {
        if (weight.alone.tail != alone.tail) continue;
        Sensitivity of_weight = PartOf(weight.id, weight.alone);
        of_weight.is_weight = true;
        of_weight.elements = graph_.value(weight.id).constant->NumElements();
        report.parts.push_back(std::move(of_weight));
      }
    }
    for (size_t s = 0; s < streams_.size(); ++s) {
      const ValueId output = spans_.spans()[s].own.block().outputs[0];
      report.cumulative.push_back(
          {graph_.value(output).name, ModuleOf(graph_, output),
           streams_[s].signal > 0 ? streams_[s].noise / streams_[s].signal : 0});
    }
    return report;
  }

 private:
  struct Alone {
    size_t span;
    const BlockSpans::Tail* tail;
    double error;
  };
  // The weight of the linear whose result begins the tail.
  struct Weight {
    Alone alone;
    ValueId id;
    ValueId result;
    BlockRunner linear;
  };
  struct Energies {
    double noise;
    double signal;
  };

  absl::Status AddWeight(size_t span, const BlockSpans::Tail& tail) {
    const ValueId result = spans_.FirstActivation(tail.group);
    const ir::Node* node = graph_.Producer(result);
    if (node == nullptr || !HasQuantisedWeight(*node)) return absl::OkStatus();
    Block linear{{graph_.value(result).producer}, {node->inputs[0], node->inputs[1]}, {result}};
    ASSIGN_OR_RETURN(BlockRunner runner, BlockRunner::Create(graph_, std::move(linear)));
    weights_.push_back({{span, &tail, 0}, node->inputs[1], result, std::move(runner)});
    return absl::OkStatus();
  }

  Sensitivity PartOf(ValueId id, const Alone& alone) const {
    Sensitivity part;
    part.name = graph_.value(id).name;
    part.module = ModuleOf(graph_, id);
    part.dtype = ir::QuantDType(graph_.value(id).quantization);
    part.noise = signals_[alone.span] > 0 ? alone.error / signals_[alone.span] : 0;
    return part;
  }

  // Errors of everything that begins in span `s`.
  absl::Status AddAlone(size_t s, const Activations& exact) {
    std::vector<std::function<absl::Status()>> runs;
    for (Alone& alone : activations_) {
      if (alone.span != s) continue;
      runs.push_back([&, this] {
        const int group = alone.tail->group;
        return RunTail(alone, exact, exact, [&](ValueId id, Tensor& data) {
          const auto* q = std::get_if<ir::QuantPerTensor>(&graph_.value(id).quantization);
          if (spans_.GroupOf(id) == group && q != nullptr) data = Simulate(data, *q);
        });
      });
    }
    for (Weight& weight : weights_) {
      if (weight.alone.span != s) continue;
      runs.push_back([&, this]() -> absl::Status {
        Activations changed = exact;
        changed[weight.id] = SimulatedWeight(quantised_graph_.value(weight.id));
        Tensor result;
        RETURN_IF_ERROR(weight.linear.Run(changed, [&](ValueId id, Tensor& data) {
          if (id == weight.result) result = data;
        }));
        changed[weight.result] = result;
        return RunTail(weight.alone, exact, changed, [](ValueId, Tensor&) {});
      });
    }
    std::vector<absl::Status> statuses(runs.size());
    ParallelFor(static_cast<int64_t>(runs.size()), [&](int64_t i) { statuses[i] = runs[i](); });
    for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

  absl::Status RunTail(Alone& alone, const Activations& exact, const Activations& operands,
                       const BlockRunner::Adjust& adjust) const {
    const std::vector<ValueId>& outputs = alone.tail->runner.block().outputs;
    return alone.tail->runner.Run(operands, [&](ValueId id, Tensor& data) {
      adjust(id, data);
      if (Contains(outputs, id)) {
        alone.error += spans_.SquaredError(id, exact[id], data);
      }
    });
  }

  bool HasQuantisedWeight(const ir::Node& node) const {
    return node.inputs.size() > 1 && IsWeight(node, 1) && graph_.IsConstant(node.inputs[1]) &&
           ir::HasQparams(graph_.value(node.inputs[1]).quantization);
  }

  // Takes the quantised stream through a block whose weights are inputs.
  absl::Status RunQuantised(const BlockRunner& block, Activations& stream) const {
    Activations results(graph_.num_values());
    Activations operands = stream;
    for (ValueId input : block.block().inputs) {
      if (graph_.IsConstant(input))
        operands[input] = SimulatedWeight(quantised_graph_.value(input));
    }
    RETURN_IF_ERROR(block.Run(operands, [&](ValueId id, Tensor& data) {
      const auto* q = std::get_if<ir::QuantPerTensor>(&graph_.value(id).quantization);
      if (q != nullptr) data = Simulate(data, *q);
      results[id] = data;
    }));
    for (ValueId id : block.block().outputs) stream[id] = results[id];
    return absl::OkStatus();
  }

  const BlockSpans& spans_;
  const Graph& graph_;
  const Graph& quantised_graph_;
  std::vector<Alone> activations_;
  std::vector<Weight> weights_;
  std::vector<BlockRunner> quantised_;  // by span: its own block, weights being inputs
  std::vector<double> signals_;         // by span
  std::vector<Energies> streams_;       // by span: behind its own block
};

}  // namespace

absl::StatusOr<SensitivityReport> MeasureSensitivity(const Graph& real, const Graph& quantised,
                                                     const Samples& samples, int64_t rows) {
  const Graph graph = WithRealConstants(real, quantised);
  if (graph.inputs().empty()) {
    return InvalidInput("the graph has no inputs, so there is no sensitivity to measure");
  }
  ASSIGN_OR_RETURN(const BlockSpans spans,
                   BlockSpans::Create(graph, FindQparamGroups(graph, Grouped::kAll), 2));
  Meter meter(spans, quantised);
  RETURN_IF_ERROR(meter.Prepare());
  const std::vector<int64_t> chosen = SamplesForRows(samples, spans, rows);
  Progress progress("sensitivity", "samples", static_cast<int64_t>(chosen.size()));
  for (int64_t sample : chosen) {
    ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, samples.Get(sample));
    RETURN_IF_ERROR(meter.Add(inputs));
    progress.Advance();
  }
  return meter.Report(static_cast<int64_t>(chosen.size()));
}

}  // namespace g4c::quantization
