#include "passes/group_heads.h"

#include "passes/matchers.h"
#include "passes/rewrite_builder.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::ValueId;

// value[.., h, ..] = x[.., h / group, ..] along `axis`, up to a reshape of x.
struct Repeat {
  ValueId x;
  int axis;
  int64_t group;
};

bool SameNumbers(const Graph& graph, ValueId value, ValueId operand) {
  const ir::Quantization& own = graph.value(value).quantization;
  return !ir::HasQparams(own) || own == graph.value(operand).quantization;
}

// reshape(broadcast_to(x)), where the broadcast axis is joined to the one before it.
absl::optional<Repeat> BroadcastRepeat(const Graph& graph, ValueId value) {
  const ValueId wide = OperandOf<ir::Reshape>(graph, value);
  if (wide == ir::kNoValue) return absl::nullopt;
  const ValueId x = OperandOf<ir::BroadcastTo>(graph, wide);
  if (x == ir::kNoValue || !SameNumbers(graph, value, wide) || !SameNumbers(graph, wide, x))
    return absl::nullopt;
  const Dims& from = DimsOf(graph, x);
  const Dims& to = DimsOf(graph, wide);
  if (from.size() != to.size()) return absl::nullopt;
  // Axes of 1 say nothing: of the others, the copied one is joined to the one before it, or stands
  // alone where one head is copied for all.
  Dims wide_dims;
  int copied = -1;
  for (size_t i = 0; i < to.size(); ++i) {
    if (from[i] != to[i]) {
      if (copied >= 0) return absl::nullopt;
      copied = static_cast<int>(wide_dims.size());
    }
    if (to[i] != 1) wide_dims.push_back(to[i]);
  }
  if (copied < 0) return absl::nullopt;
  const Dims& dims = DimsOf(graph, value);
  Dims own_dims;
  std::vector<int> axes;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    own_dims.push_back(dims[i]);
    axes.push_back(static_cast<int>(i));
  }
  const int64_t group = wide_dims[copied];
  if (own_dims == wide_dims) return Repeat{x, axes[copied], group};
  if (copied == 0) return absl::nullopt;
  wide_dims.erase(wide_dims.begin() + copied);
  wide_dims[copied - 1] *= group;
  if (own_dims != wide_dims) return absl::nullopt;
  return Repeat{x, axes[copied - 1], group};
}

absl::optional<Repeat> GatherRepeat(const Graph& graph, ValueId value) {
  const auto* gather = graph.ProducedBy<ir::Gather>(value);
  if (gather == nullptr) return absl::nullopt;
  const ValueId x = graph.Producer(value)->inputs[0];
  const ValueId indices = graph.Producer(value)->inputs[1];
  if (!graph.IsConstant(indices) || DimsOf(graph, indices).size() != 1 ||
      !SameNumbers(graph, value, x))
    return absl::nullopt;
  const Ints heads = graph.value(indices).constant->Ints();
  const int axis = static_cast<int>(gather->axis);
  const int64_t count = DimsOf(graph, x)[axis];
  if (count == 0 || heads.empty() || heads.size() % count != 0) return absl::nullopt;
  const int64_t group = static_cast<int64_t>(heads.size()) / count;
  for (size_t i = 0; i < heads.size(); ++i) {
    if (heads[i] != static_cast<int64_t>(i) / group) return absl::nullopt;
  }
  return Repeat{x, axis, group};
}

class Grouper {
 public:
  explicit Grouper(Graph& graph) : graph_(graph) {}

  absl::StatusOr<bool> GroupAt(NodeId id) {
    if (!std::holds_alternative<ir::BatchMatMul>(graph_.node(id).op)) return false;
    for (int side = 0; side < 2; ++side) {
      ValueId operand = graph_.node(id).inputs[side];
      Ints perm;
      if (const auto* transpose = graph_.ProducedBy<ir::Transpose>(operand)) {
        const ValueId inner = graph_.Producer(operand)->inputs[0];
        if (SameNumbers(graph_, operand, inner)) {
          perm = transpose->perm;
          operand = inner;
        }
      }
      absl::optional<Repeat> repeat = BroadcastRepeat(graph_, operand);
      if (!repeat) repeat = GatherRepeat(graph_, operand);
      if (!repeat || repeat->group == 1) continue;
      // The heads' axis of the product, and the shared heads in its layout.
      Dims shared = DimsOf(graph_, operand);
      shared[repeat->axis] /= repeat->group;
      int axis = repeat->axis;
      if (!perm.empty()) {
        for (size_t i = 0; i < perm.size(); ++i) {
          if (perm[i] == repeat->axis) axis = static_cast<int>(i);
        }
      }
      if (axis != static_cast<int>(shared.size()) - 3) continue;
      if (DimsOf(graph_, graph_.node(id).inputs[1 - side]).size() != shared.size() ||
          DimsOf(graph_, graph_.node(id).inputs[1 - side])[axis] !=
              shared[repeat->axis] * repeat->group)
        continue;
      RETURN_IF_ERROR(Rewrite(id, side, *repeat, shared, perm, axis));
      return true;
    }
    return false;
  }

 private:
  absl::Status Rewrite(NodeId id, int side, const Repeat& repeat, const Dims& shared_dims,
                       const Ints& perm, int axis) {
    const ValueId y = graph_.node(id).outputs[0];
    const ir::BatchMatMul op = std::get<ir::BatchMatMul>(graph_.node(id).op);
    const ValueId other = graph_.node(id).inputs[1 - side];
    RewriteBuilder build(graph_, y);
    ValueId shared = build.Reshape(repeat.x, shared_dims);
    if (!perm.empty()) shared = build.Transpose(shared, perm);
    RETURN_IF_ERROR(build.status());
    Inherit(shared, repeat.x);
    const int64_t heads = DimsOf(graph_, shared)[axis];
    std::vector<ValueId> operands(2);
    if (heads == 1) {
      operands[side] = shared;
      operands[1 - side] = other;
      Become(graph_, y, op, std::move(operands));
      return absl::OkStatus();
    }
    operands[side] = build.Reshape(shared, Grouped(DimsOf(graph_, shared), axis, heads, 1));
    operands[1 - side] =
        build.Reshape(other, Grouped(DimsOf(graph_, other), axis, heads, repeat.group));
    RETURN_IF_ERROR(build.status());
    Inherit(operands[side], repeat.x);
    Inherit(operands[1 - side], other);
    const ValueId grouped = build.Add(op, operands);
    RETURN_IF_ERROR(build.status());
    graph_.SetQuantization(grouped, graph_.value(y).quantization, graph_.value(y).quant_origin);
    Become(graph_, y, ir::Reshape{DimsOf(graph_, y)}, {grouped});
    return absl::OkStatus();
  }

  void Inherit(ValueId moved, ValueId from) {
    graph_.SetQuantization(moved, graph_.value(from).quantization, graph_.value(from).quant_origin);
  }

  // `axis` as [heads, group]; what is before it goes where it is all 1.
  static Dims Grouped(const Dims& dims, int axis, int64_t heads, int64_t group) {
    Dims grouped(dims.begin(), dims.begin() + axis);
    if (ir::NumElements(grouped) == 1) grouped.clear();
    grouped.push_back(heads);
    grouped.push_back(group);
    grouped.insert(grouped.end(), dims.begin() + axis + 1, dims.end());
    return grouped;
  }

  Graph& graph_;
};

}  // namespace

absl::StatusOr<bool> GroupHeads::Run(Graph& graph, Report& report) {
  Grouper grouper(graph);
  int grouped = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    absl::StatusOr<bool> done = grouper.GroupAt(id);
    if (!done.ok()) return Prefixed(done.status(), absl::StrCat(ir::Describe(graph, id), ": "));
    grouped += *done;
  }
  report.Count(name(), grouped);
  if (grouped > 0) graph.EraseDead();
  return grouped > 0;
}

}  // namespace g4c::passes
