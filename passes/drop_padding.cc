#include "passes/drop_padding.h"

#include <algorithm>

#include "base/status.h"
#include "ir/shape_inference.h"
#include "passes/constants.h"
#include "passes/padding_zeros.h"
#include "quantization/valid_rows.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;
using quantization::MaskedLogits;
using quantization::ValidRows;

bool Contains(const std::vector<int>& axes, int64_t axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

class Dropper {
 public:
  Dropper(Graph& graph, const ValidRows& rows, int64_t patches, PatchRun kept)
      : graph_(graph),
        rows_(rows),
        zeros_(graph, rows, kept),
        patches_(patches),
        kept_(kept),
        num_values_(graph.num_values()) {}

  absl::Status Run(bool shorten_io);

 private:
  const std::vector<int>& Axes(ValueId id) const { return rows_.PatchAxes(id); }
  int Rank(ValueId id) const { return graph_.value(id).type.shape.rank(); }
  // An extent that each patch axis has now, and that it will have.
  Dims Shortened(ValueId id, Dims dims) const {
    for (int axis : Axes(id)) dims[axis] = kept_.end - kept_.begin;
    return dims;
  }
  ir::Type ShortenedType(ValueId id) const {
    const ir::Type& type = graph_.value(id).type;
    return {type.dtype, ir::Shape(Shortened(id, type.shape.dims()))};
  }
  // The slice of valid patches of a value that still has all of them.
  ir::Slice ValidSlice(ValueId id) const;

  // Empty where a node can do with valid patches only; else why not.
  std::string Obstacle(const ir::Node& node) const;
  std::string ContractionObstacle(ValueId x, int axis_x, ValueId y, int axis_y) const;

  void ShortenConstant(ValueId id);
  absl::Status ShortenNode(NodeId id);
  void SliceInput(ValueId input);
  void PadOutputs();
  void DropEmptyMasks(const std::vector<MaskedLogits>& masks);

  Graph& graph_;
  const ValidRows& rows_;
  const PaddingZeros zeros_;
  const int64_t patches_;
  const PatchRun kept_;
  const int num_values_;  // before anything was added: what rows_ knows
};

ir::Slice Dropper::ValidSlice(ValueId id) const {
  ir::Slice slice;
  slice.begin.assign(Rank(id), 0);
  slice.size = graph_.value(id).type.shape.dims();
  slice.stride.assign(Rank(id), 1);
  for (int axis : Axes(id)) {
    slice.begin[axis] = kept_.begin;
    slice.size[axis] = kept_.end - kept_.begin;
  }
  return slice;
}

std::string Dropper::ContractionObstacle(ValueId x, int axis_x, ValueId y, int axis_y) const {
  const bool over_patches = Contains(Axes(x), axis_x) || Contains(Axes(y), axis_y);
  if (!over_patches) return "";
  // One side alone has no patches to drop: the shapes would not fit.
  if (!Contains(Axes(x), axis_x) || !Contains(Axes(y), axis_y))
    return "it sums over patches and something else";
  if (zeros_.IsZero(x, axis_x) || zeros_.IsZero(y, axis_y)) return "";
  return "it sums over patches, and neither operand is known to be zero at padded ones";
}

std::string Dropper::Obstacle(const ir::Node& node) const {
  const ValueId x = node.inputs.empty() ? ir::kNoValue : node.inputs[0];
  if (x == ir::kNoValue) return "";
  const std::vector<int>& axes = Axes(x);
  const bool last = Contains(axes, Rank(x) - 1);
  if (const auto* product = std::get_if<ir::BatchMatMul>(&node.op)) {
    const ValueId y = node.inputs[1];
    return ContractionObstacle(x, Rank(x) - (product->adj_x ? 2 : 1), y,
                               Rank(y) - (product->adj_y ? 1 : 2));
  }
  if (std::holds_alternative<ir::FullyConnected>(node.op))
    return ContractionObstacle(x, Rank(x) - 1, node.inputs[1], 1);
  if (std::holds_alternative<ir::Softmax>(node.op)) {
    // A mask makes the padded keys' weights zero.
    return last && !zeros_.IsZero(node.outputs[0], Rank(x) - 1)
               ? "it takes padded patches into account: no mask hides them here"
               : "";
  }
  if (std::holds_alternative<ir::RmsNorm>(node.op) || std::holds_alternative<ir::L2Norm>(node.op))
    return last ? "it normalises over patches" : "";
  if (const auto* sum = std::get_if<ir::ReduceSum>(&node.op)) {
    for (int axis : axes) {
      if (Contains({sum->axes.begin(), sum->axes.end()}, axis) && !zeros_.IsZero(x, axis))
        return "it sums over patches that are not known to be zero where padded";
    }
    return "";
  }
  if (const auto* slice = std::get_if<ir::Slice>(&node.op)) {
    for (int axis : axes) {
      if (slice->begin[axis] != 0 || slice->stride[axis] != 1 || slice->size[axis] != patches_)
        return "it picks some patches";
    }
    return "";
  }
  if (const auto* gather = std::get_if<ir::Gather>(&node.op))
    return Contains(axes, gather->axis) ? "it picks some patches" : "";
  if (std::holds_alternative<ir::GatherNd>(node.op))
    return axes.empty() ? "" : "it picks some patches";
  if (std::holds_alternative<ir::Foreign>(node.op))
    return axes.empty() ? "" : "what it computes is not known";
  return std::visit(
      [&](const auto& op) -> std::string {
        if constexpr (requires {
                        op.axes;
                        op.keep_dims;
                      }) {
          for (int64_t axis : op.axes) {
            if (Contains(axes, axis)) return "it reduces over patches, padded ones among them";
          }
        }
        return "";
      },
      node.op);
}

void Dropper::ShortenConstant(ValueId id) {
  const ir::Value& value = graph_.value(id);
  const ir::Slice slice = ValidSlice(id);
  const ir::Type type = ShortenedType(id);
  ir::Tensor data = *value.constant;
  for (int axis : Axes(id)) data = data.Sliced(axis, kept_.begin, kept_.end - kept_.begin);
  // The rule for slices always gives qparams.
  const ir::Quantization quantization = *MovedQuantization(
      ir::Op(slice), value.quantization, value.type.shape.dims(), type.shape.dims(), /*result=*/0);
  graph_.SetQuantization(id, quantization, value.quant_origin);
  graph_.SetType(id, type);
  graph_.SetConstant(id, std::move(data));
}

absl::Status Dropper::ShortenNode(NodeId id) {
  const ir::Node& node = graph_.node(id);
  const ValueId result = node.outputs[0];
  ir::Op op = node.op;
  if (auto* reshape = std::get_if<ir::Reshape>(&op)) {
    reshape->shape = Shortened(result, std::move(reshape->shape));
  } else if (auto* broadcast = std::get_if<ir::BroadcastTo>(&op)) {
    broadcast->shape = Shortened(result, std::move(broadcast->shape));
  } else if (auto* slice = std::get_if<ir::Slice>(&op)) {
    slice->size = Shortened(result, std::move(slice->size));
  }
  if (op != node.op) graph_.SetOp(id, op);
  const auto refuse = [&](absl::string_view why) {
    return Unsupported("padding cannot be dropped at ", ir::Describe(graph_, id), ": ", why,
                       "; export without --drop-padding");
  };
  const absl::StatusOr<std::vector<ir::Type>> inferred =
      ir::InferNode(graph_, op, node.inputs, static_cast<int>(node.outputs.size()));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ir::Type wanted = ShortenedType(node.outputs[i]);
    if (!inferred.ok() || (*inferred)[i] != wanted)
      return refuse("its form depends on the number of patches");
    graph_.SetType(node.outputs[i], wanted);
  }
  return absl::OkStatus();
}

void Dropper::SliceInput(ValueId input) {
  const std::vector<ir::Use> uses = graph_.Uses(input);
  if (uses.empty()) return;
  const ir::Value value = graph_.value(input);
  const NodeId slice =
      graph_.AddNode(ValidSlice(input), {input}, {absl::StrCat(value.name, "_valid")},
                     {ShortenedType(input)}, graph_.node(uses[0].node).provenance);
  const ValueId valid = graph_.node(slice).outputs[0];
  graph_.SetQuantization(valid, value.quantization, value.quant_origin);
  for (const ir::Use& use : uses) graph_.SetOperand(use.node, use.operand, valid);
}

void Dropper::PadOutputs() {
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ir::GraphOutput output = graph_.outputs()[i];
    const ir::Node* producer = graph_.Producer(output.value);
    if (producer == nullptr || Axes(output.value).empty()) continue;
    const ir::Value value = graph_.value(output.value);
    ir::Pad pad;
    pad.before.assign(Rank(output.value), 0);
    pad.after = pad.before;
    Dims dims = value.type.shape.dims();
    for (int axis : Axes(output.value)) {
      pad.before[axis] = kept_.begin;
      pad.after[axis] = patches_ - kept_.end;
      dims[axis] = patches_;
    }
    const ir::Provenance provenance = producer->provenance;
    const NodeId node =
        graph_.AddNode(std::move(pad), {output.value}, {absl::StrCat(value.name, "_padded")},
                       {ir::Type{value.type.dtype, ir::Shape(dims)}}, provenance);
    const ValueId padded = graph_.node(node).outputs[0];
    graph_.SetQuantization(padded, value.quantization, value.quant_origin);
    graph_.SetOutput(static_cast<int>(i), padded);
    // The file's output is called as before.
    graph_.SwapNames(padded, output.value);
  }
}

void Dropper::DropEmptyMasks(const std::vector<MaskedLogits>& masks) {
  for (const MaskedLogits& masked : masks) {
    const absl::optional<float> left = UniformFloat(graph_, masked.mask);
    if (!left || *left != 0 || graph_.IsOutput(masked.sum)) continue;
    for (const ir::Use& use : std::vector<ir::Use>(graph_.Uses(masked.sum)))
      graph_.SetOperand(use.node, use.operand, masked.logits);
  }
}

absl::Status Dropper::Run(bool shorten_io) {
  const std::vector<NodeId> order = graph_.TopologicalOrder();
  const std::vector<MaskedLogits> masks = quantization::FindMaskedLogits(graph_);
  std::string obstacles;
  for (NodeId id : order) {
    const std::string obstacle = Obstacle(graph_.node(id));
    if (!obstacle.empty())
      absl::StrAppend(&obstacles, "\n  ", ir::Describe(graph_, id), ": ", obstacle);
  }
  if (!obstacles.empty()) {
    return Unsupported("padding cannot be dropped; export without --drop-padding:", obstacles);
  }
  for (ValueId input : std::vector<ValueId>(graph_.inputs())) {
    if (Axes(input).empty()) continue;
    if (shorten_io) {
      graph_.SetType(input, ShortenedType(input));
    } else {
      SliceInput(input);
    }
  }
  for (ValueId id = 0; id < num_values_; ++id) {
    if (graph_.IsConstant(id) && !Axes(id).empty()) ShortenConstant(id);
  }
  for (NodeId id : order) RETURN_IF_ERROR(ShortenNode(id));
  if (!shorten_io) PadOutputs();
  DropEmptyMasks(masks);
  graph_.EraseDead();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<bool> DropPadding::Run(Graph& graph, Report& report) {
  ASSIGN_OR_RETURN(const ValidRows rows, ValidRows::Find(graph));
  const std::vector<bool> valid = rows.ValidInAnyBatch();
  const auto first = std::find(valid.begin(), valid.end(), true);
  const auto end = std::find(first, valid.end(), false);
  if (end == valid.end() && first == valid.begin()) {
    report.Note("drop-padding: no patch is padding in every row of the batch");
    return false;
  }
  if (first == valid.end() || std::find(end, valid.end(), true) != valid.end()) {
    return Unsupported(
        "padding cannot be dropped: the valid patches are not one run; export "
        "without --drop-padding");
  }
  const PatchRun kept{first - valid.begin(), end - valid.begin()};
  const int64_t patches = static_cast<int64_t>(valid.size());
  RETURN_IF_ERROR(Dropper(graph, rows, patches, kept).Run(shorten_io_));
  report.Note(absl::StrCat("drop-padding: patches ", kept.begin, " to ", kept.end - 1, " of ",
                           patches, " are computed, ", patches - (kept.end - kept.begin),
                           " padded ones are not"));
  report.Count(name());
  return true;
}

}  // namespace g4c::passes
