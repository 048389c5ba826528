// Operators that make data: constants, shapes, indices.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "frontend/op_registry.h"

namespace g4c::frontend {

using onnx::AttributeProto;

absl::Status ImportRange(NodeContext& node) { return node.Return(ir::Range{}, node.Inputs(3)); }
absl::Status ImportNonZero(NodeContext& node) { return node.Return(ir::NonZero{}, node.Inputs(1)); }
absl::Status ImportOneHot(NodeContext& node) {
  return node.Return(ir::OneHot{node.Int("axis", -1)}, node.Inputs(3));
}

absl::Status ImportShape(NodeContext& node) {
  const ir::ShapeOf all;
  const ir::ShapeOf op{node.Int("start", all.start), node.Int("end", all.end)};
  return node.Return(op, {node.Input(0)});
}

// Of a Constant: one of them is its value.
constexpr std::pair<const char*, AttributeProto::AttributeType> kConstantValues[] = {
    {"value", AttributeProto::TENSOR},          {"value_float", AttributeProto::FLOAT},
    {"value_int", AttributeProto::INT},         {"value_floats", AttributeProto::FLOATS},
    {"value_ints", AttributeProto::INTS},       {"value_string", AttributeProto::STRING},
    {"value_strings", AttributeProto::STRINGS}, {"sparse_value", AttributeProto::SPARSE_TENSOR},
};

// The product of the dims.
absl::Status ImportSize(NodeContext& node) {
  ASSIGN_OR_RETURN(const ir::ValueId dims, node.Emit(ir::ShapeOf{}, {node.Input(0)}));
  return node.Return(ir::DynamicReduce{ir::ReduceKind::kProd, false, false},
                     {dims, node.IntList({0})});
}

absl::Status ImportConstant(NodeContext& node) {
  std::vector<std::string> values;
  for (const auto& [name, type] : kConstantValues) {
    if (node.Find(name, type) != nullptr) values.push_back(name);
  }
  if (values.size() > 1) {
    return InvalidInput("it has several values: ", absl::StrJoin(values, ", "));
  }
  if (const auto* value = node.Find("value", AttributeProto::TENSOR)) {
    ASSIGN_OR_RETURN(ir::Tensor tensor, node.ImportTensor(*value));
    return node.ReturnConstant(std::move(tensor));
  }
  if (const auto* value = node.Find("value_float", AttributeProto::FLOAT)) {
    return node.ReturnConstant(ir::Tensor::ScalarF32(value->f()));
  }
  if (const auto* value = node.Find("value_int", AttributeProto::INT)) {
    return node.ReturnConstant(ir::Tensor::ScalarI64(value->i()));
  }
  if (const auto* value = node.Find("value_floats", AttributeProto::FLOATS)) {
    const std::vector<float> list(value->floats().begin(), value->floats().end());
    return node.ReturnConstant(
        ir::Tensor::Of<float>(ir::DType::kF32, {static_cast<int64_t>(list.size())}, list));
  }
  if (const auto* value = node.Find("value_ints", AttributeProto::INTS)) {
    return node.ReturnConstant(
        ir::Tensor::I64(std::vector<int64_t>(value->ints().begin(), value->ints().end())));
  }
  if (values.empty()) return InvalidInput("it has no value");
  return Unsupported("a constant with the attribute '", values[0], "'");
}

// (shape) -> one element, f32 0 by default, in all places.
absl::Status ImportConstantOfShape(NodeContext& node) {
  ir::Tensor element = ir::Tensor::ScalarF32(0);
  if (const auto* attribute = node.Find("value", AttributeProto::TENSOR)) {
    ASSIGN_OR_RETURN(element, node.ImportTensor(*attribute));
    if (element.NumElements() != 1) {
      return InvalidInput("its value has ", element.NumElements(), " elements, not 1");
    }
  }
  return node.Return(ir::DynamicExpand{}, {node.AddConstant(element.Reshaped({})), node.Input(0)});
}

}  // namespace g4c::frontend
