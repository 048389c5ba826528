#include "frontend/graph_importer.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "frontend/op_registry.h"
#include "frontend/provenance_import.h"

namespace g4c::frontend {
namespace {

using onnx::GraphProto;
using onnx::NodeProto;

std::string Domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

absl::StatusOr<ir::Type> TypeOfProto(const onnx::TypeProto& type) {
  if (type.value_case() == onnx::TypeProto::VALUE_NOT_SET) return InvalidInput("it has no type");
  if (!type.has_tensor_type()) return Unsupported("it is no tensor (a sequence, map or optional)");
  ASSIGN_OR_RETURN(const ir::DType dtype, DTypeOfOnnx(type.tensor_type().elem_type()));
  if (!type.tensor_type().has_shape()) return ir::Type{LogicalDType(dtype), ir::Shape()};
  ir::Dims dims;
  for (const auto& dim : type.tensor_type().shape().dim()) {
    if (!dim.has_dim_value()) {
      dims.push_back(ir::kUnknownDim);
      continue;
    }
    if (dim.dim_value() < 0) return InvalidInput("its shape has the dimension ", dim.dim_value());
    dims.push_back(dim.dim_value());
  }
  RETURN_IF_ERROR(CheckSize(dims));
  return ir::Type{LogicalDType(dtype), ir::Shape(std::move(dims))};
}

bool Contradict(const ir::Shape& a, const ir::Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return false;
  if (a.rank() != b.rank()) return true;
  for (int i = 0; i < a.rank(); ++i) {
    if (a.dim(i) != b.dim(i) && a.dim(i) != ir::kUnknownDim && b.dim(i) != ir::kUnknownDim) {
      return true;
    }
  }
  return false;
}

std::string CycleText(const Nodes& nodes, const std::vector<int>& cycle) {
  constexpr size_t kMostNames = 8;
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(cycle.size(), kMostNames); ++i) {
    names.push_back(Where(nodes[cycle[i]], ProvenanceOf(nodes[cycle[i]])));
  }
  if (cycle.size() > kMostNames) names.push_back(absl::StrCat(cycle.size() - kMostNames, " more"));
  names.push_back("back to the first");
  return absl::StrJoin(names, " -> ");
}

}  // namespace

std::string Where(const NodeProto& node, const ir::Provenance& provenance) {
  std::string text = provenance.Text();
  if (!provenance.lead().node.empty()) return text;
  const auto output = std::find_if(node.output().begin(), node.output().end(),
                                   [](const std::string& name) { return !name.empty(); });
  if (output == node.output().end()) return text;
  return absl::StrCat(node.op_type(), " of '", *output, "'",
                      absl::string_view(text).substr(node.op_type().size()));
}

std::string FunctionKey(absl::string_view domain, absl::string_view name,
                        absl::string_view overload) {
  return absl::StrCat(domain == "ai.onnx" ? "" : domain, ":", name, ":", overload);
}

absl::StatusOr<ir::Graph> GraphImporter::Import() {
  const GraphProto& graph = model_.graph();
  graph_.name = graph.name();
  const Opsets opsets = ReadOpsets(model_.opset_import(), "the model");
  if (!opsets.contains("")) {
    return InvalidInput("the model imports no opset of ai.onnx (is the file complete?)");
  }
  ReadFunctions();
  for (const auto& info : graph.value_info()) declared_[info.name()] = &info.type();
  if (graph.quantization_annotation_size() > 0) {
    notes_.push_back(
        "quantization_annotation is not read; only QuantizeLinear and DequantizeLinear say how "
        "values are quantised");
  }
  if (model_.training_info_size() > 0) {
    notes_.push_back("training_info is not read; only the inference graph is exported");
  }
  Scope scope;
  scope.opsets = &opsets;
  scope.names_only = !CheckOpset(opsets, "the model");
  ImportInitializers(graph, scope);
  ImportInputs(graph, scope);
  ImportNodes(graph.node(), scope);
  RETURN_IF_ERROR(fatal_);
  ImportOutputs(graph, scope);
  RETURN_IF_ERROR(problems_.ToStatus());
  return std::move(graph_);
}

GraphImporter::Opsets GraphImporter::ReadOpsets(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports,
    absl::string_view where) {
  Opsets opsets;
  for (const auto& entry : imports) {
    const auto [it, inserted] = opsets.try_emplace(Domain(entry.domain()), entry.version());
    if (inserted || it->second == entry.version()) continue;
    problems_.Add(InvalidInput(where, " imports the opsets ", it->second, " and ", entry.version(),
                               " of ", it->first.empty() ? "ai.onnx" : it->first),
                  "");
  }
  return opsets;
}

bool GraphImporter::CheckOpset(const Opsets& opsets, absl::string_view where) {
  const auto it = opsets.find("");
  if (it == opsets.end() || (it->second >= kOldestOpset && it->second <= kNewestOpset)) return true;
  problems_.Add(ProblemKind::kOpset, absl::StrCat("ai.onnx opset ", it->second),
                absl::StrCat("of ", where, "; ", kOldestOpset, " to ", kNewestOpset, " are read"));
  return false;
}

void GraphImporter::ReadFunctions() {
  for (const auto& function : model_.functions()) {
    const std::string key = FunctionKey(function.domain(), function.name(), function.overload());
    if (!functions_.emplace(key, &function).second) {
      problems_.Add(ProblemKind::kDuplicate, absl::StrCat("'", function.name(), "'"),
                    absl::StrCat("by two functions of domain '", function.domain(), "'"));
    }
  }
}

void GraphImporter::ImportInitializers(const GraphProto& graph, Scope& scope) {
  for (const auto& proto : graph.initializer()) {
    Ref& ref = scope.names[proto.name()];
    if (ref.value != ir::kNoValue || ref.unreadable != nullptr) {
      problems_.Add(ProblemKind::kDuplicate, absl::StrCat("'", proto.name(), "'"),
                    "by two initializers");
      continue;
    }
    absl::StatusOr<ir::Tensor> tensor =
        tensors_->Import(proto, absl::StrCat("initializer '", proto.name(), "'"));
    if (tensor.ok()) {
      const ir::Type type{LogicalDType(tensor->dtype()), ir::Shape(tensor->dims())};
      ref.value = graph_.AddConstant(ResultName(scope, proto.name()), type, *std::move(tensor));
      continue;
    }
    if (tensor.status().code() == absl::StatusCode::kUnimplemented) {
      ref.unreadable = std::make_shared<const absl::Status>(tensor.status());
    } else {
      problems_.Add(tensor.status(), "");
      ref = StandIn(proto.name());
    }
  }
  for (const auto& sparse : graph.sparse_initializer()) {
    const std::string& name = sparse.values().name();
    scope.names[name].unreadable = std::make_shared<const absl::Status>(
        Unsupported("initializer '", name, "': it is sparse; store it densely"));
  }
}

void GraphImporter::ImportInputs(const GraphProto& graph, Scope& scope) {
  absl::flat_hash_set<std::string> seen;
  for (const auto& input : graph.input()) {
    if (!seen.insert(input.name()).second) {
      problems_.Add(ProblemKind::kDuplicate, absl::StrCat("'", input.name(), "'"),
                    "by two graph inputs");
      continue;
    }
    // An initializer of the same name is its default, which nothing here overrides.
    if (scope.names.contains(input.name())) continue;
    absl::StatusOr<ir::Type> type = TypeOfProto(input.type());
    if (input.name().empty()) type = InvalidInput("it has no name");
    if (!type.ok()) {
      problems_.Add(type.status(), absl::StrCat("graph input '", input.name(), "'"));
      scope.names[input.name()] = StandIn(input.name());
      continue;
    }
    const ir::DType stored = *DTypeOfOnnx(input.type().tensor_type().elem_type());
    if (stored != type->dtype) {
      notes_.push_back(absl::StrCat("graph input '", input.name(), "' is ", ir::DTypeName(stored),
                                    " in the model, f32 here"));
    }
    scope.names[input.name()].value = graph_.AddInput(input.name(), *std::move(type));
  }
}

void GraphImporter::ImportOutputs(const GraphProto& graph, Scope& scope) {
  absl::flat_hash_set<std::string> seen;
  for (const auto& output : graph.output()) {
    const std::string& name = output.name();
    constexpr absl::string_view where = "is an output of the graph";
    if (!seen.insert(name).second) {
      problems_.Add(ProblemKind::kDuplicate, absl::StrCat("'", name, "'"), "by two graph outputs");
      continue;
    }
    const Ref* ref = Lookup(scope, name);
    if (ref == nullptr) {
      problems_.Add(ProblemKind::kDangling, name, where);
    } else if (ref->unreadable != nullptr) {
      problems_.Add(*ref->unreadable, where);
    } else if (ref->value == ir::kNoValue) {
      problems_.Add(Unsupported("'", name, "': a sequence"), where);
    } else {
      graph_.AddOutput(name, ref->value);
      if (ref->guessed == nullptr) CheckDeclared(output, ref->value);
    }
  }
  if (graph.output_size() == 0) problems_.Add(InvalidInput("the graph has no outputs"), "");
}

void GraphImporter::CheckDeclared(const onnx::ValueInfoProto& output, ir::ValueId value) {
  const absl::StatusOr<ir::Type> declared = TypeOfProto(output.type());
  if (!declared.ok()) return;  // left out: it says nothing
  const ir::Type& computed = graph_.value(value).type;
  const std::string name = absl::StrCat("output '", output.name(), "'");
  if (declared->dtype != computed.dtype) {
    problems_.Add(InvalidInput(name, " is declared ", ir::DTypeName(declared->dtype),
                               ", but computed as ", ir::DTypeName(computed.dtype)),
                  "");
  } else if (Contradict(declared->shape, computed.shape)) {
    // Tools that change a graph often leave old shapes behind, and runtimes only warn.
    notes_.push_back(absl::StrCat(name, " is declared ", ir::ShapeText(declared->shape),
                                  ", but computed as ", ir::ShapeText(computed.shape)));
  }
}

const Ref* GraphImporter::Lookup(const Scope& scope, const std::string& name) const {
  for (const Scope* s = &scope; s != nullptr; s = s->parent) {
    const auto it = s->names.find(name);
    if (it != s->names.end()) return &it->second;
  }
  return nullptr;
}

Ref GraphImporter::StandIn(absl::string_view name, ir::Type type,
                           std::shared_ptr<const Guess> guess) {
  Ref ref;
  ref.guessed = guess != nullptr ? std::move(guess) : std::make_shared<const Guess>();
  const ir::NodeId node = graph_.AddNode(ir::Foreign{ref.guessed->why}, {}, {std::string(name)},
                                         {std::move(type)}, ref.guessed->where);
  ref.value = graph_.node(node).outputs[0];
  return ref;
}

void GraphImporter::StandInForOutputs(const NodeProto& node, Scope& scope,
                                      const std::shared_ptr<const Guess>& guess) {
  for (const std::string& output : node.output()) {
    if (output.empty() || scope.names.contains(output)) continue;
    scope.names[output] = StandIn(output, {}, guess);
  }
}

std::shared_ptr<const Guess> GraphImporter::GuessAmongInputs(const NodeProto& node,
                                                             const Scope& scope) const {
  for (const std::string& name : node.input()) {
    const Ref* ref = name.empty() ? nullptr : Lookup(scope, name);
    if (ref != nullptr && ref->guessed != nullptr) return ref->guessed;
  }
  return nullptr;
}

std::string GraphImporter::ResultName(const Scope& scope, const std::string& name) const {
  if (name.empty()) return "";
  const auto it = scope.result_names.find(name);
  return it != scope.result_names.end() ? it->second : absl::StrCat(scope.prefix, name);
}

ir::Provenance GraphImporter::ProvenanceIn(const Scope& scope, const NodeProto& node) const {
  ir::Provenance provenance = ProvenanceOf(node);
  // A function's body is told by the call where it does not tell itself.
  if (scope.call_site == nullptr || !provenance.lead().module.empty()) return provenance;
  ir::Origin origin = scope.call_site->lead();
  origin.op_type = node.op_type();
  if (!node.name().empty()) origin.node = absl::StrCat(origin.node, "/", node.name());
  return ir::Provenance(std::move(origin));
}

void GraphImporter::ReportOrder(const Nodes& nodes, const NodeOrder& order, Scope& scope) {
  const auto where = [&](int i) { return Where(nodes[i], ProvenanceIn(scope, nodes[i])); };
  for (const auto& [name, first, second] : order.duplicates) {
    problems_.Add(ProblemKind::kDuplicate, absl::StrCat("'", name, "'"),
                  absl::StrCat("by ", first < 0 ? "an input or initializer" : where(first),
                               " and by ", where(second)));
  }
  for (const auto& [name, reader] : order.dangling) {
    problems_.Add(ProblemKind::kDangling, name, absl::StrCat("read by ", where(reader)));
    scope.names[name] = StandIn(name);
  }
  if (!order.cycle.empty()) {
    problems_.Add(ProblemKind::kCycle, CycleText(nodes, order.cycle), "");
  }
}

void GraphImporter::ImportNodes(const Nodes& nodes, Scope& scope) {
  const NodeOrder order = OrderNodes(
      nodes, [&](const std::string& name) { return scope.names.contains(name); },
      [&](const std::string& name) { return Lookup(scope, name) != nullptr; });
  ReportOrder(nodes, order, scope);
  for (int i : order.order) {
    if (!fatal_.ok()) return;
    if (++nodes_ > kMaxNodes) {
      fatal_ = Unsupported("the model has more than ", kMaxNodes, " nodes with functions inlined");
      return;
    }
    ImportNode(nodes[i], scope);
  }
  // What a cycle kept from being imported.
  if (!order.cycle.empty()) {
    for (const NodeProto& node : nodes) StandInForOutputs(node, scope);
  }
}

std::vector<Ref> GraphImporter::InputRefs(const NodeProto& node, Scope& scope,
                                          const std::string& where) {
  std::vector<Ref> refs;
  for (const std::string& name : node.input()) {
    const Ref* ref = name.empty() ? nullptr : Lookup(scope, name);
    G4C_CHECK(name.empty() || ref != nullptr);  // ReportOrder gave dangling names a stand-in
    refs.push_back(ref == nullptr ? Ref() : *ref);
    if (ref == nullptr || ref->unreadable == nullptr) continue;
    problems_.Add(*ref->unreadable, absl::StrCat("read by ", where));
    refs.back() = StandIn(name);
  }
  return refs;
}

void GraphImporter::ImportNode(const NodeProto& node, Scope& scope) {
  const bool wanted = std::any_of(node.output().begin(), node.output().end(),
                                  [](const std::string& name) { return !name.empty(); });
  if (!wanted) return;
  const ir::Provenance provenance = ProvenanceIn(scope, node);
  const auto function =
      functions_.find(FunctionKey(node.domain(), node.op_type(), node.overload()));
  absl::Status status;
  if (function != functions_.end()) {
    status = ImportCall(node, *function->second, scope, provenance);
  } else if (node.op_type() == "If" && Domain(node.domain()).empty()) {
    status = ImportIf(node, scope, provenance);
  } else {
    status = ImportBuiltin(node, scope, provenance);
  }
  if (status.ok()) {
    StandInForOutputs(node, scope, GuessAmongInputs(node, scope));
    return;
  }
  if (!scope.lenient) problems_.Add(status, Where(node, provenance));
  StandInForOutputs(
      node, scope, std::make_shared<const Guess>(Guess{std::string(status.message()), provenance}));
}

absl::Status GraphImporter::CheckInputs(const NodeProto& node, int min_inputs,
                                        const std::vector<Ref>& inputs) const {
  for (int i = 0; i < min_inputs; ++i) {
    if (i < static_cast<int>(inputs.size()) && inputs[i].value != ir::kNoValue) continue;
    const bool is_sequence = i < static_cast<int>(inputs.size()) && inputs[i].sequence != nullptr;
    if (is_sequence) return InvalidInput("operand ", i, " ('", node.input(i), "') is a sequence");
    return InvalidInput("operand ", i, " is missing; it takes ", min_inputs, " or more");
  }
  return absl::OkStatus();
}

absl::Status GraphImporter::ImportBuiltin(const NodeProto& node, Scope& scope,
                                          const ir::Provenance& provenance) {
  const std::string where = Where(node, provenance);
  const std::string domain = Domain(node.domain());
  const std::string full_name =
      domain.empty() ? node.op_type() : absl::StrCat(domain, ".", node.op_type());
  std::vector<Ref> inputs = InputRefs(node, scope, where);
  const OpRow* row = FindOp(domain, node.op_type());
  if (row == nullptr) {
    const absl::string_view why = WhyRefused(node.op_type());
    if (scope.lenient) {
      return Unsupported("operator ", full_name, " is not supported", why.empty() ? "" : ": ", why);
    }
    problems_.Add(ProblemKind::kOperator, full_name,
                  why.empty() ? where : absl::StrCat(where, ": ", why));
    return absl::OkStatus();
  }
  if (scope.names_only) return absl::OkStatus();
  const auto opset = scope.opsets->find(domain);
  if (opset == scope.opsets->end() && domain.empty()) {
    return InvalidInput("function '", scope.function->name(), "' imports no opset of ai.onnx");
  }
  // ONNX Runtime's own operators have one version, which not every tool imports.
  const int64_t version = opset == scope.opsets->end() ? row->since : opset->second;
  if (version < row->since) {
    problems_.Add(ProblemKind::kOpset, absl::StrCat(full_name, " in opset ", version),
                  absl::StrCat(where, ": it exists since opset ", row->since, " of ",
                               domain.empty() ? "ai.onnx" : domain));
    return absl::OkStatus();
  }
  std::shared_ptr<const Guess> guessed = GuessAmongInputs(node, scope);
  absl::Status status = CheckInputs(node, row->min_inputs, inputs);
  if (!status.ok()) return guessed == nullptr ? status : absl::OkStatus();

  std::vector<std::string> names;
  for (const std::string& output : node.output()) names.push_back(ResultName(scope, output));
  NodeContext context(node, version, std::move(inputs), std::move(names), provenance, scope.call,
                      &graph_, tensors_);
  status = row->import(context);
  for (const std::string& attribute : context.mistyped()) {
    problems_.Add(InvalidInput("attribute '", attribute, "' is not of the type that ", full_name,
                               " gives it, or is given twice"),
                  where);
  }
  if (const int input = context.misread_sequence(); input >= 0) {
    status = InvalidInput("operand ", input, " ('", node.input(input), "') is a sequence");
  }
  if (!status.ok()) return guessed == nullptr ? status : absl::OkStatus();
  for (const std::string& attribute : context.UnknownAttributes()) {
    problems_.Add(ProblemKind::kAttribute,
                  absl::StrCat("'", attribute, "' of ", full_name, " in opset ", version), where);
  }
  if (const int input = context.UnknownInput(); input >= 0) {
    problems_.Add(InvalidInput("input ", input, " ('", node.input(input), "') is one too many for ",
                               full_name, " in opset ", version),
                  where);
  }
  BindResults(node, context, std::move(guessed), scope);
  return absl::OkStatus();
}

void GraphImporter::BindResults(const NodeProto& node, const NodeContext& context,
                                std::shared_ptr<const Guess> guessed, Scope& scope) {
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    Ref result = context.results()[i];
    if (result.value == ir::kNoValue && result.sequence == nullptr) {
      result.unreadable = std::make_shared<const absl::Status>(
          Unsupported("result ", i, " ('", node.output(i), "') of ", node.op_type(), " '",
                      node.name(), "' is not computed here"));
    } else if (guessed != nullptr) {
      result.guessed = guessed;
    } else if (result.value != ir::kNoValue && scope.parent == nullptr && scope.caller == nullptr) {
      AdoptDeclaredRank(node.output(i), result.value);
    }
    // A value that is defined twice keeps its first meaning.
    scope.names.try_emplace(node.output(i), std::move(result));
  }
}

void GraphImporter::AdoptDeclaredRank(const std::string& name, ir::ValueId value) {
  if (graph_.value(value).type.shape.has_rank()) return;
  const auto it = declared_.find(name);
  if (it == declared_.end()) return;
  const absl::StatusOr<ir::Type> declared = TypeOfProto(*it->second);
  if (!declared.ok() || !declared->shape.has_rank()) return;
  // Only the rank: dimensions may be left over from before a change of the graph.
  graph_.SetType(value, {graph_.value(value).type.dtype,
                         ir::Shape(ir::Dims(declared->shape.rank(), ir::kUnknownDim))});
}

}  // namespace g4c::frontend
