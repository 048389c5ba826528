// The graph: values and nodes in two arrays, edges are ids.
//
// Ids stay valid for the life of the graph; nothing is moved, removal marks. References to a Value
// or Node are invalidated by adding one. A value is a graph input, a constant, or a result of
// exactly one node. Users are derived.
//
// Rewrites change a graph only through the named calls below. Node order carries no meaning:
// whoever needs an order asks for TopologicalOrder(), which depends on nothing but the outputs and
// the edges.
#ifndef IR_GRAPH_H_
#define IR_GRAPH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "ir/dtype.h"
#include "ir/op.h"
#include "ir/provenance.h"
#include "ir/quantization.h"
#include "ir/shape.h"
#include "ir/tensor.h"

namespace g4c::ir {

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an omitted input
inline constexpr NodeId kNoNode = -1;

struct Type {
  DType dtype = DType::kF32;  // the logical type: f32 also where qparams say how it is stored
  Shape shape;
  bool operator==(const Type&) const = default;
};

struct Value {
  std::string name;  // unique in the graph
  Type type;
  // A constant's data. Its dims are those of the type; its dtype is the type's, a float type that
  // is widened when read (f16, bf16, f64 under f32), or the integer dtype of the qparams.
  absl::optional<Tensor> constant;
  Quantization quantization;
  QuantOrigin quant_origin = QuantOrigin::kNone;
  NodeId producer = kNoNode;
  int result_index = 0;
};

struct Node {
  Op op;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Provenance provenance;
  bool erased = false;
};

struct GraphOutput {
  std::string
      name;  // as in the source; the value may be called otherwise, and serve several outputs
  ValueId value;
};

struct Use {
  NodeId node;
  int operand;
  bool operator==(const Use&) const = default;
};

class Graph {
 public:
  std::string name;

  // ---- Building ----
  // Names are made unique by a suffix where they are taken ("x", "x_1", ...); an empty one becomes
  // "v".
  ValueId AddInput(absl::string_view name, Type type);
  ValueId AddConstant(absl::string_view name, Tensor data);
  // A constant with another logical type than its data (see Value::constant).
  ValueId AddConstant(absl::string_view name, Type type, Tensor data);
  // A node with results of the given names and types.
  NodeId AddNode(Op op, std::vector<ValueId> inputs, std::vector<std::string> output_names,
                 std::vector<Type> output_types, Provenance provenance);
  // A node with one result whose type the shape rule infers. `name` seeds the result's name.
  absl::StatusOr<ValueId> AddInferred(Op op, std::vector<ValueId> inputs, absl::string_view name,
                                      const Provenance& provenance);
  void AddOutput(absl::string_view name, ValueId value);

  // ---- Reading ----
  const Value& value(ValueId id) const { return values_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  int num_values() const { return static_cast<int>(values_.size()); }
  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<GraphOutput>& outputs() const { return outputs_; }
  bool IsConstant(ValueId id) const { return id != kNoValue && values_[id].constant.has_value(); }
  bool IsInput(ValueId id) const;
  // The operands that read a value (graph outputs are not among them), in no particular but a
  // deterministic order. Amortised linear.
  const std::vector<Use>& Uses(ValueId id) const;
  bool IsOutput(ValueId id) const;
  // Read by exactly one operand and no graph output.
  bool HasOneUse(ValueId id) const;
  // The node that produces a value, or null for inputs and constants.
  const Node* Producer(ValueId id) const;
  // The attributes of the producer if it is an `OpType`, else null.
  template <typename OpType>
  const OpType* ProducedBy(ValueId id) const {
    const Node* producer = id == kNoValue ? nullptr : Producer(id);
    return producer == nullptr ? nullptr : std::get_if<OpType>(&producer->op);
  }

  // The nodes that the outputs need, producers first: depth first from the outputs, operands in
  // order. Without recursion. Requires an acyclic graph (FindCycle).
  std::vector<NodeId> TopologicalOrder() const;
  // The nodes of one cycle, in order; empty when there is none.
  std::vector<NodeId> FindCycle() const;

  // ---- Changing ----
  // Every user and graph output of `from` reads `to` instead. InvalidInput where the types differ.
  absl::Status ReplaceAllUses(ValueId from, ValueId to);
  // The same where dtype or shape may differ; the caller answers for the users' types.
  void ReplaceAllUsesAcrossTypes(ValueId from, ValueId to);
  void SetOperand(NodeId node, int operand, ValueId value);
  void SetOp(NodeId node, Op op);
  // Drops or adds operands at the end; kNoValue entries are allowed where the op table allows them.
  void SetOperands(NodeId node, std::vector<ValueId> inputs);
  void SetType(ValueId id, Type type);
  void SetQuantization(ValueId id, Quantization quantization, QuantOrigin origin);
  // Makes the result of a node, or a graph input, a constant: the producer loses it and users read
  // the data.
  void MakeConstant(ValueId id, Type type, Tensor data);
  // Replaces the data of a constant (same logical type).
  void SetConstant(ValueId id, Tensor data);
  void SetOutput(int index, ValueId value);
  void RemoveInput(ValueId id);
  // The order in which inputs are listed.
  void SetInputs(std::vector<ValueId> inputs);
  void Rename(ValueId id, absl::string_view name);
  // The two values trade names: for a rewrite whose new value stands for the old one.
  void SwapNames(ValueId a, ValueId b);
  void MergeProvenance(NodeId node, const Provenance& provenance);
  // The node must have no users left.
  void EraseNode(NodeId id);
  // Erases every node that no graph output needs. Graph inputs stay. Returns how many nodes went.
  int EraseDead();

 private:
  std::string UniqueName(absl::string_view name);
  ValueId AddValue(absl::string_view name, Type type);
  void AddUse(ValueId value, NodeId node, int operand);

  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_;
  std::vector<GraphOutput> outputs_;
  // Use lists are appended to eagerly and pruned of stale entries when read.
  mutable std::vector<std::vector<Use>> uses_;
  mutable std::vector<bool> uses_stale_;
  absl::flat_hash_map<std::string, int> names_;
};

// "Max 'node_Max_131' in layers.0.mlp.gate_proj" for messages; falls back to the op's ir name and
// result.
std::string Describe(const Graph& graph, NodeId id);

}  // namespace g4c::ir

#endif  // IR_GRAPH_H_
