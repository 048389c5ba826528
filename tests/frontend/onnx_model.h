// Small ONNX models in code, and what importing them gives.
//
//   ImportModel(Model({Node("Add", {"x", "x"}, {"y"})}))
#ifndef TESTS_FRONTEND_ONNX_MODEL_H_
#define TESTS_FRONTEND_ONNX_MODEL_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "onnx.pb.h"

namespace g4c::frontend {

using Names = std::vector<std::string>;
using Attributes = std::vector<onnx::AttributeProto>;

onnx::AttributeProto IntAttr(const std::string& name, int64_t value);
onnx::AttributeProto FloatAttr(const std::string& name, float value);
onnx::AttributeProto StringAttr(const std::string& name, const std::string& value);
onnx::AttributeProto IntsAttr(const std::string& name, const std::vector<int64_t>& values);
onnx::AttributeProto TensorAttr(const std::string& name, onnx::TensorProto value);
onnx::AttributeProto GraphAttr(const std::string& name, onnx::GraphProto value);
// In a function's body: the attribute `of_call` of the call.
onnx::AttributeProto RefAttr(const std::string& name, const std::string& of_call,
                             onnx::AttributeProto::AttributeType type);

// Called "n_" and its first result's name.
onnx::NodeProto Node(const std::string& op_type, const Names& inputs, const Names& outputs,
                     const Attributes& attributes = {}, const std::string& domain = "");

// Without data: the test adds it.
onnx::TensorProto TensorOf(const std::string& name, int data_type,
                           const std::vector<int64_t>& dims);
onnx::TensorProto Floats(const std::string& name, const std::vector<int64_t>& dims,
                         const std::vector<float>& values);
onnx::TensorProto Int64s(const std::string& name, const std::vector<int64_t>& dims,
                         const std::vector<int64_t>& values);
onnx::TensorProto Bool(const std::string& name, bool value);
onnx::TensorProto Raw(const std::string& name, int data_type, const std::vector<int64_t>& dims,
                      const std::string& bytes);
// `entries`: "location", "offset", "length".
onnx::TensorProto External(const std::string& name, const std::vector<int64_t>& dims,
                           const std::vector<std::pair<std::string, std::string>>& entries);

// A dim of -1 becomes a symbolic one; other negative ones are written as they are.
onnx::ValueInfoProto ValueInfo(const std::string& name, const std::vector<int64_t>& dims,
                               int elem_type = onnx::TensorProto::FLOAT);
// Type and shape left out.
onnx::ValueInfoProto Untyped(const std::string& name);

// A branch.
onnx::GraphProto Graph(const std::vector<onnx::NodeProto>& nodes, const Names& outputs);
onnx::NodeProto If(const std::string& condition, const Names& outputs,
                   const onnx::GraphProto& then_branch, const onnx::GraphProto& else_branch);

// Of domain "local"; imports ai.onnx 18 and local 1.
onnx::FunctionProto Function(const std::string& name, const Names& inputs, const Names& outputs,
                             const std::vector<onnx::NodeProto>& nodes,
                             const Names& attributes = {});
onnx::NodeProto Call(const std::string& function, const Names& inputs, const Names& outputs,
                     const Attributes& attributes = {});

// x: f32[2, 3] -> nodes -> y of no declared type. Imports ai.onnx `opset`, com.microsoft 1,
// local 1.
onnx::ModelProto Model(const std::vector<onnx::NodeProto>& nodes,
                       const std::vector<onnx::TensorProto>& initializers = {}, int64_t opset = 18);

// The imported graph; what ir::VerifyGraph says of it where it does not accept it. The model has no
// file: LoadOnnx is tested on its own.
absl::StatusOr<ir::Graph> ImportModel(const onnx::ModelProto& model);

// What one node becomes, as text: the lines of the ir but those of graph inputs and outputs, joined
// by "; ". Where it is refused: "invalid: " or "unsupported: ", and the line of the first problem.
std::string Outcome(const onnx::NodeProto& node,
                    const std::vector<onnx::TensorProto>& initializers = {}, int64_t opset = 18);
// The same for a model, of the nodes that its outputs need.
std::string Outcome(const onnx::ModelProto& model);

}  // namespace g4c::frontend

#endif  // TESTS_FRONTEND_ONNX_MODEL_H_
