#include "frontend/node_context.h"

#include <algorithm>

#include "ir/shape_inference.h"

namespace g4c::frontend {

using onnx::AttributeProto;

const AttributeProto* ResolveAttribute(const AttributeProto& attribute,
                                       const CallAttributes* call) {
  if (attribute.ref_attr_name().empty()) return &attribute;
  if (call == nullptr) return nullptr;
  const auto it = call->find(attribute.ref_attr_name());
  return it == call->end() ? nullptr : it->second;
}

NodeContext::NodeContext(const onnx::NodeProto& node, int64_t opset, std::vector<Ref> inputs,
                         std::vector<std::string> names, const ir::Provenance& provenance,
                         const CallAttributes* call, ir::Graph* graph, TensorImporter* tensors)
    : node_(node),
      opset_(opset),
      inputs_(std::move(inputs)),
      input_read_(inputs_.size(), false),
      names_(std::move(names)),
      provenance_(provenance),
      call_(call),
      graph_(graph),
      tensors_(tensors),
      results_(names_.size()) {}

ir::ValueId NodeContext::Input(int i) {
  if (i >= num_inputs()) return ir::kNoValue;
  input_read_[i] = true;
  if (inputs_[i].sequence != nullptr) misread_sequence_ = i;
  return inputs_[i].value;
}

const Sequence* NodeContext::InputSequence(int i) {
  if (i >= num_inputs()) return nullptr;
  input_read_[i] = true;
  return inputs_[i].sequence.get();
}

std::vector<ir::ValueId> NodeContext::Inputs(int count) {
  std::vector<ir::ValueId> inputs;
  for (int i = 0; i < count; ++i) inputs.push_back(Input(i));
  while (!inputs.empty() && inputs.back() == ir::kNoValue) inputs.pop_back();
  return inputs;
}

std::vector<ir::ValueId> NodeContext::AllInputs() {
  std::vector<ir::ValueId> inputs;
  for (int i = 0; i < num_inputs(); ++i) inputs.push_back(Input(i));
  return inputs;
}

const ir::Tensor* NodeContext::Constant(int i) {
  const ir::ValueId id = Input(i);
  return graph_->IsConstant(id) ? &*graph_->value(id).constant : nullptr;
}

int NodeContext::UnknownInput() const {
  for (int i = 0; i < num_inputs(); ++i) {
    const bool there = inputs_[i].value != ir::kNoValue || inputs_[i].sequence != nullptr;
    if (there && !input_read_[i]) return i;
  }
  return -1;
}

const AttributeProto* NodeContext::Find(const std::string& name,
                                        AttributeProto::AttributeType type) {
  known_.insert(name);
  const AttributeProto* found = nullptr;
  for (const AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() != name) continue;
    if (found != nullptr) mistyped_.insert(name);
    const bool is_reference = !attribute.ref_attr_name().empty();
    if (is_reference && call_ == nullptr) mistyped_.insert(name);
    found = ResolveAttribute(attribute, call_);
  }
  if (found != nullptr && found->type() != type) mistyped_.insert(name);
  return found;
}

int64_t NodeContext::Int(const std::string& name, int64_t default_value) {
  const AttributeProto* attribute = Find(name, AttributeProto::INT);
  return attribute == nullptr ? default_value : attribute->i();
}

float NodeContext::Float(const std::string& name, float default_value) {
  const AttributeProto* attribute = Find(name, AttributeProto::FLOAT);
  return attribute == nullptr ? default_value : attribute->f();
}

std::string NodeContext::String(const std::string& name, const std::string& default_value) {
  const AttributeProto* attribute = Find(name, AttributeProto::STRING);
  return attribute == nullptr ? default_value : attribute->s();
}

std::vector<int64_t> NodeContext::Ints(const std::string& name) {
  const AttributeProto* attribute = Find(name, AttributeProto::INTS);
  if (attribute == nullptr) return {};
  return {attribute->ints().begin(), attribute->ints().end()};
}

absl::StatusOr<int64_t> NodeContext::RequiredInt(const std::string& name) {
  const AttributeProto* attribute = Find(name, AttributeProto::INT);
  if (attribute == nullptr) return InvalidInput("the attribute '", name, "' is missing");
  return attribute->i();
}

absl::StatusOr<ir::Tensor> NodeContext::ImportTensor(const AttributeProto& attribute) {
  return tensors_->Import(attribute.t(), absl::StrCat("attribute '", attribute.name(), "'"));
}

std::vector<std::string> NodeContext::UnknownAttributes() const {
  std::vector<std::string> unknown;
  for (const AttributeProto& attribute : node_.attribute()) {
    if (known_.count(attribute.name()) == 0) unknown.push_back(attribute.name());
  }
  return unknown;
}

std::string NodeContext::InnerName(absl::string_view suffix) const {
  // The suffix keeps the plain name free for the node's own result.
  return absl::StrCat(names_.empty() ? "" : names_[0], "_", suffix);
}

absl::StatusOr<ir::ValueId> NodeContext::Emit(ir::Op op, std::vector<ir::ValueId> inputs) {
  const std::string name = InnerName(ir::OpName(op));
  return graph_->AddInferred(std::move(op), std::move(inputs), name, provenance_);
}

absl::Status NodeContext::Return(ir::Op op, std::vector<ir::ValueId> inputs, int i) {
  if (!Wants(i)) return absl::OkStatus();
  ASSIGN_OR_RETURN(results_[i].value,
                   graph_->AddInferred(std::move(op), std::move(inputs), names_[i], provenance_));
  return absl::OkStatus();
}

absl::Status NodeContext::ReturnAll(ir::Op op, std::vector<ir::ValueId> inputs) {
  ASSIGN_OR_RETURN(std::vector<ir::Type> types, ir::InferNode(*graph_, op, inputs, num_outputs()));
  std::vector<std::string> names = names_;
  for (std::string& name : names) {
    if (name.empty()) name = InnerName("unused");
  }
  const ir::NodeId id = graph_->AddNode(std::move(op), std::move(inputs), std::move(names),
                                        std::move(types), provenance_);
  for (int i = 0; i < num_outputs(); ++i) results_[i].value = graph_->node(id).outputs[i];
  return absl::OkStatus();
}

absl::Status NodeContext::Forward(ir::ValueId value, int i) {
  if (value == ir::kNoValue) return InvalidInput("operand 0 is missing");
  if (i < num_outputs()) results_[i].value = value;
  return absl::OkStatus();
}

absl::Status NodeContext::ForwardSequence(Sequence sequence) {
  if (num_outputs() > 0) {
    results_[0].sequence = std::make_shared<const Sequence>(std::move(sequence));
  }
  return absl::OkStatus();
}

namespace {

ir::Type LogicalType(const ir::Tensor& tensor) {
  return {LogicalDType(tensor.dtype()), ir::Shape(tensor.dims())};
}

}  // namespace

absl::Status NodeContext::ReturnConstant(ir::Tensor tensor) {
  const ir::Type type = LogicalType(tensor);
  return Forward(graph_->AddConstant(names_[0], type, std::move(tensor)));
}

ir::ValueId NodeContext::AddConstant(ir::Tensor tensor) {
  const ir::Type type = LogicalType(tensor);
  return graph_->AddConstant(InnerName("constant"), type, std::move(tensor));
}

absl::StatusOr<ir::ValueId> NodeContext::ScalarLike(double value, ir::ValueId like) {
  const ir::DType dtype = TypeOf(like).dtype;
  if (dtype == ir::DType::kBool) return InvalidInput("a number is needed, not a bool");
  return AddConstant(ir::Tensor::FromDoubles(dtype, {}, {value}));
}

absl::StatusOr<ir::ValueId> NodeContext::CastTo(ir::ValueId value, ir::DType dtype) {
  if (TypeOf(value).dtype == dtype) return value;
  return Emit(ir::Cast{dtype}, {value});
}

}  // namespace g4c::frontend
