#include "passes/resolve_operands.h"

#include "ir/resolve.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::NodeId;
using ir::OptionalInts;
using ir::Shape;
using ir::ValueId;

// The operands of one node and how to rewrite it.
class Resolver {
 public:
  Resolver(Graph& graph, NodeId id) : graph_(graph), id_(id) {}

  absl::Status operator()(const ir::DynamicReshape& op) {
    const OptionalInts dims = IntsAt(1);
    if (!dims) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Shape shape, ir::ResolveReshape(X(), *dims, op.allow_zero));
    return BecomeReshape(shape);
  }

  absl::Status operator()(const ir::DynamicSqueeze&) {
    if (!KnownOrOmitted(1) || !X().has_rank()) return absl::OkStatus();
    const OptionalInts axes = IntsAt(1);
    if (!axes && !X().IsStatic()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Shape shape, ir::ResolveSqueeze(X(), axes));
    return BecomeReshape(shape);
  }

  absl::Status operator()(const ir::DynamicUnsqueeze&) {
    const OptionalInts axes = IntsAt(1);
    if (!axes || !X().has_rank()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Shape shape, ir::ResolveUnsqueeze(X(), *axes));
    return BecomeReshape(shape);
  }

  absl::Status operator()(const ir::DynamicExpand&) {
    const OptionalInts dims = IntsAt(1);
    if (!dims) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Shape shape, ir::ResolveExpand(X(), *dims));
    if (!shape.IsStatic()) return absl::OkStatus();
    return Become(ir::BroadcastTo{shape.dims()}, 1);
  }

  absl::Status operator()(const ir::DynamicSlice&) {
    const OptionalInts starts = IntsAt(1);
    const OptionalInts ends = IntsAt(2);
    if (!starts || !ends || !KnownOrOmitted(3) || !KnownOrOmitted(4) || !X().has_rank())
      return absl::OkStatus();
    ASSIGN_OR_RETURN(ir::Slice slice, ir::ResolveSlice(X(), *starts, *ends, IntsAt(3), IntsAt(4)));
    for (int64_t size : slice.size) {
      if (size == ir::kUnknownDim) return absl::OkStatus();
    }
    return Become(std::move(slice), 1);
  }

  absl::Status operator()(const ir::DynamicTile&) {
    const OptionalInts repeats = IntsAt(1);
    if (!repeats || !X().has_rank()) return absl::OkStatus();
    RETURN_IF_ERROR(ir::ResolveTile(X(), *repeats).status());
    return Become(ir::Tile{*repeats}, 1);
  }

  absl::Status operator()(const ir::DynamicPad& op) {
    const OptionalInts pads = IntsAt(1);
    if (!pads || !KnownOrOmitted(2) || !KnownOrOmitted(3) || !X().IsStatic())
      return absl::OkStatus();
    double value = 0;
    if (Has(2)) {
      const ir::Tensor& data = *graph_.value(Input(2)).constant;
      if (data.NumElements() != 1)
        return InvalidInput("its pad value has ", data.NumElements(), " elements, not 1");
      data.ReadDoubles(0, {&value, 1});
    }
    const Dims dims = X().dims();
    ASSIGN_OR_RETURN(ir::Padding padding, ir::ResolvePads(X().rank(), *pads, IntsAt(3)));
    ASSIGN_OR_RETURN(ir::Slice crop, ir::TakeCrop(dims, padding));
    if (crop.size != dims) RETURN_IF_ERROR(Insert(std::move(crop)));
    return Become(ir::Pad{padding.before, padding.after, op.mode, value}, 1);
  }

  absl::Status operator()(const ir::DynamicSplit& op) {
    if (!KnownOrOmitted(1) || !X().has_rank()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int axis, ir::NormalizeAxis(op.axis, X().rank()));
    const OptionalInts given = IntsAt(1);
    const int64_t dim = X().dim(axis);
    if (!given && dim == ir::kUnknownDim) return absl::OkStatus();
    const int pieces = static_cast<int>(graph_.node(id_).outputs.size());
    ASSIGN_OR_RETURN(Ints sizes, ir::ResolveSplit(dim, given, pieces));
    return Become(ir::Split{axis, std::move(sizes)}, 1);
  }

  absl::Status operator()(const ir::DynamicReduce& op) {
    if (!KnownOrOmitted(1) || !X().has_rank()) return absl::OkStatus();
    ASSIGN_OR_RETURN(Ints axes, ir::ResolveReduceAxes(op, X().rank(), IntsAt(1)));
    if (axes.empty()) return BecomeReshape(X());
    switch (op.kind) {
      case ir::ReduceKind::kSum:
        return Become(ir::ReduceSum{axes, op.keep_dims}, 1);
      case ir::ReduceKind::kMean:
        return Become(ir::ReduceMean{axes, op.keep_dims}, 1);
      case ir::ReduceKind::kMax:
        return Become(ir::ReduceMax{axes, op.keep_dims}, 1);
      case ir::ReduceKind::kMin:
        return Become(ir::ReduceMin{axes, op.keep_dims}, 1);
      case ir::ReduceKind::kProd:
        return Become(ir::ReduceProd{axes, op.keep_dims}, 1);
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const ir::SplitItem& op) {
    if (!KnownOrOmitted(1) || !graph_.IsConstant(Input(2)) || !X().IsStatic())
      return absl::OkStatus();
    const Dims dims = X().dims();
    const ir::Tensor* split = Has(1) ? &*graph_.value(Input(1)).constant : nullptr;
    ASSIGN_OR_RETURN(const int64_t index, ir::IntScalarOf(*graph_.value(Input(2)).constant));
    ASSIGN_OR_RETURN(const ir::SplitPiece piece, ir::ResolveSplitItem(op, dims, split, index));
    ir::Slice slice{Ints(dims.size(), 0), dims, Ints(dims.size(), 1)};
    slice.begin[piece.axis] = piece.begin;
    slice.size[piece.axis] = piece.size;
    if (!piece.drop_axis) return Become(std::move(slice), 1);
    Dims kept = slice.size;
    kept.erase(kept.begin() + piece.axis);
    RETURN_IF_ERROR(Insert(std::move(slice)));
    return Become(ir::Reshape{kept}, 1);
  }

  // Every other operator is static already, or is evaluated or refused as it is.
  template <typename OpType>
  absl::Status operator()(const OpType&) {
    return absl::OkStatus();
  }

  ResolvedNode result;

 private:
  ValueId Input(int i) const { return graph_.node(id_).inputs[i]; }
  bool Has(int i) const {
    return i < static_cast<int>(graph_.node(id_).inputs.size()) && Input(i) != ir::kNoValue;
  }
  bool KnownOrOmitted(int i) const { return !Has(i) || graph_.IsConstant(Input(i)); }
  const Shape& X() const { return graph_.value(Input(0)).type.shape; }
  OptionalInts IntsAt(int i) const {
    if (!Has(i) || !graph_.IsConstant(Input(i))) return absl::nullopt;
    return ir::IntsOf(&*graph_.value(Input(i)).constant);
  }

  absl::Status BecomeReshape(const Shape& shape) {
    if (!shape.IsStatic()) return absl::OkStatus();
    return Become(ir::Reshape{shape.dims()}, 1);
  }

  absl::Status Become(ir::Op op, int operands) {
    std::vector<ValueId> inputs = graph_.node(id_).inputs;
    inputs.resize(operands);
    graph_.SetOp(id_, std::move(op));
    graph_.SetOperands(id_, std::move(inputs));
    result.changed = true;
    return absl::OkStatus();
  }

  // Adds `op` on the first operand, and lets the node read its result.
  absl::Status Insert(ir::Op op) {
    const std::string name = graph_.value(Input(0)).name;
    const ir::Provenance provenance = graph_.node(id_).provenance;
    ASSIGN_OR_RETURN(const ValueId value,
                     graph_.AddInferred(std::move(op), {Input(0)}, name, provenance));
    graph_.SetOperand(id_, 0, value);
    result.added.push_back(graph_.value(value).producer);
    return absl::OkStatus();
  }

  Graph& graph_;
  NodeId id_;
};

}  // namespace

absl::StatusOr<ResolvedNode> ResolveOperands(Graph& graph, NodeId node) {
  const ir::Op op = graph.node(node).op;
  Resolver resolver(graph, node);
  RETURN_IF_ERROR(std::visit([&](const auto& concrete) { return resolver(concrete); }, op));
  return std::move(resolver.result);
}

}  // namespace g4c::passes
