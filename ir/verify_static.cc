#include <algorithm>

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "ir/verifier.h"

namespace g4c::ir {
namespace {

// The operators of the fold phase, and which of their operands must become constant for them to go:
// [first, last). A composite needs none, only static shapes.
struct FoldRule {
  bool fold_only;
  int first;
  int last;
};
constexpr int kAll = INT32_MAX;
constexpr FoldRule kParameters = {true, 1, kAll};
constexpr FoldRule kSelector = {true, 0, 1};
constexpr FoldRule kEverything = {true, 0, kAll};
constexpr FoldRule kComposite = {true, 0, 0};

FoldRule RuleOf(const QuantizeLinear&) { return kParameters; }
FoldRule RuleOf(const DequantizeLinear&) { return kParameters; }
FoldRule RuleOf(const DynamicReshape&) { return kParameters; }
FoldRule RuleOf(const DynamicExpand&) { return kParameters; }
FoldRule RuleOf(const DynamicSlice&) { return kParameters; }
FoldRule RuleOf(const DynamicSqueeze&) { return kParameters; }
FoldRule RuleOf(const DynamicUnsqueeze&) { return kParameters; }
FoldRule RuleOf(const DynamicTile&) { return kParameters; }
FoldRule RuleOf(const DynamicPad&) { return kParameters; }
FoldRule RuleOf(const DynamicSplit&) { return kParameters; }
FoldRule RuleOf(const DynamicReduce&) { return kParameters; }
FoldRule RuleOf(const SplitItem&) { return kParameters; }
FoldRule RuleOf(const SequenceItem&) { return kSelector; }
FoldRule RuleOf(const Choose&) { return kSelector; }
FoldRule RuleOf(const Range&) { return kEverything; }
FoldRule RuleOf(const ShapeOf&) { return kEverything; }
FoldRule RuleOf(const NonZero&) { return kEverything; }
FoldRule RuleOf(const CumSum&) { return kEverything; }
FoldRule RuleOf(const Trilu&) { return kEverything; }
FoldRule RuleOf(const OneHot&) { return kEverything; }
FoldRule RuleOf(const GatherElements&) { return kEverything; }
FoldRule RuleOf(const ScatterNd&) { return kEverything; }
FoldRule RuleOf(const ScatterElements&) { return kEverything; }
FoldRule RuleOf(const LayerNorm&) { return kComposite; }
FoldRule RuleOf(const RmsNormAxes&) { return kComposite; }
FoldRule RuleOf(const SoftmaxAxis&) { return kComposite; }
FoldRule RuleOf(const MatMul&) { return kComposite; }
FoldRule RuleOf(const Attention&) { return kComposite; }
FoldRule RuleOf(const RotaryEmbedding&) { return kComposite; }
FoldRule RuleOf(const Einsum&) { return kComposite; }
FoldRule RuleOf(const Conv&) { return kComposite; }
FoldRule RuleOf(const FusedMatMul&) { return kComposite; }
template <typename OpType>
FoldRule RuleOf(const OpType&) {
  return {false, 0, 0};
}

FoldRule RuleOf(const Op& op) {
  return std::visit([](const auto& attributes) { return RuleOf(attributes); }, op);
}

// The graph input that keeps something from being known: by its data, or by its shape.
struct Cause {
  ValueId input = kNoValue;
  bool by_shape = false;
};

// For every value: why its data, and why its shape, is not known. One walk in topological order, so
// that the cost does not depend on how many nodes are left.
class Causes {
 public:
  explicit Causes(const Graph& graph)
      : graph_(graph), data_(graph.num_values()), shape_(graph.num_values()) {
    for (ValueId input : graph.inputs()) {
      data_[input] = {input, false};
      if (!IsStatic(input)) shape_[input] = {input, true};
    }
    for (NodeId id : graph.TopologicalOrder()) {
      const Node& node = graph.node(id);
      const FoldRule rule = RuleOf(node.op);
      const bool needs_shape = std::holds_alternative<ShapeOf>(node.op);
      Cause data, shape;
      for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
        const ValueId input = node.inputs[i];
        if (input == kNoValue) continue;
        data = Better(data, needs_shape ? shape_[input] : data_[input]);
        const bool parameter = rule.fold_only && !needs_shape && i >= rule.first && i < rule.last;
        shape = Better(shape, parameter ? data_[input] : shape_[input]);
      }
      for (ValueId output : node.outputs) {
        data_[output] = data;
        if (!IsStatic(output)) shape_[output] = shape;
      }
    }
  }

  // What keeps `node` in the graph: its parameters' data, else an operand's shape.
  Cause Of(const Node& node) const {
    const FoldRule rule = RuleOf(node.op);
    const bool needs_shape = std::holds_alternative<ShapeOf>(node.op);
    Cause data, shape;
    for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
      const ValueId input = node.inputs[i];
      if (input == kNoValue) continue;
      if (!needs_shape && i >= rule.first && i < rule.last) data = Better(data, data_[input]);
      shape = Better(shape, shape_[input]);
    }
    return data.input != kNoValue ? data : shape;
  }

  bool IsStatic(ValueId id) const { return graph_.value(id).type.shape.IsStatic(); }

 private:
  // Ids and masks rather than activations: those are what a user can bind.
  Cause Better(Cause a, Cause b) const {
    if (a.input == kNoValue) return b;
    if (b.input == kNoValue) return a;
    const auto is_float = [this](Cause cause) {
      return IsFloat(graph_.value(cause.input).type.dtype);
    };
    return is_float(a) && !is_float(b) ? b : a;
  }

  const Graph& graph_;
  std::vector<Cause> data_;
  std::vector<Cause> shape_;
};

std::string Advice(const Graph& graph, Cause cause) {
  const Value& input = graph.value(cause.input);
  if (cause.by_shape) {
    return absl::StrCat("the shape ", ShapeText(input.type.shape), " of graph input '", input.name,
                        "' is not known; set it: --shape ", input.name, "=D0,D1,...");
  }
  std::string text = absl::StrCat("it depends on graph input '", input.name, "'; bind it: --bind ",
                                  input.name, "=FILE.npy");
  if (!IsFloat(input.type.dtype)) {
    absl::StrAppend(&text, ", or for patch positions and their mask --grid HxW or --profile NAME");
  }
  return text;
}

}  // namespace

bool IsFoldOnly(const Op& op) { return RuleOf(op).fold_only; }

absl::Status VerifyStatic(const Graph& graph) {
  RETURN_IF_ERROR(VerifyGraph(graph));
  const Causes causes(graph);
  std::vector<std::string> problems;
  for (ValueId input : graph.inputs()) {
    if (!causes.IsStatic(input)) problems.push_back(Advice(graph, {input, true}));
  }
  for (NodeId id : graph.TopologicalOrder()) {
    const Node& node = graph.node(id);
    const bool fold_only = IsFoldOnly(node.op);
    const auto is_static = [&](ValueId value) {
      return value == kNoValue || causes.IsStatic(value);
    };
    // Where an operand's shape is not known, its own source is reported.
    const bool loses_shape = std::all_of(node.inputs.begin(), node.inputs.end(), is_static) &&
                             !std::all_of(node.outputs.begin(), node.outputs.end(), is_static);
    if (!fold_only && !loses_shape) continue;
    const Cause cause = causes.Of(node);
    const auto* foreign = std::get_if<Foreign>(&node.op);
    problems.push_back(absl::StrCat(
        Describe(graph, id), " (", foreign != nullptr ? foreign->code : OpName(node.op), "): ",
        cause.input != kNoValue ? Advice(graph, cause)
        : fold_only ? "it could not be replaced, although nothing that it needs is unknown"
                    : "the shape of its result is not known"));
  }
  if (problems.empty()) return absl::OkStatus();
  return Unsupported(problems.size(), problems.size() == 1 ? " part" : " parts",
                     " of the graph cannot be made static\n  ", absl::StrJoin(problems, "\n  "));
}

}  // namespace g4c::ir
