#include "frontend/graph_importer.h"

#include <algorithm>

#include "frontend/op_registry.h"
#include "frontend/provenance_import.h"

namespace g4c::frontend {
namespace {

using onnx::GraphProto;
using onnx::NodeProto;

std::string FunctionKey(absl::string_view domain, absl::string_view name,
                        absl::string_view overload) {
  return absl::StrCat(domain == "ai.onnx" ? "" : domain, ":", name, ":", overload);
}

std::string DomainOf(const NodeProto& node) {
  return node.domain() == "ai.onnx" ? "" : node.domain();
}

absl::StatusOr<ir::Type> TypeOfProto(const onnx::TypeProto& type) {
  if (!type.has_tensor_type()) return Unsupported("it is no tensor (sequence, map or optional)");
  ASSIGN_OR_RETURN(const ir::DType dtype, DTypeOfOnnx(type.tensor_type().elem_type()));
  if (!type.tensor_type().has_shape()) return ir::Type{LogicalDType(dtype), ir::Shape()};
  ir::Dims dims;
  for (const auto& dim : type.tensor_type().shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return InvalidInput("its shape has the dimension ", dim.dim_value());
    dims.push_back(dim.has_dim_value() ? dim.dim_value() : ir::kUnknownDim);
  }
  ir::Dims known;
  std::copy_if(dims.begin(), dims.end(), std::back_inserter(known),
               [](int64_t d) { return d >= 0; });
  RETURN_IF_ERROR(ir::CheckedNumElements(known).status());
  return ir::Type{LogicalDType(dtype), ir::Shape(std::move(dims))};
}

}  // namespace

absl::StatusOr<ir::Graph> GraphImporter::Import() {
  const GraphProto& graph = model_.graph();
  graph_.name = graph.name();
  const absl::optional<Opsets> opsets = ReadOpsets(model_.opset_import(), "the model");
  for (const auto& function : model_.functions()) {
    functions_[FunctionKey(function.domain(), function.name(), function.overload())] = &function;
    if (auto own =
            ReadOpsets(function.opset_import(), absl::StrCat("function ", function.name()))) {
      function_opsets_[&function] = *own;
    }
  }
  if (!opsets) return problems_.ToStatus();
  CheckDefinitions(graph);
  Scope scope;
  scope.opsets = &*opsets;
  ImportInitializers(graph, scope);
  ImportInputs(graph, scope);
  ImportNodes(graph.node(), scope);
  ImportOutputs(graph, scope);
  RETURN_IF_ERROR(problems_.ToStatus());
  return std::move(graph_);
}

absl::optional<GraphImporter::Opsets> GraphImporter::ReadOpsets(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports,
    absl::string_view where) {
  Opsets opsets;
  for (const auto& entry : imports) {
    const std::string domain = entry.domain() == "ai.onnx" ? "" : entry.domain();
    opsets[domain] = entry.version();
    if (domain.empty() && (entry.version() < kOldestOpset || entry.version() > kNewestOpset)) {
      problems_.Add(
          ProblemKind::kOpset, absl::StrCat("ai.onnx opset ", entry.version()),
          absl::StrCat("of ", where, "; ", kOldestOpset, " to ", kNewestOpset, " are read"));
      return absl::nullopt;
    }
  }
  return opsets;
}

void GraphImporter::CheckDefinitions(const GraphProto& graph) {
  absl::flat_hash_map<std::string, std::string> defined;
  const auto define = [&](const std::string& name, const std::string& by) {
    if (name.empty()) return;
    const auto [it, inserted] = defined.try_emplace(name, by);
    if (!inserted) {
      problems_.Add(ProblemKind::kDuplicate, absl::StrCat("'", name, "'"),
                    absl::StrCat("by ", it->second, " and by ", by));
    }
  };
  absl::flat_hash_set<std::string> initializers;
  for (const auto& tensor : graph.initializer()) {
    initializers.insert(tensor.name());
    define(tensor.name(), "an initializer");
  }
  for (const auto& input : graph.input()) {
    if (!initializers.contains(input.name())) define(input.name(), "a graph input");
  }
  for (const auto& node : graph.node()) {
    for (const std::string& output : node.output()) define(output, Where(node, ProvenanceOf(node)));
  }
}

void GraphImporter::ImportInitializers(const GraphProto& graph, Scope& scope) {
  for (const auto& proto : graph.initializer()) {
    absl::StatusOr<ir::Tensor> tensor = tensors_->Import(proto);
    if (!tensor.ok()) {
      if (tensor.status().code() == absl::StatusCode::kUnimplemented) {
        scope.unreadable[proto.name()] = tensor.status();
      } else {
        problems_.Add(tensor.status(), "");
      }
      scope.names[proto.name()] = StandIn(proto.name());
      continue;
    }
    const ir::Type type{LogicalDType(tensor->dtype()), ir::Shape(tensor->dims())};
    scope.names[proto.name()].value = graph_.AddConstant(proto.name(), type, *std::move(tensor));
  }
  for (const auto& sparse : graph.sparse_initializer()) {
    scope.unreadable[sparse.values().name()] =
        Unsupported("initializer '", sparse.values().name(), "' is sparse");
    scope.names[sparse.values().name()] = StandIn(sparse.values().name());
  }
}

void GraphImporter::ImportInputs(const GraphProto& graph, Scope& scope) {
  for (const auto& input : graph.input()) {
    // An initializer of the same name is its default, which nothing here overrides.
    if (scope.names.contains(input.name())) continue;
    absl::StatusOr<ir::Type> type = TypeOfProto(input.type());
    if (!type.ok()) {
      problems_.Add(type.status(), absl::StrCat("graph input '", input.name(), "'"));
      scope.names[input.name()] = StandIn(input.name());
      continue;
    }
    scope.names[input.name()].value = graph_.AddInput(input.name(), *std::move(type));
  }
}

void GraphImporter::ImportOutputs(const GraphProto& graph, Scope& scope) {
  for (const auto& output : graph.output()) {
    const Ref* ref = Lookup(scope, output.name());
    if (ref == nullptr) {
      problems_.Add(ProblemKind::kDangling, output.name(), "is an output of the graph");
      continue;
    }
    if (ref->value == ir::kNoValue) {
      problems_.Add(ProblemKind::kUnsupported, absl::StrCat("output '", output.name(), "'"),
                    "is a sequence");
      continue;
    }
    graph_.AddOutput(output.name(), ref->value);
    const absl::StatusOr<ir::Type> declared = TypeOfProto(output.type());
    const ir::Type& inferred = graph_.value(ref->value).type;
    if (!declared.ok() || graph_.ProducedBy<ir::Foreign>(ref->value) != nullptr) continue;
    if (declared->dtype != inferred.dtype) {
      problems_.Add(ProblemKind::kInvalid, absl::StrCat("output '", output.name(), "'"),
                    absl::StrCat("is declared ", ir::DTypeName(declared->dtype),
                                 ", but computed as ", ir::DTypeName(inferred.dtype)));
    }
  }
  if (graph.output_size() == 0)
    problems_.Add(ProblemKind::kInvalid, "the graph has no outputs", "");
}

const Ref* GraphImporter::Lookup(const Scope& scope, const std::string& name) const {
  for (const Scope* s = &scope; s != nullptr; s = s->parent) {
    const auto it = s->names.find(name);
    if (it != s->names.end()) return &it->second;
  }
  return nullptr;
}

Ref GraphImporter::StandIn(absl::string_view name) {
  const ir::NodeId node =
      graph_.AddNode(ir::Foreign{"unknown"}, {}, {std::string(name)}, {ir::Type{}}, {});
  return {graph_.node(node).outputs[0], nullptr};
}

void GraphImporter::StandInForOutputs(const NodeProto& node, Scope& scope) {
  for (const std::string& output : node.output()) {
    if (!output.empty() && !scope.names.contains(output)) scope.names[output] = StandIn(output);
  }
}

void GraphImporter::ImportNodes(const Nodes& nodes, Scope& scope) {
  for (int i : Order(nodes, scope)) {
    if (gave_up_) return;
    if (++nodes_ > kMaxNodes) {
      problems_.Add(ProblemKind::kUnsupported,
                    absl::StrCat("more than ", kMaxNodes, " nodes with functions inlined"), "");
      gave_up_ = true;
      return;
    }
    ImportNode(nodes[i], scope);
  }
  // What a cycle kept from being imported.
  for (const NodeProto& node : nodes) StandInForOutputs(node, scope);
}

std::vector<Ref> GraphImporter::InputRefs(const NodeProto& node, Scope& scope,
                                          const std::string& where) {
  std::vector<Ref> refs;
  for (const std::string& name : node.input()) {
    if (name.empty()) {
      refs.emplace_back();
      continue;
    }
    for (const Scope* s = &scope; s != nullptr; s = s->parent) {
      const auto unreadable = s->unreadable.find(name);
      if (unreadable != s->unreadable.end())
        problems_.Add(unreadable->second, absl::StrCat("read by ", where));
    }
    const Ref* ref = Lookup(scope, name);
    if (ref == nullptr) {
      if (reported_.insert(name).second) {
        problems_.Add(ProblemKind::kDangling, name, absl::StrCat("read by ", where));
      }
      scope.names[name] = StandIn(name);
      ref = &scope.names[name];
    }
    refs.push_back(*ref);
  }
  return refs;
}

void GraphImporter::ImportNode(const NodeProto& node, Scope& scope) {
  ir::Provenance provenance = ProvenanceOf(node);
  // A function's body is told by the call where it does not tell itself.
  if (scope.caller != nullptr && provenance.lead().module.empty()) {
    ir::Origin origin = scope.caller->lead();
    origin.op_type = node.op_type();
    // Of nested calls only the outermost, however deep they go.
    if (scope.call_depth == 1 && !node.name().empty())
      origin.node = absl::StrCat(origin.node, "/", node.name());
    provenance = ir::Provenance(std::move(origin));
  }
  const std::string where = Where(node, provenance);
  const auto function =
      functions_.find(FunctionKey(node.domain(), node.op_type(), node.overload()));
  absl::Status status;
  if (function != functions_.end()) {
    status = ImportCall(node, *function->second, scope, provenance);
  } else if (node.op_type() == "If" && DomainOf(node).empty()) {
    status = ImportIf(node, scope, provenance);
  } else {
    ImportBuiltin(node, scope, provenance);
  }
  if (!status.ok() && !scope.lenient) problems_.Add(status, where);
  StandInForOutputs(node, scope);
}

void GraphImporter::ImportBuiltin(const NodeProto& node, Scope& scope,
                                  const ir::Provenance& provenance) {
  const std::string where = Where(node, provenance);
  const std::string domain = DomainOf(node);
  const std::string full_name =
      domain.empty() ? node.op_type() : absl::StrCat(domain, ".", node.op_type());
  std::vector<Ref> inputs = InputRefs(node, scope, where);
  const OpRow* row = FindOp(domain, node.op_type());
  if (row == nullptr) {
    const absl::string_view why = WhyRefused(node.op_type());
    problems_.Add(ProblemKind::kOperator, full_name,
                  why.empty() ? where : absl::StrCat(where, ": ", why));
    return;
  }
  const auto opset = scope.opsets->find(domain);
  if (opset == scope.opsets->end() && domain.empty()) {
    problems_.Add(ProblemKind::kOpset, "no opset of ai.onnx is imported", where);
    return;
  }
  const int64_t version = opset == scope.opsets->end() ? row->since : opset->second;
  // ONNX Runtime's own operators in the domain of ai.onnx have no opset.
  if (version < row->since) {
    problems_.Add(ProblemKind::kOpset, absl::StrCat(full_name, " in opset ", version),
                  absl::StrCat("exists since opset ", row->since, "; ", where));
    return;
  }
  NodeContext context(node, version, std::move(inputs), provenance, scope.call, &graph_, tensors_);
  const absl::Status status = row->import(context);
  if (!status.ok()) {
    if (!scope.lenient) problems_.Add(Prefixed(status, absl::StrCat(full_name, ": ")), where);
    return;
  }
  for (const std::string& attribute : context.mistyped()) {
    problems_.Add(
        ProblemKind::kInvalid,
        absl::StrCat("attribute '", attribute, "' has another type than ", full_name, " gives it"),
        where);
  }
  for (const std::string& attribute : context.UnknownAttributes()) {
    problems_.Add(ProblemKind::kAttribute, absl::StrCat("'", attribute, "' of ", full_name), where);
  }
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    const Ref& result = context.results()[i];
    if (result.value != ir::kNoValue || result.sequence != nullptr)
      scope.names[node.output(i)] = result;
  }
}

absl::Status GraphImporter::ImportCall(const NodeProto& node, const onnx::FunctionProto& function,
                                       Scope& scope, const ir::Provenance& provenance) {
  if (scope.call_depth >= kMaxCallDepth) {
    gave_up_ = true;
    return InvalidInput("functions are nested more than ", kMaxCallDepth, " calls deep, at '",
                        function.name(), "'; inline them (onnx.inliner) or look for a recursion");
  }
  const std::string where = Where(node, provenance);
  const std::vector<Ref> inputs = InputRefs(node, scope, where);
  if (inputs.size() > static_cast<size_t>(function.input_size())) {
    return InvalidInput("function '", function.name(), "' takes ", function.input_size(),
                        " inputs, not ", inputs.size());
  }
  CallAttributes attributes;
  for (const auto& attribute : function.attribute_proto())
    attributes[attribute.name()] = &attribute;
  absl::flat_hash_set<std::string> known(function.attribute().begin(), function.attribute().end());
  for (const auto& attribute : node.attribute()) {
    if (!known.contains(attribute.name()) && attributes.count(attribute.name()) == 0) {
      problems_.Add(ProblemKind::kAttribute,
                    absl::StrCat("'", attribute.name(), "' of function ", function.name()), where);
      continue;
    }
    const onnx::AttributeProto* resolved = &attribute;
    if (!attribute.ref_attr_name().empty()) {
      if (scope.call == nullptr) continue;
      const auto outer = scope.call->find(attribute.ref_attr_name());
      if (outer == scope.call->end()) continue;
      resolved = outer->second;
    }
    attributes[attribute.name()] = resolved;
  }
  Scope body;
  const auto opsets = function_opsets_.find(&function);
  body.opsets =
      opsets == function_opsets_.end() || opsets->second.empty() ? scope.opsets : &opsets->second;
  body.call = &attributes;
  body.caller = &provenance;
  body.call_depth = scope.call_depth + 1;
  body.lenient = scope.lenient;
  for (int i = 0; i < function.input_size(); ++i) {
    body.names[function.input(i)] = i < static_cast<int>(inputs.size()) ? inputs[i] : Ref();
  }
  ImportNodes(function.node(), body);
  for (int i = 0; i < std::min(function.output_size(), node.output_size()); ++i) {
    if (node.output(i).empty()) continue;
    const Ref* ref = Lookup(body, function.output(i));
    if (ref == nullptr)
      return InvalidInput("function '", function.name(), "' never computes its output '",
                          function.output(i), "'");
    scope.names[node.output(i)] = *ref;
    const bool made_here = ref->value != ir::kNoValue && graph_.Producer(ref->value) != nullptr &&
                           std::none_of(inputs.begin(), inputs.end(),
                                        [&](const Ref& in) { return in.value == ref->value; });
    if (made_here) graph_.Rename(ref->value, node.output(i));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Ref>> GraphImporter::ImportBranch(const GraphProto& branch, Scope& scope,
                                                             bool lenient) {
  Scope inner;
  inner.parent = &scope;
  inner.opsets = scope.opsets;
  inner.call = scope.call;
  inner.caller = scope.caller;
  inner.call_depth = scope.call_depth;
  inner.lenient = lenient || scope.lenient;
  ImportInitializers(branch, inner);
  ImportNodes(branch.node(), inner);
  std::vector<Ref> results;
  for (const auto& output : branch.output()) {
    const Ref* ref = Lookup(inner, output.name());
    if (ref == nullptr)
      return InvalidInput("a branch never computes its output '", output.name(), "'");
    results.push_back(*ref);
  }
  return results;
}

absl::Status GraphImporter::ImportIf(const NodeProto& node, Scope& scope,
                                     const ir::Provenance& provenance) {
  const std::vector<Ref> inputs = InputRefs(node, scope, Where(node, provenance));
  const GraphProto* branches[2] = {nullptr, nullptr};  // then, else
  for (const auto& attribute : node.attribute()) {
    if (attribute.name() == "then_branch") branches[0] = &attribute.g();
    if (attribute.name() == "else_branch") branches[1] = &attribute.g();
  }
  if (inputs.size() != 1 || inputs[0].value == ir::kNoValue || branches[0] == nullptr ||
      branches[1] == nullptr) {
    return InvalidInput("If needs a condition and two branches");
  }
  const ir::ValueId condition = inputs[0].value;
  if (graph_.IsConstant(condition) && graph_.value(condition).constant->NumElements() == 1) {
    const bool taken = graph_.value(condition).constant->IntScalar() != 0;
    ASSIGN_OR_RETURN(const std::vector<Ref> results,
                     ImportBranch(*branches[taken ? 0 : 1], scope, false));
    for (int i = 0; i < node.output_size() && i < static_cast<int>(results.size()); ++i) {
      scope.names[node.output(i)] = results[i];
    }
    return absl::OkStatus();
  }
  // Which branch runs shows when the condition has been folded.
  ASSIGN_OR_RETURN(const std::vector<Ref> a, ImportBranch(*branches[0], scope, true));
  ASSIGN_OR_RETURN(const std::vector<Ref> b, ImportBranch(*branches[1], scope, true));
  if (a.size() != b.size())
    return InvalidInput("the branches of If have ", a.size(), " and ", b.size(), " outputs");
  for (int i = 0; i < node.output_size() && i < static_cast<int>(a.size()); ++i) {
    if (a[i].value == ir::kNoValue || b[i].value == ir::kNoValue)
      return Unsupported("If with sequences as results");
    ASSIGN_OR_RETURN(scope.names[node.output(i)].value,
                     graph_.AddInferred(ir::Choose{}, {condition, a[i].value, b[i].value},
                                        node.output(i), provenance));
  }
  return absl::OkStatus();
}

}  // namespace g4c::frontend
