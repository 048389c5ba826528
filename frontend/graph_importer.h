// Walks the graphs of a model: scopes, order, functions, If.
#ifndef FRONTEND_GRAPH_IMPORTER_H_
#define FRONTEND_GRAPH_IMPORTER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/optional.h"
#include "frontend/node_context.h"
#include "frontend/problems.h"
#include "ir/graph.h"
#include "onnx.pb.h"

namespace g4c::frontend {

// How deep model-local functions may call each other.
inline constexpr int kMaxCallDepth = 64;
// How many nodes a model may have with all functions inlined.
inline constexpr int kMaxNodes = 5'000'000;

class GraphImporter {
 public:
  GraphImporter(const onnx::ModelProto& model, TensorImporter* tensors)
      : model_(model), tensors_(tensors) {}

  // The whole model, or all of its problems.
  absl::StatusOr<ir::Graph> Import();

 private:
  using Opsets = std::map<std::string, int64_t>;

  // What names mean in one graph, branch or function body.
  struct Scope {
    const Scope* parent = nullptr;  // the graph around a branch; null for functions
    const Opsets* opsets = nullptr;
    const CallAttributes* call = nullptr;
    const ir::Provenance* caller = nullptr;
    int call_depth = 0;
    // In a branch that may never run, a shape contradiction is no problem of the model.
    bool lenient = false;
    absl::flat_hash_map<std::string, Ref> names;
    // Initializers whose dtype this tool does not read: a problem only where a node reads them.
    absl::flat_hash_map<std::string, absl::Status> unreadable;
  };
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  absl::optional<Opsets> ReadOpsets(
      const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports,
      absl::string_view where);
  void ImportInputs(const onnx::GraphProto& graph, Scope& scope);
  void ImportInitializers(const onnx::GraphProto& graph, Scope& scope);
  void ImportOutputs(const onnx::GraphProto& graph, Scope& scope);
  void CheckDefinitions(const onnx::GraphProto& graph);
  // The order in which nodes can be imported; names a cycle, and inputs that nothing produces.
  std::vector<int> Order(const Nodes& nodes, const Scope& scope);
  void ReportCycle(const Nodes& nodes, const std::vector<std::vector<int>>& needs,
                   const std::vector<bool>& done);
  void ImportNodes(const Nodes& nodes, Scope& scope);
  void ImportNode(const onnx::NodeProto& node, Scope& scope);
  void ImportBuiltin(const onnx::NodeProto& node, Scope& scope, const ir::Provenance& provenance);
  absl::Status ImportCall(const onnx::NodeProto& node, const onnx::FunctionProto& function,
                          Scope& scope, const ir::Provenance& provenance);
  absl::Status ImportIf(const onnx::NodeProto& node, Scope& scope,
                        const ir::Provenance& provenance);
  absl::StatusOr<std::vector<Ref>> ImportBranch(const onnx::GraphProto& branch, Scope& scope,
                                                bool lenient);

  const Ref* Lookup(const Scope& scope, const std::string& name) const;
  // The refs of a node's inputs; those that do not exist are stood in for.
  std::vector<Ref> InputRefs(const onnx::NodeProto& node, Scope& scope, const std::string& where);
  // A value of unknown type, in place of what could not be imported.
  Ref StandIn(absl::string_view name);
  void StandInForOutputs(const onnx::NodeProto& node, Scope& scope);

  const onnx::ModelProto& model_;
  TensorImporter* tensors_;
  ir::Graph graph_;
  Problems problems_;
  absl::flat_hash_map<std::string, const onnx::FunctionProto*>
      functions_;  // by domain, name, overload
  std::map<const onnx::FunctionProto*, Opsets> function_opsets_;
  absl::flat_hash_set<std::string> reported_;  // dangling names
  int nodes_ = 0;
  bool gave_up_ = false;
};

}  // namespace g4c::frontend

#endif  // FRONTEND_GRAPH_IMPORTER_H_
