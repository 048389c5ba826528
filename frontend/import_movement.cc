// Operators that move data, make it, or ask for shapes.
#include <algorithm>

#include "frontend/op_registry.h"

namespace g4c::frontend {

absl::Status ImportReshape(NodeContext& node) {
  return node.Return(ir::DynamicReshape{node.Int("allowzero", 0) != 0}, node.Inputs(2));
}

// [d0, ..., dn] -> [d0 * ... * d(axis-1), daxis * ... * dn]: the first factor is a product of dims,
// the second -1, or the other way round where the first is 1.
absl::Status ImportFlatten(NodeContext& node) {
  const int64_t axis = node.Int("axis", 1);
  const ir::Shape& shape = node.TypeOf(node.Input(0)).shape;
  if (!shape.has_rank())
    return Unsupported(
        "Flatten of a value of unknown rank; run shape inference on the model first");
  const int64_t rank = shape.rank();
  if (axis < -rank || axis > rank) return InvalidInput("axis ", axis, " is outside of rank ", rank);
  const int64_t split = axis < 0 ? axis + rank : axis;
  const auto product = [&](int64_t begin, int64_t end) -> absl::StatusOr<ir::ValueId> {
    ASSIGN_OR_RETURN(const ir::ValueId dims, node.Emit(ir::ShapeOf{begin, end}, {node.Input(0)}));
    const ir::ValueId axes = node.graph().AddConstant("axes", ir::Tensor::I64({0}));
    return node.Emit(ir::DynamicReduce{ir::ReduceKind::kProd, true, false}, {dims, axes});
  };
  ASSIGN_OR_RETURN(const ir::ValueId rows, product(0, split));
  ASSIGN_OR_RETURN(const ir::ValueId columns, product(split, rank));
  ASSIGN_OR_RETURN(const ir::ValueId target, node.Emit(ir::Concat{0}, {rows, columns}));
  return node.Return(ir::DynamicReshape{true}, {node.Input(0), target});
}

absl::Status ImportTranspose(NodeContext& node) {
  std::vector<int64_t> perm = node.Ints("perm");
  if (node.Attribute("perm") == nullptr) {
    const ir::Shape& shape = node.TypeOf(node.Input(0)).shape;
    if (!shape.has_rank()) {
      return Unsupported(
          "Transpose without perm of a value of unknown rank; run shape inference on the model "
          "first");
    }
    for (int i = shape.rank() - 1; i >= 0; --i) perm.push_back(i);
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
absl::Status ImportRange(NodeContext& node) { return node.Return(ir::Range{}, node.Inputs(3)); }
absl::Status ImportNonZero(NodeContext& node) { return node.Return(ir::NonZero{}, node.Inputs(1)); }

absl::Status ImportConcat(NodeContext& node) {
  return node.Return(ir::Concat{node.Int("axis", 0)}, node.Inputs(node.num_inputs()));
}

absl::Status ImportSplit(NodeContext& node) {
  const ir::DynamicSplit op{node.Int("axis", 0)};
  if (node.opset() >= 18) {
    const int64_t count = node.Int("num_outputs", node.num_outputs());
    if (count != node.num_outputs()) {
      return InvalidInput("num_outputs is ", count, ", but the node has ", node.num_outputs());
    }
  }
  return node.ReturnAll(op, node.Inputs(2));
}

absl::Status ImportPad(NodeContext& node) {
  const std::string mode = node.String("mode", "constant");
  const auto names = ir::EnumNames(ir::PadMode{});
  const auto it = std::find(names.begin(), names.end(), mode);
  if (it == names.end())
    return InvalidInput("mode '", mode, "' is none of constant, reflect, edge, wrap");
  return node.Return(ir::DynamicPad{static_cast<ir::PadMode>(it - names.begin())}, node.Inputs(4));
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

namespace {

absl::StatusOr<ir::ScatterKind> ReductionOf(NodeContext& node) {
  const std::string reduction = node.String("reduction", "none");
  const auto names = ir::EnumNames(ir::ScatterKind{});
  const auto it = std::find(names.begin(), names.end(), reduction);
  if (it == names.end())
    return InvalidInput("reduction '", reduction, "' is none of none, add, mul, max, min");
  return static_cast<ir::ScatterKind>(it - names.begin());
}

}  // namespace

absl::Status ImportScatterNd(NodeContext& node) {
  ASSIGN_OR_RETURN(const ir::ScatterKind kind, ReductionOf(node));
  return node.Return(ir::ScatterNd{kind}, node.Inputs(3));
}
absl::Status ImportScatterElements(NodeContext& node) {
  ASSIGN_OR_RETURN(const ir::ScatterKind kind, ReductionOf(node));
  return node.Return(ir::ScatterElements{node.Int("axis", 0), kind}, node.Inputs(3));
}

absl::Status ImportTrilu(NodeContext& node) {
  return node.Return(ir::Trilu{node.Int("upper", 1) != 0}, node.Inputs(2));
}

absl::Status ImportOneHot(NodeContext& node) {
  return node.Return(ir::OneHot{node.Int("axis", -1)}, node.Inputs(3));
}

absl::Status ImportShape(NodeContext& node) {
  ir::ShapeOf op;
  op.start = node.Int("start", 0);
  if (const auto* end = node.Attribute("end")) op.end = end->i();
  return node.Return(op, {node.Input(0)});
}

absl::Status ImportSize(NodeContext& node) {
  ASSIGN_OR_RETURN(const ir::ValueId dims, node.Emit(ir::ShapeOf{}, {node.Input(0)}));
  const ir::ValueId axes = node.graph().AddConstant("axes", ir::Tensor::I64({0}));
  return node.Return(ir::DynamicReduce{ir::ReduceKind::kProd, false, false}, {dims, axes});
}

absl::Status ImportConstant(NodeContext& node) {
  const auto forward = [&](ir::Tensor tensor) {
    const ir::Type type{LogicalDType(tensor.dtype()), ir::Shape(tensor.dims())};
    return node.Forward(node.graph().AddConstant(node.node().output(0), type, std::move(tensor)));
  };
  if (const auto* value = node.Attribute("value")) {
    ASSIGN_OR_RETURN(ir::Tensor tensor, node.tensors().Import(value->t()));
    return forward(std::move(tensor));
  }
  if (const auto* value = node.Attribute("value_float"))
    return forward(ir::Tensor::ScalarF32(value->f()));
  if (const auto* value = node.Attribute("value_int"))
    return forward(ir::Tensor::ScalarI64(value->i()));
  if (const auto* value = node.Attribute("value_floats")) {
    const std::vector<float> list(value->floats().begin(), value->floats().end());
    return forward(
        ir::Tensor::Of<float>(ir::DType::kF32, {static_cast<int64_t>(list.size())}, list));
  }
  if (const auto* value = node.Attribute("value_ints")) {
    return forward(
        ir::Tensor::I64(std::vector<int64_t>(value->ints().begin(), value->ints().end())));
  }
  for (const char* name : {"value_string", "value_strings", "sparse_value"}) {
    if (node.Attribute(name) != nullptr) return Unsupported("a Constant with a ", name);
  }
  return InvalidInput("a Constant without a value");
}

absl::Status ImportConstantOfShape(NodeContext& node) {
  ir::ValueId value = node.Scalar(0);
  if (const auto* attribute = node.Attribute("value")) {
    ASSIGN_OR_RETURN(ir::Tensor tensor, node.tensors().Import(attribute->t()));
    if (tensor.NumElements() != 1)
      return InvalidInput("its value has ", tensor.NumElements(), " elements");
    tensor = tensor.Reshaped({});
    const ir::Type type{LogicalDType(tensor.dtype()), ir::Shape(ir::Dims{})};
    value = node.graph().AddConstant(absl::StrCat(node.node().output(0), "_value"), type,
                                     std::move(tensor));
  }
  return node.Return(ir::DynamicExpand{}, {value, node.Input(0)});
}

}  // namespace g4c::frontend
