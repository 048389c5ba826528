#include "ir/graph.h"

#include <algorithm>

#include "base/status.h"
#include "ir/shape_inference.h"

namespace g4c::ir {

// ---- Building ----

std::string Graph::UniqueName(absl::string_view wanted) {
  std::string candidate(wanted.empty() ? "v" : wanted);
  auto [it, inserted] = names_.try_emplace(candidate, 0);
  if (inserted) return candidate;
  // The counter of the wanted name makes the search for a free suffix linear over all calls.
  for (;;) {
    const int suffix = ++names_[std::string(wanted.empty() ? "v" : wanted)];
    candidate = absl::StrCat(wanted.empty() ? "v" : wanted, "_", suffix);
    if (names_.try_emplace(candidate, 0).second) return candidate;
  }
}

ValueId Graph::AddValue(absl::string_view wanted, Type type) {
  Value value;
  value.name = UniqueName(wanted);
  value.type = std::move(type);
  values_.push_back(std::move(value));
  uses_.emplace_back();
  uses_stale_.push_back(false);
  return num_values() - 1;
}

ValueId Graph::AddInput(absl::string_view wanted, Type type) {
  const ValueId id = AddValue(wanted, std::move(type));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::AddConstant(absl::string_view wanted, Tensor data) {
  Type type{data.dtype(), Shape(data.dims())};
  return AddConstant(wanted, std::move(type), std::move(data));
}

ValueId Graph::AddConstant(absl::string_view wanted, Type type, Tensor data) {
  const ValueId id = AddValue(wanted, std::move(type));
  values_[id].constant = std::move(data);
  return id;
}

NodeId Graph::AddNode(Op op, std::vector<ValueId> inputs, std::vector<std::string> output_names,
                      std::vector<Type> output_types, Provenance provenance) {
  G4C_CHECK(output_names.size() == output_types.size());
  const NodeId id = num_nodes();
  std::vector<ValueId> outputs;
  for (size_t i = 0; i < output_names.size(); ++i) {
    const ValueId value = AddValue(output_names[i], std::move(output_types[i]));
    values_[value].producer = id;
    values_[value].result_index = static_cast<int>(i);
    outputs.push_back(value);
  }
  for (size_t i = 0; i < inputs.size(); ++i) AddUse(inputs[i], id, static_cast<int>(i));
  nodes_.push_back(
      Node{std::move(op), std::move(inputs), std::move(outputs), std::move(provenance), false});
  return id;
}

absl::StatusOr<ValueId> Graph::AddInferred(Op op, std::vector<ValueId> inputs,
                                           absl::string_view wanted, const Provenance& provenance) {
  ASSIGN_OR_RETURN(std::vector<Type> types, InferNode(*this, op, inputs, 1));
  const NodeId node = AddNode(std::move(op), std::move(inputs), {std::string(wanted)},
                              std::move(types), provenance);
  return nodes_[node].outputs[0];
}

void Graph::AddOutput(absl::string_view output_name, ValueId value) {
  outputs_.push_back({std::string(output_name), value});
}

// ---- Reading ----

bool Graph::IsInput(ValueId id) const {
  return std::find(inputs_.begin(), inputs_.end(), id) != inputs_.end();
}

bool Graph::IsOutput(ValueId id) const {
  return std::any_of(outputs_.begin(), outputs_.end(),
                     [id](const GraphOutput& output) { return output.value == id; });
}

void Graph::AddUse(ValueId value, NodeId node, int operand) {
  if (value != kNoValue) uses_[value].push_back({node, operand});
}

const std::vector<Use>& Graph::Uses(ValueId id) const {
  std::vector<Use>& uses = uses_[id];
  if (uses_stale_[id]) {
    std::erase_if(uses, [&](const Use& use) {
      const Node& user = nodes_[use.node];
      return user.erased || use.operand >= static_cast<int>(user.inputs.size()) ||
             user.inputs[use.operand] != id;
    });
    // An operand that was set away and back is listed twice.
    std::sort(uses.begin(), uses.end(), [](const Use& a, const Use& b) {
      return a.node != b.node ? a.node < b.node : a.operand < b.operand;
    });
    uses.erase(std::unique(uses.begin(), uses.end()), uses.end());
    uses_stale_[id] = false;
  }
  return uses;
}

bool Graph::HasOneUse(ValueId id) const { return Uses(id).size() == 1 && !IsOutput(id); }

const Node* Graph::Producer(ValueId id) const {
  const NodeId producer = values_[id].producer;
  return producer == kNoNode ? nullptr : &nodes_[producer];
}

std::vector<NodeId> Graph::TopologicalOrder() const {
  std::vector<NodeId> order;
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state(nodes_.size(), kNew);
  std::vector<std::pair<NodeId, size_t>> stack;  // a node and its next operand
  for (const GraphOutput& output : outputs_) {
    const NodeId root = values_[output.value].producer;
    if (root == kNoNode || state[root] != kNew) continue;
    state[root] = kOpen;
    stack.emplace_back(root, 0);
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      const Node& current = nodes_[id];
      if (next == current.inputs.size()) {
        state[id] = kDone;
        order.push_back(id);
        stack.pop_back();
        continue;
      }
      const ValueId operand = current.inputs[next++];
      const NodeId producer = operand == kNoValue ? kNoNode : values_[operand].producer;
      if (producer == kNoNode || state[producer] == kDone) continue;
      G4C_CHECK(state[producer] == kNew);
      state[producer] = kOpen;
      stack.emplace_back(producer, 0);
    }
  }
  return order;
}

std::vector<NodeId> Graph::FindCycle() const {
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state(nodes_.size(), kNew);
  std::vector<std::pair<NodeId, size_t>> stack;
  for (NodeId root = 0; root < num_nodes(); ++root) {
    if (nodes_[root].erased || state[root] != kNew) continue;
    state[root] = kOpen;
    stack.emplace_back(root, 0);
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      const Node& current = nodes_[id];
      if (next == current.inputs.size()) {
        state[id] = kDone;
        stack.pop_back();
        continue;
      }
      const ValueId operand = current.inputs[next++];
      const NodeId producer = operand == kNoValue ? kNoNode : values_[operand].producer;
      if (producer == kNoNode || state[producer] == kDone) continue;
      if (state[producer] == kOpen) {
        std::vector<NodeId> cycle;
        size_t start = stack.size();
        while (stack[start - 1].first != producer) --start;
        for (size_t i = stack.size(); i >= start; --i) cycle.push_back(stack[i - 1].first);
        return cycle;
      }
      state[producer] = kOpen;
      stack.emplace_back(producer, 0);
    }
  }
  return {};
}

// ---- Changing ----

absl::Status Graph::ReplaceAllUses(ValueId from, ValueId to) {
  if (values_[from].type != values_[to].type) {
    return InvalidInput("cannot replace '", values_[from].name, "' (",
                        DTypeName(values_[from].type.dtype), ShapeText(values_[from].type.shape),
                        ") by '", values_[to].name, "' (", DTypeName(values_[to].type.dtype),
                        ShapeText(values_[to].type.shape), ")");
  }
  ReplaceAllUsesAcrossTypes(from, to);
  return absl::OkStatus();
}

void Graph::ReplaceAllUsesAcrossTypes(ValueId from, ValueId to) {
  if (from == to) return;
  const std::vector<Use> uses = Uses(from);
  for (const Use& use : uses) {
    nodes_[use.node].inputs[use.operand] = to;
    AddUse(to, use.node, use.operand);
  }
  uses_stale_[to] = true;
  uses_[from].clear();
  for (GraphOutput& output : outputs_) {
    if (output.value == from) output.value = to;
  }
}

void Graph::SetOperand(NodeId id, int operand, ValueId value) {
  ValueId& slot = nodes_[id].inputs[operand];
  if (slot == value) return;
  if (slot != kNoValue) uses_stale_[slot] = true;
  slot = value;
  AddUse(value, id, operand);
  if (value != kNoValue) uses_stale_[value] = true;
}

void Graph::SetOperands(NodeId id, std::vector<ValueId> inputs) {
  Node& node = nodes_[id];
  for (ValueId old : node.inputs) {
    if (old != kNoValue) uses_stale_[old] = true;
  }
  node.inputs = std::move(inputs);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    AddUse(node.inputs[i], id, static_cast<int>(i));
    if (node.inputs[i] != kNoValue) uses_stale_[node.inputs[i]] = true;
  }
}

void Graph::SetOp(NodeId id, Op op) { nodes_[id].op = std::move(op); }

void Graph::SetType(ValueId id, Type type) { values_[id].type = std::move(type); }

void Graph::SetQuantization(ValueId id, Quantization quantization, QuantOrigin origin) {
  values_[id].quantization = std::move(quantization);
  values_[id].quant_origin = origin;
}

void Graph::MakeConstant(ValueId id, Type type, Tensor data) {
  Value& value = values_[id];
  if (value.producer != kNoNode) {
    // The producer keeps a result in this place, under another name that nothing reads.
    const NodeId producer = value.producer;
    const int result_index = value.result_index;
    Type old_type = value.type;
    const ValueId orphan = AddValue(values_[id].name, std::move(old_type));
    values_[orphan].producer = producer;
    values_[orphan].result_index = result_index;
    nodes_[producer].outputs[result_index] = orphan;
  } else {
    RemoveInput(id);
  }
  Value& constant = values_[id];
  constant.producer = kNoNode;
  constant.result_index = 0;
  constant.type = std::move(type);
  constant.constant = std::move(data);
}

void Graph::SetConstant(ValueId id, Tensor data) {
  G4C_CHECK(values_[id].constant.has_value());
  values_[id].constant = std::move(data);
}

void Graph::SetOutput(int index, ValueId value) { outputs_[index].value = value; }

void Graph::RemoveInput(ValueId id) { std::erase(inputs_, id); }

void Graph::SetInputs(std::vector<ValueId> inputs) { inputs_ = std::move(inputs); }

void Graph::Rename(ValueId id, absl::string_view wanted) {
  if (values_[id].name == wanted) return;
  values_[id].name = UniqueName(wanted);
}

void Graph::SwapNames(ValueId a, ValueId b) { std::swap(values_[a].name, values_[b].name); }

void Graph::MergeProvenance(NodeId id, const Provenance& provenance) {
  nodes_[id].provenance.Merge(provenance);
}

void Graph::EraseNode(NodeId id) {
  Node& node = nodes_[id];
  for (ValueId output : node.outputs) G4C_CHECK(Uses(output).empty() && !IsOutput(output));
  for (ValueId input : node.inputs) {
    if (input != kNoValue) uses_stale_[input] = true;
  }
  node.erased = true;
}

int Graph::EraseDead() {
  std::vector<bool> live(nodes_.size(), false);
  for (NodeId id : TopologicalOrder()) live[id] = true;
  int erased = 0;
  for (NodeId id = 0; id < num_nodes(); ++id) {
    Node& node = nodes_[id];
    if (live[id] || node.erased) continue;
    for (ValueId input : node.inputs) {
      if (input != kNoValue) uses_stale_[input] = true;
    }
    node.erased = true;
    ++erased;
  }
  return erased;
}

std::string Describe(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.provenance.empty()) return node.provenance.Text();
  std::string text(OpName(node.op));
  if (!node.outputs.empty()) absl::StrAppend(&text, " '", graph.value(node.outputs[0]).name, "'");
  return text;
}

}  // namespace g4c::ir
