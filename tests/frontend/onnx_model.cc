#include "tests/frontend/onnx_model.h"

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "frontend/graph_importer.h"
#include "frontend/tensor_import.h"
#include "ir/text.h"
#include "ir/verifier.h"

namespace g4c::frontend {

using onnx::AttributeProto;
using onnx::TensorProto;

namespace {

AttributeProto Attr(const std::string& name, AttributeProto::AttributeType type) {
  AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

void AddOpset(const std::string& domain, int64_t version,
              google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>* opsets) {
  onnx::OperatorSetIdProto* opset = opsets->Add();
  opset->set_domain(domain);
  opset->set_version(version);
}

}  // namespace

AttributeProto IntAttr(const std::string& name, int64_t value) {
  AttributeProto attribute = Attr(name, AttributeProto::INT);
  attribute.set_i(value);
  return attribute;
}

AttributeProto FloatAttr(const std::string& name, float value) {
  AttributeProto attribute = Attr(name, AttributeProto::FLOAT);
  attribute.set_f(value);
  return attribute;
}

AttributeProto StringAttr(const std::string& name, const std::string& value) {
  AttributeProto attribute = Attr(name, AttributeProto::STRING);
  attribute.set_s(value);
  return attribute;
}

AttributeProto IntsAttr(const std::string& name, const std::vector<int64_t>& values) {
  AttributeProto attribute = Attr(name, AttributeProto::INTS);
  for (int64_t value : values) attribute.add_ints(value);
  return attribute;
}

AttributeProto TensorAttr(const std::string& name, TensorProto value) {
  AttributeProto attribute = Attr(name, AttributeProto::TENSOR);
  *attribute.mutable_t() = std::move(value);
  return attribute;
}

AttributeProto GraphAttr(const std::string& name, onnx::GraphProto value) {
  AttributeProto attribute = Attr(name, AttributeProto::GRAPH);
  *attribute.mutable_g() = std::move(value);
  return attribute;
}

AttributeProto RefAttr(const std::string& name, const std::string& of_call,
                       AttributeProto::AttributeType type) {
  AttributeProto attribute = Attr(name, type);
  attribute.set_ref_attr_name(of_call);
  return attribute;
}

onnx::NodeProto Node(const std::string& op_type, const Names& inputs, const Names& outputs,
                     const Attributes& attributes, const std::string& domain) {
  onnx::NodeProto node;
  node.set_op_type(op_type);
  if (!outputs.empty()) node.set_name("n_" + outputs[0]);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  for (const AttributeProto& attribute : attributes) *node.add_attribute() = attribute;
  if (!domain.empty()) node.set_domain(domain);
  return node;
}

TensorProto TensorOf(const std::string& name, int data_type, const std::vector<int64_t>& dims) {
  TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(data_type);
  for (int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

TensorProto Floats(const std::string& name, const std::vector<int64_t>& dims,
                   const std::vector<float>& values) {
  TensorProto tensor = TensorOf(name, TensorProto::FLOAT, dims);
  for (float value : values) tensor.add_float_data(value);
  return tensor;
}

TensorProto Int64s(const std::string& name, const std::vector<int64_t>& dims,
                   const std::vector<int64_t>& values) {
  TensorProto tensor = TensorOf(name, TensorProto::INT64, dims);
  for (int64_t value : values) tensor.add_int64_data(value);
  return tensor;
}

TensorProto Bool(const std::string& name, bool value) {
  TensorProto tensor = TensorOf(name, TensorProto::BOOL, {});
  tensor.add_int32_data(value);
  return tensor;
}

TensorProto Raw(const std::string& name, int data_type, const std::vector<int64_t>& dims,
                const std::string& bytes) {
  TensorProto tensor = TensorOf(name, data_type, dims);
  tensor.set_raw_data(bytes);
  return tensor;
}

TensorProto External(const std::string& name, const std::vector<int64_t>& dims,
                     const std::vector<std::pair<std::string, std::string>>& entries) {
  TensorProto tensor = TensorOf(name, TensorProto::FLOAT, dims);
  tensor.set_data_location(TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto* entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return tensor;
}

onnx::ValueInfoProto ValueInfo(const std::string& name, const std::vector<int64_t>& dims,
                               int elem_type) {
  onnx::ValueInfoProto info = Untyped(name);
  auto* type = info.mutable_type()->mutable_tensor_type();
  type->set_elem_type(elem_type);
  type->mutable_shape();
  for (int64_t dim : dims) {
    auto* entry = type->mutable_shape()->add_dim();
    if (dim == -1) {
      entry->set_dim_param("N");
    } else {
      entry->set_dim_value(dim);
    }
  }
  return info;
}

onnx::ValueInfoProto Untyped(const std::string& name) {
  onnx::ValueInfoProto info;
  info.set_name(name);
  return info;
}

onnx::GraphProto Graph(const std::vector<onnx::NodeProto>& nodes, const Names& outputs) {
  onnx::GraphProto graph;
  graph.set_name("branch");
  for (const onnx::NodeProto& node : nodes) *graph.add_node() = node;
  for (const std::string& output : outputs) *graph.add_output() = Untyped(output);
  return graph;
}

onnx::NodeProto If(const std::string& condition, const Names& outputs,
                   const onnx::GraphProto& then_branch, const onnx::GraphProto& else_branch) {
  return Node("If", {condition}, outputs,
              {GraphAttr("then_branch", then_branch), GraphAttr("else_branch", else_branch)});
}

onnx::FunctionProto Function(const std::string& name, const Names& inputs, const Names& outputs,
                             const std::vector<onnx::NodeProto>& nodes, const Names& attributes) {
  onnx::FunctionProto function;
  function.set_name(name);
  function.set_domain("local");
  for (const std::string& input : inputs) function.add_input(input);
  for (const std::string& output : outputs) function.add_output(output);
  for (const onnx::NodeProto& node : nodes) *function.add_node() = node;
  for (const std::string& attribute : attributes) function.add_attribute(attribute);
  AddOpset("", 18, function.mutable_opset_import());
  AddOpset("local", 1, function.mutable_opset_import());
  return function;
}

onnx::NodeProto Call(const std::string& function, const Names& inputs, const Names& outputs,
                     const Attributes& attributes) {
  return Node(function, inputs, outputs, attributes, "local");
}

onnx::ModelProto Model(const std::vector<onnx::NodeProto>& nodes,
                       const std::vector<TensorProto>& initializers, int64_t opset) {
  onnx::ModelProto model;
  model.set_ir_version(10);
  AddOpset("", opset, model.mutable_opset_import());
  AddOpset("com.microsoft", 1, model.mutable_opset_import());
  AddOpset("local", 1, model.mutable_opset_import());
  onnx::GraphProto* graph = model.mutable_graph();
  graph->set_name("g");
  *graph->add_input() = ValueInfo("x", {2, 3});
  *graph->add_output() = Untyped("y");
  for (const onnx::NodeProto& node : nodes) *graph->add_node() = node;
  for (const TensorProto& tensor : initializers) *graph->add_initializer() = tensor;
  return model;
}

absl::StatusOr<ir::Graph> ImportModel(const onnx::ModelProto& model) {
  TensorImporter tensors("model.onnx", nullptr, {});
  ASSIGN_OR_RETURN(ir::Graph graph, GraphImporter(model, &tensors).Import());
  RETURN_IF_ERROR(ir::VerifyGraph(graph));
  return graph;
}

std::string Outcome(const onnx::ModelProto& model) {
  absl::StatusOr<ir::Graph> graph = ImportModel(model);
  if (!graph.ok()) {
    const bool invalid = graph.status().code() == absl::StatusCode::kInvalidArgument;
    const std::vector<std::string> lines = absl::StrSplit(graph.status().message(), "\n  ");
    return absl::StrCat(invalid ? "invalid: " : "unsupported: ", lines[lines.size() > 1 ? 1 : 0]);
  }
  graph->EraseDead();
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(ir::PrintGraph(*graph), '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(line, "k ") || absl::StartsWith(line, "%")) lines.emplace_back(line);
  }
  return absl::StrJoin(lines, "; ");
}

std::string Outcome(const onnx::NodeProto& node, const std::vector<TensorProto>& initializers,
                    int64_t opset) {
  return Outcome(Model({node}, initializers, opset));
}

}  // namespace g4c::frontend
