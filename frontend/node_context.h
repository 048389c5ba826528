// What an operator's importer sees and does: one ONNX node on its way into the ir.
#ifndef FRONTEND_NODE_CONTEXT_H_
#define FRONTEND_NODE_CONTEXT_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "frontend/tensor_import.h"
#include "ir/graph.h"
#include "onnx.pb.h"

namespace g4c::frontend {

// ONNX sequences never reach the ir: they are followed here. Either a list of values, or the pieces
// of a split.
struct Sequence {
  std::vector<ir::ValueId> items;
  // SplitToSequence: the operand, and the split input or kNoValue.
  ir::ValueId split_of = ir::kNoValue;
  ir::ValueId split = ir::kNoValue;
  int64_t axis = 0;
  bool keep_dims = true;
};

// What a name stands for.
struct Ref {
  ir::ValueId value = ir::kNoValue;
  std::shared_ptr<const Sequence> sequence;
};

// Attributes of the function call that a node stands in, by name; a node refers to them with
// ref_attr_name.
using CallAttributes = std::map<std::string, const onnx::AttributeProto*>;

class NodeContext {
 public:
  NodeContext(const onnx::NodeProto& node, int64_t opset, std::vector<Ref> inputs,
              ir::Provenance provenance, const CallAttributes* call, ir::Graph* graph,
              TensorImporter* tensors);

  const onnx::NodeProto& node() const { return node_; }
  int64_t opset() const { return opset_; }
  ir::Graph& graph() { return *graph_; }
  TensorImporter& tensors() { return *tensors_; }
  const ir::Provenance& provenance() const { return provenance_; }

  // ---- Inputs ----
  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  bool Has(int i) const { return i < num_inputs() && inputs_[i].value != ir::kNoValue; }
  // kNoValue where omitted.
  ir::ValueId Input(int i) const { return i < num_inputs() ? inputs_[i].value : ir::kNoValue; }
  const Sequence* InputSequence(int i) const {
    return i < num_inputs() ? inputs_[i].sequence.get() : nullptr;
  }
  // The first `count` inputs, omitted ones as kNoValue; trailing omitted ones are dropped.
  std::vector<ir::ValueId> Inputs(int count) const;
  const ir::Type& TypeOf(ir::ValueId id) const { return graph_->value(id).type; }
  // The data of an input, if it is constant already.
  const ir::Tensor* Constant(int i) const;

  // ---- Attributes: each read marks it as known; what is left over is a problem ----
  int64_t Int(const std::string& name, int64_t default_value);
  float Float(const std::string& name, float default_value);
  std::string String(const std::string& name, const std::string& default_value);
  std::vector<int64_t> Ints(const std::string& name);
  // Null when there is none of the name. Any type.
  const onnx::AttributeProto* Attribute(const std::string& name);
  // Known and without effect on what this tool computes.
  void Ignore(const std::string& name) { known_.insert(name); }
  // Attributes that no read named; wrong types that reads met.
  std::vector<std::string> UnknownAttributes() const;
  const std::vector<std::string>& mistyped() const { return mistyped_; }

  // ---- Results ----
  int num_outputs() const { return node_.output_size(); }
  bool Wants(int i) const { return i < num_outputs() && !node_.output(i).empty(); }
  // An intermediate node.
  absl::StatusOr<ir::ValueId> Emit(ir::Op op, std::vector<ir::ValueId> inputs);
  // The node that gives output `i` its name.
  absl::Status Return(ir::Op op, std::vector<ir::ValueId> inputs, int i = 0);
  // All outputs of one node.
  absl::Status ReturnAll(ir::Op op, std::vector<ir::ValueId> inputs);
  // Output `i` is a value that exists already.
  absl::Status Forward(ir::ValueId value, int i = 0);
  absl::Status ForwardSequence(Sequence sequence);
  ir::ValueId Scalar(float value);
  ir::ValueId ScalarI64(int64_t value);
  // A scalar of the dtype of `like`.
  absl::StatusOr<ir::ValueId> ScalarLike(double value, ir::ValueId like);
  // Unsupported where an output beyond `count` is used.
  absl::Status RequireOutputs(int count) const;

  const std::vector<Ref>& results() const { return results_; }

 private:
  std::string ResultName(int i) const;

  const onnx::NodeProto& node_;
  const int64_t opset_;
  std::vector<Ref> inputs_;
  ir::Provenance provenance_;
  const CallAttributes* call_;
  ir::Graph* graph_;
  TensorImporter* tensors_;
  std::set<std::string> known_;
  std::vector<std::string> mistyped_;
  std::vector<Ref> results_;
};

}  // namespace g4c::frontend

#endif  // FRONTEND_NODE_CONTEXT_H_
