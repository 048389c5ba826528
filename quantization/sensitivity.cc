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
    for (const BlockSpans::Span& span : spans_.spans()) {
      std::vector<Part>& parts = parts_.emplace_back();
      WantedRows& wanted = wanted_.emplace_back(span.wanted);
      for (ValueId id : span.own.block().outputs) Want(wanted, id, kAllRows);
      for (const BlockSpans::Tail& tail : span.tails) {
        parts.push_back({&tail, 0, absl::nullopt});
        RETURN_IF_ERROR(AddWeight(parts.back()));
        if (parts.back().weight)
          Want(wanted, parts.back().weight->linear.block().inputs[0], kAllRows);
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
      ASSIGN_OR_RETURN(const Activations exact, span.whole.Values(stream, wanted_[s]));
      for (ValueId id : span.whole.block().outputs) signals_[s] += spans_.Energy(id, exact.at(id));
      RETURN_IF_ERROR(AddAlone(parts_[s], exact));
      RETURN_IF_ERROR(AdvanceQuantised(quantised_[s], quantised));
      for (ValueId id : span.own.block().outputs) {
        stream[id] = exact.at(id);
        streams_[s].noise += spans_.SquaredError(id, exact.at(id), quantised[id]);
        streams_[s].signal += spans_.Energy(id, exact.at(id));
      }
    }
    return absl::OkStatus();
  }

  SensitivityReport Report(int64_t samples) const {
    SensitivityReport report;
    report.samples = samples;
    for (size_t s = 0; s < parts_.size(); ++s) {
      for (const Part& part : parts_[s]) {
        int64_t elements = 0;
        for (ValueId id : spans_.groups()[part.tail->group].members) {
          if (!graph_.IsConstant(id)) {
            elements += ir::NumElements(graph_.value(id).type.shape.dims());
          }
        }
        const ValueId first = spans_.FirstActivation(part.tail->group);
        report.parts.push_back(Described(first, /*is_weight=*/false, elements, part.error, s));
        if (!part.weight) continue;
        const ValueId weight = part.weight->id;
        report.parts.push_back(Described(weight, /*is_weight=*/true,
                                         graph_.value(weight).constant->NumElements(),
                                         part.weight->error, s));
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
  // The weight of the linear whose result begins a tail.
  struct Weight {
    ValueId id;
    BlockRunner linear;
    double error;
  };
  struct Part {
    const BlockSpans::Tail* tail;
    double error;  // of the activations
    absl::optional<Weight> weight;
  };
  struct Energies {
    double noise;
    double signal;
  };

  absl::Status AddWeight(Part& part) {
    const ValueId result = spans_.FirstActivation(part.tail->group);
    const ir::Node* node = graph_.Producer(result);
    if (node == nullptr || !HasQuantisedWeight(*node)) return absl::OkStatus();
    Block linear{{graph_.value(result).producer}, {node->inputs[0], node->inputs[1]}, {result}};
    ASSIGN_OR_RETURN(BlockRunner runner, BlockRunner::Create(graph_, std::move(linear)));
    part.weight = Weight{node->inputs[1], std::move(runner), 0};
    return absl::OkStatus();
  }

  Sensitivity Described(ValueId id, bool is_weight, int64_t elements, double error,
                        size_t span) const {
    Sensitivity part;
    part.name = graph_.value(id).name;
    part.module = ModuleOf(graph_, id);
    part.is_weight = is_weight;
    part.dtype = ir::QuantDType(graph_.value(id).quantization);
    part.elements = elements;
    part.noise = signals_[span] > 0 ? error / signals_[span] : 0;
    return part;
  }

  // Errors of everything that begins in one span.
  absl::Status AddAlone(std::vector<Part>& parts, const Activations& exact) const {
    std::vector<std::function<absl::Status()>> runs;
    for (Part& part : parts) {
      runs.push_back([&, this] {
        const int group = part.tail->group;
        return RunTail(*part.tail, exact, exact, part.error, [&](ValueId id) {
          return spans_.GroupOf(id) == group ? StorageOf(graph_.value(id)) : nullptr;
        });
      });
      if (!part.weight) continue;
      runs.push_back([&, this]() -> absl::Status {
        Weight& weight = *part.weight;
        Activations changed = exact;
        changed[weight.id] = SimulatedWeight(quantised_graph_.value(weight.id));
        RETURN_IF_ERROR(weight.linear.Advance(changed));
        return RunTail(*part.tail, exact, changed, weight.error, nullptr);
      });
    }
    std::vector<absl::Status> statuses(runs.size());
    ParallelFor(static_cast<int64_t>(runs.size()), [&](int64_t i) { statuses[i] = runs[i](); });
    for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

  absl::Status RunTail(const BlockSpans::Tail& tail, const Activations& exact,
                       const Activations& operands, double& error,
                       const BlockRunner::Storage& storage) const {
    const std::vector<ValueId>& outputs = tail.runner.block().outputs;
    ASSIGN_OR_RETURN(const std::vector<Tensor> results, tail.runner.Run(operands, storage));
    for (size_t i = 0; i < outputs.size(); ++i) {
      error += spans_.SquaredError(outputs[i], exact.at(outputs[i]), results[i]);
    }
    return absl::OkStatus();
  }

  bool HasQuantisedWeight(const ir::Node& node) const {
    return node.inputs.size() > 1 && IsWeight(node, 1) && graph_.IsConstant(node.inputs[1]) &&
           ir::HasQparams(graph_.value(node.inputs[1]).quantization);
  }

  // Takes the quantised stream through a block whose weights are inputs.
  absl::Status AdvanceQuantised(const BlockRunner& block, Activations& stream) const {
    for (ValueId input : block.block().inputs) {
      if (graph_.IsConstant(input)) stream[input] = SimulatedWeight(quantised_graph_.value(input));
    }
    RETURN_IF_ERROR(block.Advance(stream, [&](ValueId id) { return StorageOf(graph_.value(id)); }));
    for (ValueId input : block.block().inputs) {
      if (graph_.IsConstant(input)) stream.erase(input);
    }
    return absl::OkStatus();
  }

  const BlockSpans& spans_;
  const Graph& graph_;
  const Graph& quantised_graph_;
  std::vector<std::vector<Part>> parts_;  // by span
  // By span, beside what its tails read: what its own block gives and the linears of its weights
  // read.
  std::vector<WantedRows> wanted_;
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
