// Walks the graphs of a model: scopes, order, functions, If.
#ifndef FRONTEND_GRAPH_IMPORTER_H_
#define FRONTEND_GRAPH_IMPORTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "frontend/node_context.h"
#include "frontend/node_order.h"
#include "frontend/problems.h"
#include "frontend/wire_scan.h"
#include "ir/graph.h"
#include "onnx.pb.h"

namespace g4c::frontend {

// How many nodes a model may have with all functions inlined: calls of calls multiply.
inline constexpr int kMaxNodes = 300'000;

// Imports one model, once. Branches and calls may be nested kMaxNesting deep, which bounds the
// recursion of ImportNodes.
class GraphImporter {
 public:
  GraphImporter(const onnx::ModelProto& model, TensorImporter* tensors)
      : model_(model), tensors_(tensors) {}

  // The whole model, or all of its problems.
  absl::StatusOr<ir::Graph> Import();

  // What a user should know of a model that was imported.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  using Opsets = absl::flat_hash_map<std::string, int64_t>;  // by domain

  // What names mean in one graph, branch or function body.
  struct Scope {
    const Scope* parent = nullptr;  // the graph around a branch; null for the model and functions
    const Scope* caller = nullptr;  // of a function
    const onnx::FunctionProto* function = nullptr;
    const ir::Provenance* call_site = nullptr;
    const CallAttributes* call = nullptr;
    const Opsets* opsets = nullptr;
    int depth = 0;  // branches and calls around it
    // In a branch that may never run a contradiction is no problem of the model; it becomes one
    // when the branch turns out to be taken, because a stand-in is left then.
    bool lenient = false;
    // The opset is none that is read: operators are looked up, their forms are not.
    bool names_only = false;
    // Results of a function body are called after the call's, the others after the call.
    std::string prefix;
    absl::flat_hash_map<std::string, std::string> result_names;
    absl::flat_hash_map<std::string, Ref> names;
  };

  // graph_importer.cc: graphs and nodes.
  Opsets ReadOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports,
                    absl::string_view where);
  // Whether the opset of ai.onnx is one that is read; reports where it is not.
  bool CheckOpset(const Opsets& opsets, absl::string_view where);
  void ReadFunctions();
  void ImportInitializers(const onnx::GraphProto& graph, Scope& scope);
  void ImportInputs(const onnx::GraphProto& graph, Scope& scope);
  void ImportOutputs(const onnx::GraphProto& graph, Scope& scope);
  void CheckDeclared(const onnx::ValueInfoProto& output, ir::ValueId value);
  void ImportNodes(const Nodes& nodes, Scope& scope);
  void ReportOrder(const Nodes& nodes, const NodeOrder& order, Scope& scope);
  void ImportNode(const onnx::NodeProto& node, Scope& scope);
  absl::Status ImportBuiltin(const onnx::NodeProto& node, Scope& scope,
                             const ir::Provenance& provenance);
  absl::Status CheckInputs(const onnx::NodeProto& node, int min_inputs,
                           const std::vector<Ref>& inputs) const;
  void BindResults(const onnx::NodeProto& node, const NodeContext& context,
                   std::shared_ptr<const Guess> guessed, Scope& scope);
  void AdoptDeclaredRank(const std::string& name, ir::ValueId value);

  // import_control.cc: function calls and If.
  absl::Status ImportCall(const onnx::NodeProto& node, const onnx::FunctionProto& function,
                          Scope& scope, const ir::Provenance& provenance);
  absl::Status CheckDepth(const onnx::FunctionProto& function, const Scope& scope) const;
  CallAttributes AttributesOfCall(const onnx::NodeProto& node, const onnx::FunctionProto& function,
                                  const Scope& scope, const std::string& where);
  absl::Status ImportIf(const onnx::NodeProto& node, Scope& scope,
                        const ir::Provenance& provenance);
  absl::StatusOr<std::vector<Ref>> ImportBranch(const onnx::GraphProto& branch, Scope& scope,
                                                bool lenient);

  const Ref* Lookup(const Scope& scope, const std::string& name) const;
  // The refs of a node's inputs.
  std::vector<Ref> InputRefs(const onnx::NodeProto& node, Scope& scope, const std::string& where);
  // What a result is to be called in the ir; "" for one that the node leaves out.
  std::string ResultName(const Scope& scope, const std::string& name) const;
  // A value of a guessed type, in place of what could not be imported. What `guess` says is what a
  // user reads if it survives.
  Ref StandIn(absl::string_view name, ir::Type type = {},
              std::shared_ptr<const Guess> guess = nullptr);
  void StandInForOutputs(const onnx::NodeProto& node, Scope& scope,
                         const std::shared_ptr<const Guess>& guess = nullptr);
  // The guess that one of the inputs is, or null.
  std::shared_ptr<const Guess> GuessAmongInputs(const onnx::NodeProto& node,
                                                const Scope& scope) const;
  ir::Provenance ProvenanceIn(const Scope& scope, const onnx::NodeProto& node) const;

  const onnx::ModelProto& model_;
  TensorImporter* tensors_;
  ir::Graph graph_;
  Problems problems_;
  // Ends the import at once: what goes without end cannot be reported together with the rest.
  absl::Status fatal_;
  std::vector<std::string> notes_;
  absl::flat_hash_map<std::string, const onnx::FunctionProto*> functions_;  // by FunctionKey
  absl::flat_hash_map<std::string, const onnx::TypeProto*> declared_;  // value_info of the model
  int nodes_ = 0;
};

// Where a node stands, for a problem's second column: "Add 'node_add' in layers.0 (model.py:3)".
std::string Where(const onnx::NodeProto& node, const ir::Provenance& provenance);
// Domain, name and overload; "ai.onnx" is "".
std::string FunctionKey(absl::string_view domain, absl::string_view name,
                        absl::string_view overload);

}  // namespace g4c::frontend

#endif  // FRONTEND_GRAPH_IMPORTER_H_
