// Operators that move data: layouts, pieces, indices.
#include <algorithm>

#include "absl/strings/str_join.h"
#include "frontend/op_registry.h"

namespace g4c::frontend {
namespace {

absl::StatusOr<int> RankOf(NodeContext& node, int input) {
  const ir::Shape& shape = node.TypeOf(node.Input(input)).shape;
  if (shape.has_rank()) return shape.rank();
  return Unsupported("the rank of its operand is not known; run onnx.shape_inference on the model");
}

// The value of an enum whose ir names are those of ONNX.
template <typename Enum>
absl::StatusOr<Enum> EnumAttribute(NodeContext& node, const std::string& name,
                                   const std::string& default_value) {
  const std::string text = node.String(name, default_value);
  const auto names = ir::EnumNames(Enum{});
  const auto it = std::find(names.begin(), names.end(), text);
  if (it == names.end()) {
    return InvalidInput(name, " is '", text, "', none of ", absl::StrJoin(names, ", "));
  }
  return static_cast<Enum>(it - names.begin());
}

}  // namespace

absl::Status ImportReshape(NodeContext& node) {
  return node.Return(ir::DynamicReshape{node.Flag("allowzero", false)}, node.Inputs(2));
}

// [d0, ..., dn] -> [d0 * ... * d(axis-1), daxis * ... * dn]
absl::Status ImportFlatten(NodeContext& node) {
  const int64_t axis = node.Int("axis", 1);
  ASSIGN_OR_RETURN(const int rank, RankOf(node, 0));
  if (axis < -rank || axis > rank) return InvalidInput("axis ", axis, " is outside of rank ", rank);
  const int64_t split = axis < 0 ? axis + rank : axis;
  const auto product = [&](int64_t begin, int64_t end) -> absl::StatusOr<ir::ValueId> {
    ASSIGN_OR_RETURN(const ir::ValueId dims, node.Emit(ir::ShapeOf{begin, end}, {node.Input(0)}));
    return node.Emit(ir::DynamicReduce{ir::ReduceKind::kProd, true, false},
                     {dims, node.IntList({0})});
  };
  ASSIGN_OR_RETURN(const ir::ValueId rows, product(0, split));
  ASSIGN_OR_RETURN(const ir::ValueId columns, product(split, rank));
  ASSIGN_OR_RETURN(const ir::ValueId target, node.Emit(ir::Concat{0}, {rows, columns}));
  return node.Return(ir::DynamicReshape{true}, {node.Input(0), target});
}

absl::Status ImportTranspose(NodeContext& node) {
  std::vector<int64_t> perm = node.Ints("perm");
  if (perm.empty()) {
    ASSIGN_OR_RETURN(const int rank, RankOf(node, 0));
    for (int i = rank - 1; i >= 0; --i) perm.push_back(i);
  }
  return node.Return(ir::Transpose{std::move(perm)}, {node.Input(0)});
}

absl::Status ImportSqueeze(NodeContext& node) {
  return node.Return(ir::DynamicSqueeze{}, node.Inputs(2));
}
absl::Status ImportUnsqueeze(NodeContext& node) {
  return node.Return(ir::DynamicUnsqueeze{}, node.Inputs(2));
}
absl::Status ImportExpand(NodeContext& node) {
  return node.Return(ir::DynamicExpand{}, node.Inputs(2));
}
absl::Status ImportTile(NodeContext& node) {
  return node.Return(ir::DynamicTile{}, node.Inputs(2));
}
absl::Status ImportSlice(NodeContext& node) {
  return node.Return(ir::DynamicSlice{}, node.Inputs(5));
}

absl::Status ImportConcat(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t axis, node.RequiredInt("axis"));
  return node.Return(ir::Concat{axis}, node.AllInputs());
}

// Without sizes: as many equal pieces as there are results; from opset 18 on, where num_outputs
// says so, the last one may be smaller.
absl::Status ImportSplit(NodeContext& node) {
  const ir::DynamicSplit op{node.Int("axis", 0)};
  if (node.opset() >= 18) {
    const int64_t count = node.Int("num_outputs", node.num_outputs());
    if (count != node.num_outputs()) {
      return InvalidInput("num_outputs is ", count, ", but it has ", node.num_outputs(),
                          " results");
    }
  }
  return node.ReturnAll(op, node.Inputs(2));
}

// (x, pads, value, axes); axes exist since opset 18.
absl::Status ImportPad(NodeContext& node) {
  ASSIGN_OR_RETURN(const ir::PadMode mode, EnumAttribute<ir::PadMode>(node, "mode", "constant"));
  if (mode == ir::PadMode::kWrap && node.opset() < 19) {
    return InvalidInput("mode 'wrap' exists since opset 19");
  }
  return node.Return(ir::DynamicPad{mode}, node.Inputs(node.opset() >= 18 ? 4 : 3));
}

absl::Status ImportGather(NodeContext& node) {
  return node.Return(ir::Gather{node.Int("axis", 0)}, node.Inputs(2));
}
absl::Status ImportGatherElements(NodeContext& node) {
  return node.Return(ir::GatherElements{node.Int("axis", 0)}, node.Inputs(2));
}
absl::Status ImportGatherNd(NodeContext& node) {
  return node.Return(ir::GatherNd{node.Int("batch_dims", 0)}, node.Inputs(2));
}

absl::Status ImportScatterNd(NodeContext& node) {
  ASSIGN_OR_RETURN(const auto kind, EnumAttribute<ir::ScatterKind>(node, "reduction", "none"));
  return node.Return(ir::ScatterNd{kind}, node.Inputs(3));
}
absl::Status ImportScatterElements(NodeContext& node) {
  ASSIGN_OR_RETURN(const auto kind, EnumAttribute<ir::ScatterKind>(node, "reduction", "none"));
  return node.Return(ir::ScatterElements{node.Int("axis", 0), kind}, node.Inputs(3));
}

absl::Status ImportTrilu(NodeContext& node) {
  return node.Return(ir::Trilu{node.Flag("upper", true)}, node.Inputs(2));
}

}  // namespace g4c::frontend
