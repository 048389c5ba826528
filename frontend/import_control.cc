// Calls of model-local functions, which are inlined, and If.
#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "frontend/graph_importer.h"
#include "frontend/op_registry.h"

namespace g4c::frontend {

using onnx::AttributeProto;
using onnx::FunctionProto;
using onnx::GraphProto;
using onnx::NodeProto;

absl::Status GraphImporter::CheckDepth(const FunctionProto& function, const Scope& scope) const {
  std::vector<std::string> calls{function.name()};
  for (const Scope* s = &scope; s != nullptr; s = s->parent != nullptr ? s->parent : s->caller) {
    if (s->function == nullptr || s->parent != nullptr) continue;
    calls.push_back(s->function->name());
    if (s->function != &function) continue;
    std::reverse(calls.begin(), calls.end());
    return InvalidInput("function '", function.name(),
                        "' calls itself: ", absl::StrJoin(calls, " -> "),
                        "; ONNX has no recursion");
  }
  if (scope.depth < kMaxNesting) return absl::OkStatus();
  return InvalidInput("functions are nested deeper than ", kMaxNesting, " levels, at the call of '",
                      function.name(), "'; inline them first (onnx.inliner)");
}

CallAttributes GraphImporter::AttributesOfCall(const NodeProto& node, const FunctionProto& function,
                                               const Scope& scope, const std::string& where) {
  CallAttributes attributes;
  absl::flat_hash_set<std::string> known(function.attribute().begin(), function.attribute().end());
  for (const AttributeProto& attribute : function.attribute_proto()) {
    known.insert(attribute.name());
    attributes[attribute.name()] = &attribute;
  }
  for (const AttributeProto& attribute : node.attribute()) {
    if (!known.contains(attribute.name())) {
      problems_.Add(ProblemKind::kAttribute,
                    absl::StrCat("'", attribute.name(), "' of function '", function.name(), "'"),
                    where);
    } else if (const AttributeProto* resolved = ResolveAttribute(attribute, scope.call)) {
      attributes[attribute.name()] = resolved;
    }
  }
  return attributes;
}

absl::Status GraphImporter::ImportCall(const NodeProto& node, const FunctionProto& function,
                                       Scope& scope, const ir::Provenance& provenance) {
  fatal_ = CheckDepth(function, scope);
  if (!fatal_.ok()) return absl::OkStatus();
  const std::string where = Where(node, provenance);
  const std::vector<Ref> inputs = InputRefs(node, scope, where);
  if (node.input_size() > function.input_size() || node.output_size() > function.output_size()) {
    return InvalidInput("function '", function.name(), "' has ", function.input_size(),
                        " inputs and ", function.output_size(), " outputs, its call ",
                        node.input_size(), " and ", node.output_size());
  }
  const std::string name = absl::StrCat("function '", function.name(), "'");
  const Opsets own = ReadOpsets(function.opset_import(), name);
  const Opsets& opsets = own.empty() ? *scope.opsets : own;
  const CallAttributes attributes = AttributesOfCall(node, function, scope, where);
  Scope body;
  body.caller = &scope;
  body.function = &function;
  body.call_site = &provenance;
  body.call = &attributes;
  body.opsets = &opsets;
  body.depth = scope.depth + 1;
  body.lenient = scope.lenient;
  body.names_only = !CheckOpset(opsets, name);
  const auto first = std::find_if(node.output().begin(), node.output().end(),
                                  [](const std::string& name) { return !name.empty(); });
  body.prefix = absl::StrCat(
      node.name().empty() ? ResultName(scope, *first) : absl::StrCat(scope.prefix, node.name()),
      "/");
  for (int i = 0; i < function.input_size(); ++i) {
    body.names[function.input(i)] = i < node.input_size() ? inputs[i] : Ref();
  }
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty() || body.names.contains(function.output(i))) continue;
    body.result_names.try_emplace(function.output(i), ResultName(scope, node.output(i)));
  }
  ImportNodes(function.node(), body);
  if (!fatal_.ok()) return absl::OkStatus();
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    const Ref* ref = Lookup(body, function.output(i));
    if (ref == nullptr) {
      return InvalidInput("function '", function.name(), "' never computes its output '",
                          function.output(i), "'");
    }
    scope.names.try_emplace(node.output(i), *ref);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Ref>> GraphImporter::ImportBranch(const GraphProto& branch, Scope& scope,
                                                             bool lenient) {
  if (scope.depth >= kMaxNesting) {
    fatal_ = InvalidInput("branches and functions are nested deeper than ", kMaxNesting, " levels");
    return std::vector<Ref>();
  }
  Scope inner;
  inner.parent = &scope;
  inner.caller = scope.caller;
  inner.function = scope.function;
  inner.call_site = scope.call_site;
  inner.call = scope.call;
  inner.opsets = scope.opsets;
  inner.depth = scope.depth + 1;
  inner.lenient = lenient || scope.lenient;
  inner.names_only = scope.names_only;
  inner.prefix = scope.prefix;
  ImportInitializers(branch, inner);
  ImportNodes(branch.node(), inner);
  std::vector<Ref> results;
  for (const auto& output : branch.output()) {
    const Ref* ref = Lookup(inner, output.name());
    if (ref == nullptr) {
      return InvalidInput("a branch never computes its output '", output.name(), "'");
    }
    results.push_back(*ref);
  }
  return results;
}

absl::Status GraphImporter::ImportIf(const NodeProto& node, Scope& scope,
                                     const ir::Provenance& provenance) {
  const std::string where = Where(node, provenance);
  const std::vector<Ref> inputs = InputRefs(node, scope, where);
  const GraphProto* then_branch = nullptr;
  const GraphProto* else_branch = nullptr;
  for (const AttributeProto& attribute : node.attribute()) {
    const AttributeProto* resolved = ResolveAttribute(attribute, scope.call);
    if (attribute.name() != "then_branch" && attribute.name() != "else_branch") {
      problems_.Add(ProblemKind::kAttribute, absl::StrCat("'", attribute.name(), "' of If"), where);
    } else if (resolved != nullptr && resolved->has_g()) {
      (attribute.name() == "then_branch" ? then_branch : else_branch) = &resolved->g();
    }
  }
  if (inputs.size() != 1 || then_branch == nullptr || else_branch == nullptr) {
    return InvalidInput("it needs one condition, a then_branch and an else_branch");
  }
  if (inputs[0].guessed != nullptr) return absl::OkStatus();
  const ir::ValueId condition = inputs[0].value;
  if (condition == ir::kNoValue) {
    return InvalidInput("its condition is ", inputs[0].sequence ? "a sequence" : "missing");
  }
  if (graph_.value(condition).type.dtype != ir::DType::kBool) {
    return InvalidInput("its condition is ", ir::DTypeName(graph_.value(condition).type.dtype),
                        ", not bool");
  }
  const auto check_results = [&](const std::vector<Ref>& results) -> absl::Status {
    if (static_cast<int>(results.size()) >= node.output_size()) return absl::OkStatus();
    return InvalidInput("it has ", node.output_size(), " results, a branch of it ", results.size());
  };

  if (graph_.IsConstant(condition)) {
    const ir::Tensor& data = *graph_.value(condition).constant;
    if (data.NumElements() != 1) {
      return InvalidInput("its condition has ", data.NumElements(), " elements");
    }
    const GraphProto& taken = data.IntScalar() != 0 ? *then_branch : *else_branch;
    ASSIGN_OR_RETURN(const std::vector<Ref> results, ImportBranch(taken, scope, false));
    if (!fatal_.ok()) return absl::OkStatus();
    RETURN_IF_ERROR(check_results(results));
    for (int i = 0; i < node.output_size(); ++i) {
      if (!node.output(i).empty()) scope.names.try_emplace(node.output(i), results[i]);
    }
    return absl::OkStatus();
  }

  // Which branch runs shows when the condition has been folded.
  ASSIGN_OR_RETURN(std::vector<Ref> a, ImportBranch(*then_branch, scope, true));
  ASSIGN_OR_RETURN(std::vector<Ref> b, ImportBranch(*else_branch, scope, true));
  if (!fatal_.ok()) return absl::OkStatus();
  RETURN_IF_ERROR(check_results(a));
  RETURN_IF_ERROR(check_results(b));
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    if (a[i].value == ir::kNoValue || b[i].value == ir::kNoValue) {
      return Unsupported("its result ", i, " is a sequence, and its condition not yet known");
    }
    // A guessed type gives way to that of the other branch. Its shape stays unknown, so that it is
    // noticed where the branch is taken.
    const auto adopt = [&](Ref& guess, const Ref& other) {
      if (guess.guessed == nullptr) return;
      const ir::Type type{graph_.value(other.value).type.dtype, ir::Shape()};
      guess = StandIn(absl::StrCat(node.output(i), "_branch"), type, guess.guessed);
    };
    adopt(a[i], b[i]);
    adopt(b[i], a[i]);
    Ref result;
    ASSIGN_OR_RETURN(result.value,
                     graph_.AddInferred(ir::Choose{}, {condition, a[i].value, b[i].value},
                                        ResultName(scope, node.output(i)), provenance));
    scope.names.try_emplace(node.output(i), std::move(result));
  }
  return absl::OkStatus();
}

}  // namespace g4c::frontend
