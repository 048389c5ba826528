#include "frontend/node_context.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "ir/shape_inference.h"

namespace g4c::frontend {

using onnx::AttributeProto;

NodeContext::NodeContext(const onnx::NodeProto& node, int64_t opset, std::vector<Ref> inputs,
                         ir::Provenance provenance, const CallAttributes* call, ir::Graph* graph,
                         TensorImporter* tensors)
    : node_(node),
      opset_(opset),
      inputs_(std::move(inputs)),
      provenance_(std::move(provenance)),
      call_(call),
      graph_(graph),
      tensors_(tensors),
      results_(node.output_size()) {}

std::vector<ir::ValueId> NodeContext::Inputs(int count) const {
  std::vector<ir::ValueId> inputs;
  for (int i = 0; i < count; ++i) inputs.push_back(Input(i));
  while (!inputs.empty() && inputs.back() == ir::kNoValue) inputs.pop_back();
  return inputs;
}

const ir::Tensor* NodeContext::Constant(int i) const {
  if (!Has(i) || !graph_->IsConstant(inputs_[i].value)) return nullptr;
  return &*graph_->value(inputs_[i].value).constant;
}

const AttributeProto* NodeContext::Attribute(const std::string& name) {
  known_.insert(name);
  for (const AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() != name) continue;
    if (attribute.ref_attr_name().empty()) return &attribute;
    if (call_ == nullptr) return nullptr;
    const auto it = call_->find(attribute.ref_attr_name());
    return it == call_->end() ? nullptr : it->second;
  }
  return nullptr;
}

int64_t NodeContext::Int(const std::string& name, int64_t default_value) {
  const AttributeProto* attribute = Attribute(name);
  if (attribute == nullptr) return default_value;
  if (attribute->type() != AttributeProto::INT) mistyped_.push_back(name);
  return attribute->i();
}

float NodeContext::Float(const std::string& name, float default_value) {
  const AttributeProto* attribute = Attribute(name);
  if (attribute == nullptr) return default_value;
  if (attribute->type() != AttributeProto::FLOAT) mistyped_.push_back(name);
  return attribute->f();
}

std::string NodeContext::String(const std::string& name, const std::string& default_value) {
  const AttributeProto* attribute = Attribute(name);
  if (attribute == nullptr) return default_value;
  if (attribute->type() != AttributeProto::STRING) mistyped_.push_back(name);
  return attribute->s();
}

std::vector<int64_t> NodeContext::Ints(const std::string& name) {
  const AttributeProto* attribute = Attribute(name);
  if (attribute == nullptr) return {};
  if (attribute->type() != AttributeProto::INTS) mistyped_.push_back(name);
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::vector<std::string> NodeContext::UnknownAttributes() const {
  std::vector<std::string> unknown;
  for (const AttributeProto& attribute : node_.attribute()) {
    if (known_.count(attribute.name()) == 0) unknown.push_back(attribute.name());
  }
  return unknown;
}

std::string NodeContext::ResultName(int i) const {
  return i < node_.output_size() ? node_.output(i) : "";
}

absl::StatusOr<ir::ValueId> NodeContext::Emit(ir::Op op, std::vector<ir::ValueId> inputs) {
  // The suffix keeps the plain name free for the node's own result.
  const std::string name = absl::StrCat(ResultName(0), "_", ir::OpName(op));
  return graph_->AddInferred(std::move(op), std::move(inputs), name, provenance_);
}

absl::Status NodeContext::Return(ir::Op op, std::vector<ir::ValueId> inputs, int i) {
  if (!Wants(i)) return absl::OkStatus();
  ASSIGN_OR_RETURN(results_[i].value, graph_->AddInferred(std::move(op), std::move(inputs),
                                                          ResultName(i), provenance_));
  return absl::OkStatus();
}

absl::Status NodeContext::ReturnAll(ir::Op op, std::vector<ir::ValueId> inputs) {
  const int count = num_outputs();
  ASSIGN_OR_RETURN(std::vector<ir::Type> types, ir::InferNode(*graph_, op, inputs, count));
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i)
    names.push_back(Wants(i) ? ResultName(i) : absl::StrCat(ResultName(0), "_unused"));
  const ir::NodeId id = graph_->AddNode(std::move(op), std::move(inputs), std::move(names),
                                        std::move(types), provenance_);
  for (int i = 0; i < count; ++i) results_[i].value = graph_->node(id).outputs[i];
  return absl::OkStatus();
}

absl::Status NodeContext::Forward(ir::ValueId value, int i) {
  if (i < num_outputs()) results_[i].value = value;
  return absl::OkStatus();
}

absl::Status NodeContext::ForwardSequence(Sequence sequence) {
  if (num_outputs() > 0)
    results_[0].sequence = std::make_shared<const Sequence>(std::move(sequence));
  return absl::OkStatus();
}

ir::ValueId NodeContext::Scalar(float value) {
  return graph_->AddConstant(absl::StrCat(ResultName(0), "_scalar"), ir::Tensor::ScalarF32(value));
}

ir::ValueId NodeContext::ScalarI64(int64_t value) {
  return graph_->AddConstant(absl::StrCat(ResultName(0), "_scalar"), ir::Tensor::ScalarI64(value));
}

absl::StatusOr<ir::ValueId> NodeContext::ScalarLike(double value, ir::ValueId like) {
  const ir::DType dtype = TypeOf(like).dtype;
  if (ir::IsFloat(dtype)) return Scalar(static_cast<float>(value));
  return Emit(ir::Cast{dtype}, {ScalarI64(static_cast<int64_t>(value))});
}

absl::Status NodeContext::RequireOutputs(int count) const {
  for (int i = count; i < num_outputs(); ++i) {
    if (Wants(i))
      return Unsupported("result ", i, " ('", node_.output(i), "') of ", node_.op_type(),
                         " is used");
  }
  return absl::OkStatus();
}

}  // namespace g4c::frontend
