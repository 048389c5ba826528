// What an operator's importer sees and does: one ONNX node on its way into the ir.
#ifndef FRONTEND_NODE_CONTEXT_H_
#define FRONTEND_NODE_CONTEXT_H_

#include <map>
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

// What could not be imported, and why. Empty where a problem says it.
struct Guess {
  std::string why;
  ir::Provenance where;
};

// What a name stands for.
struct Ref {
  ir::ValueId value = ir::kNoValue;
  std::shared_ptr<const Sequence> sequence;
  // Set where this stands in for something that could not be imported, or follows from it: its type
  // is a guess, so that what contradicts it is no problem of the model.
  std::shared_ptr<const Guess> guessed;
  // Set, and nothing else is, where only reading it is a problem: an initializer of a dtype that is
  // not supported, a second result that is not computed here.
  std::shared_ptr<const absl::Status> unreadable;
};

// Attributes of the function call that a node stands in, by name; a node refers to them with
// ref_attr_name.
using CallAttributes = std::map<std::string, const onnx::AttributeProto*>;

// Null where the attribute refers to one that the call leaves out. `call` is null outside of
// functions.
const onnx::AttributeProto* ResolveAttribute(const onnx::AttributeProto& attribute,
                                             const CallAttributes* call);

class NodeContext {
 public:
  // `names`: what the results are to be called in the ir, empty for those that are not wanted.
  NodeContext(const onnx::NodeProto& node, int64_t opset, std::vector<Ref> inputs,
              std::vector<std::string> names, const ir::Provenance& provenance,
              const CallAttributes* call, ir::Graph* graph, TensorImporter* tensors);

  // The version of the node's domain that its graph or function imports.
  int64_t opset() const { return opset_; }
  ir::Graph& graph() { return *graph_; }

  // ---- Inputs: each read marks it as known; what is left over is a problem ----
  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  bool Has(int i) { return Input(i) != ir::kNoValue; }
  // kNoValue where omitted.
  ir::ValueId Input(int i);
  const Sequence* InputSequence(int i);
  // The first `count` inputs, omitted ones as kNoValue; trailing omitted ones are dropped.
  std::vector<ir::ValueId> Inputs(int count);
  // All of a variadic operator, of which none may be omitted.
  std::vector<ir::ValueId> AllInputs();
  // The type of an input that is there.
  const ir::Type& TypeOf(ir::ValueId id) const { return graph_->value(id).type; }
  // The data of an input, if it is constant already.
  const ir::Tensor* Constant(int i);
  // An input of no use to this importer that is there; -1 when there is none.
  int UnknownInput() const;
  // A sequence that was read as a tensor; -1 when there is none.
  int misread_sequence() const { return misread_sequence_; }

  // ---- Attributes: the same ----
  int64_t Int(const std::string& name, int64_t default_value);
  bool Flag(const std::string& name, bool default_value) { return Int(name, default_value) != 0; }
  float Float(const std::string& name, float default_value);
  std::string String(const std::string& name, const std::string& default_value);
  // Empty when there is none of the name.
  std::vector<int64_t> Ints(const std::string& name);
  // InvalidInput when there is none.
  absl::StatusOr<int64_t> RequiredInt(const std::string& name);
  // Null when there is none of the name. Another type is noted (Mistyped).
  const onnx::AttributeProto* Find(const std::string& name,
                                   onnx::AttributeProto::AttributeType type);
  absl::StatusOr<ir::Tensor> ImportTensor(const onnx::AttributeProto& attribute);
  // Known and without effect on what this tool computes.
  void Ignore(const std::string& name) { known_.insert(name); }
  // Attributes that no read named.
  std::vector<std::string> UnknownAttributes() const;
  // Attributes that reads found to be of another type, given twice, or references outside of a
  // function.
  const std::set<std::string>& mistyped() const { return mistyped_; }

  // ---- Results ----
  int num_outputs() const { return static_cast<int>(names_.size()); }
  bool Wants(int i) const { return i < num_outputs() && !names_[i].empty(); }
  // An intermediate node.
  absl::StatusOr<ir::ValueId> Emit(ir::Op op, std::vector<ir::ValueId> inputs);
  // The node that gives output `i` its name.
  absl::Status Return(ir::Op op, std::vector<ir::ValueId> inputs, int i = 0);
  // All outputs of one node.
  absl::Status ReturnAll(ir::Op op, std::vector<ir::ValueId> inputs);
  // Output `i` is a value that exists already.
  absl::Status Forward(ir::ValueId value, int i = 0);
  absl::Status ForwardSequence(Sequence sequence);
  absl::Status ReturnConstant(ir::Tensor tensor);
  // Constants that a decomposition needs.
  ir::ValueId AddConstant(ir::Tensor tensor);
  ir::ValueId Scalar(float value) { return AddConstant(ir::Tensor::ScalarF32(value)); }
  // Axes, shapes: i64, rank 1.
  ir::ValueId IntList(const std::vector<int64_t>& values) {
    return AddConstant(ir::Tensor::I64(values));
  }
  // A scalar of the dtype of `like`.
  absl::StatusOr<ir::ValueId> ScalarLike(double value, ir::ValueId like);
  absl::StatusOr<ir::ValueId> CastTo(ir::ValueId value, ir::DType dtype);

  // One for each result; empty where the importer gave none.
  const std::vector<Ref>& results() const { return results_; }

 private:
  std::string InnerName(absl::string_view suffix) const;

  const onnx::NodeProto& node_;
  const int64_t opset_;
  std::vector<Ref> inputs_;
  std::vector<bool> input_read_;
  int misread_sequence_ = -1;
  std::vector<std::string> names_;
  const ir::Provenance& provenance_;
  const CallAttributes* call_;
  ir::Graph* graph_;
  TensorImporter* tensors_;
  std::set<std::string> known_;
  std::set<std::string> mistyped_;
  std::vector<Ref> results_;
};

}  // namespace g4c::frontend

#endif  // FRONTEND_NODE_CONTEXT_H_
