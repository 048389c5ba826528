#include "ir/target.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "ir/circle_name.h"
#include "ir/fused_activation.h"
#include "ir/quantize_constant.h"

namespace g4c::ir {
namespace {

const ValueClause& ClauseAt(const std::vector<ValueClause>& clauses, size_t i) {
  return clauses[std::min(i, clauses.size() - 1)];
}

const QuantPerTensor* PerTensor(const Value& value) {
  return std::get_if<QuantPerTensor>(&value.quantization);
}

std::string DTypesText(const std::vector<DType>& dtypes) {
  return absl::StrJoin(dtypes, "|", [](std::string* out, DType dtype) {
    absl::StrAppend(out, std::string(DTypeName(dtype)));
  });
}

// A node's operands and results, each with its clause.
struct Place {
  const Value* value;  // null: omitted
  const ValueClause* clause;
  std::string path;  // "operands[1]"
};

class FormCheck {
 public:
  FormCheck(const Graph& graph, const Node& node, const OperatorForm& form)
      : graph_(graph), node_(node), form_(form) {
    const auto add = [&](const std::vector<ValueId>& ids, const std::vector<ValueClause>& clauses,
                         absl::string_view list) {
      for (size_t i = 0; i < ids.size(); ++i) {
        places_.push_back({ids[i] == kNoValue ? nullptr : &graph.value(ids[i]),
                           &ClauseAt(clauses, i),
                           absl::StrCat(list, "[", std::min(i, clauses.size() - 1), "]")});
      }
    };
    // Operands that the node leaves out at its end are omitted.
    std::vector<ValueId> inputs = node.inputs;
    inputs.resize(std::max(inputs.size(), form.operands.size()), kNoValue);
    add(inputs, form.operands, "operands");
    add(node.outputs, form.results, "results");
  }

  bool DTypesFit() const {
    const DType result = StoredDType(graph_.value(node_.outputs[0]));
    return std::all_of(places_.begin(), places_.end(), [&](const Place& place) {
      const ValueClause& clause = *place.clause;
      if (place.value == nullptr) return clause.may_be_omitted;
      if (clause.absent) return false;
      const DType stored = StoredDType(*place.value);
      if (clause.same) return stored == result;
      return clause.dtypes.empty() ||
             std::find(clause.dtypes.begin(), clause.dtypes.end(), stored) != clause.dtypes.end();
    });
  }

  // Of a form whose dtypes fit.
  absl::optional<Violation> Run() {
    for (const Place& place : places_) {
      if (place.value != nullptr) CheckValue(place);
    }
    const Value& first = graph_.value(node_.inputs.empty() ? node_.outputs[0] : node_.inputs[0]);
    const Shape& shape = first.type.shape;
    if (shape.rank() < form_.min_rank) Fail("rank", first, absl::StrCat("has rank ", shape.rank()));
    if (form_.max_last_dim && shape.rank() > 0 && shape.dims().back() > *form_.max_last_dim) {
      Fail("max_last_dim", first, absl::StrCat("has the last dim ", shape.dims().back()));
    }
    const Value& result = graph_.value(node_.outputs[0]);
    const Activation activation = ActivationOf(node_.op).value_or(Activation::kNone);
    if (!form_.activations.empty() && std::find(form_.activations.begin(), form_.activations.end(),
                                                activation) == form_.activations.end()) {
      Fail("activations", result,
           absl::StrCat("comes out of a fused ",
                        EnumNames(activation)[static_cast<size_t>(activation)]));
    }
    if (form_.equal_qparams) CheckEqualQparams(result);
    return std::move(violation_);
  }

 private:
  void Fail(const std::string& key, const Value& value, const std::string& text) {
    if (violation_) return;
    violation_ = Violation{key, absl::StrCat("'", value.name, "' ", text), form_.why, &form_};
  }

  void CheckValue(const Place& place) {
    const Value& value = *place.value;
    const ValueClause& clause = *place.clause;
    const auto fail = [&](absl::string_view key, const std::string& text) {
      Fail(absl::StrCat(place.path, ".", key), value, text);
    };
    if (clause.constant && *clause.constant != value.constant.has_value()) {
      fail("constant", *clause.constant ? "is no constant" : "is a constant");
    }
    if (value.type.shape.rank() > form_.max_rank) {
      Fail("rank", value, absl::StrCat("has rank ", value.type.shape.rank()));
    }
    if (const auto* channels = std::get_if<QuantPerChannel>(&value.quantization)) {
      if (!clause.per_channel && channels->scales.size() > 1) {
        fail("granularity", "has a scale for each channel");
      }
      const bool all_zero =
          std::all_of(channels->zero_points.begin(), channels->zero_points.end(),
                      [&](int64_t z) { return z == clause.zero_point.value_or(z); });
      if (!all_zero) {
        fail("zero_point", absl::StrCat("has zero points other than ", *clause.zero_point));
      }
    }
    const QuantPerTensor* q = PerTensor(value);
    if (q == nullptr) return;
    if (clause.zero_point && q->zero_point != *clause.zero_point) {
      fail("zero_point",
           absl::StrCat("has the zero point ", q->zero_point, ", not ", *clause.zero_point));
    }
    if (clause.scale && q->scale != *clause.scale) {
      fail("scale", absl::StrCat("has the scale ", FormatFloat(q->scale), ", not ",
                                 FormatFloat(*clause.scale)));
    }
    const double span = double{q->scale} * static_cast<double>(MaxOf(q->dtype) - MinOf(q->dtype));
    if (clause.max_span && span > *clause.max_span) {
      fail("max_span", absl::StrCat("spans ", FormatFloat(static_cast<float>(span)), ", above ",
                                    FormatDouble(*clause.max_span)));
    }
  }

  void CheckEqualQparams(const Value& result) {
    for (const Place& place : places_) {
      if (place.value == nullptr || !HasQparams(place.value->quantization)) continue;
      if (place.value->quantization == result.quantization) continue;
      Fail("equal_qparams", *place.value,
           absl::StrCat("has other qparams than '", result.name, "'"));
    }
  }

  const Graph& graph_;
  const Node& node_;
  const OperatorForm& form_;
  std::vector<Place> places_;
  absl::optional<Violation> violation_;
};

// "i16 x i8 x - -> i16", or one dtype where all are the same.
std::string SignatureOf(const Graph& graph, const Node& node) {
  const auto list = [&](const std::vector<ValueId>& ids) {
    return absl::StrJoin(ids, " x ", [&](std::string* out, ValueId id) {
      const std::string stored =
          id == kNoValue ? "-" : std::string(DTypeName(StoredDType(graph.value(id))));
      absl::StrAppend(out, stored);
    });
  };
  const DType result = StoredDType(graph.value(node.outputs[0]));
  const bool uniform = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id != kNoValue && StoredDType(graph.value(id)) == result;
  });
  return uniform ? list({node.outputs[0]})
                 : absl::StrCat(list(node.inputs), " -> ", list(node.outputs));
}

std::string TypesText(const ValueClause& clause) {
  if (clause.absent) return "-";
  const std::string dtypes = clause.same             ? "="
                             : clause.dtypes.empty() ? "any"
                                                     : DTypesText(clause.dtypes);
  return absl::StrCat(clause.may_be_omitted ? "-|" : "", dtypes);
}

std::string SignatureOf(const OperatorForm& form) {
  if (form.operands.size() == 1 && form.operands[0].same) return TypesText(form.results[0]);
  const auto list = [](const std::vector<ValueClause>& clauses) {
    return absl::StrJoin(clauses, " x ", [](std::string* out, const ValueClause& clause) {
      absl::StrAppend(out, TypesText(clause));
    });
  };
  return absl::StrCat(list(form.operands), " -> ", list(form.results));
}

}  // namespace

absl::optional<Violation> FindViolation(const Target& target, const Graph& graph,
                                        const Node& node) {
  const std::string name = CircleName(graph, node);
  const auto entry = target.operators.find(name);
  if (entry == target.operators.end()) {
    return Violation{"operators", absl::StrCat("has no entry ", name), "", nullptr};
  }
  absl::optional<Violation> found;
  const std::vector<OperatorForm>& forms = entry->second;
  for (size_t i = 0; i < forms.size(); ++i) {
    FormCheck check(graph, node, forms[i]);
    if (!check.DTypesFit()) continue;
    absl::optional<Violation> violation = check.Run();
    if (!violation) return absl::nullopt;
    violation->clause = absl::StrCat("operators.", name, "[", i, "].", violation->clause);
    if (!found) found = std::move(violation);
  }
  if (found) return found;
  // Forms differ in dtypes only, so that the last reason given stands for all.
  std::vector<std::string> signatures;
  std::string why;
  for (const OperatorForm& form : forms) {
    signatures.push_back(SignatureOf(form));
    if (!form.why.empty()) why = form.why;
  }
  return Violation{absl::StrCat("operators.", name),
                   absl::StrCat("takes ", absl::StrJoin(signatures, ", "), "; this is ",
                                SignatureOf(graph, node)),
                   why, nullptr};
}

std::vector<std::string> FindInterfaceViolations(const Target& target, const Graph& graph) {
  std::vector<std::string> lines;
  const auto check = [&](absl::string_view role, const std::string& name, ValueId id) {
    const Value& value = graph.value(id);
    const DType stored = StoredDType(value);
    const auto& dtypes = target.io_dtypes;
    if (!dtypes.empty() && std::find(dtypes.begin(), dtypes.end(), stored) == dtypes.end()) {
      lines.push_back(absl::StrCat("io.dtype: ", role, " '", name, "' is ",
                                   std::string(DTypeName(stored)), ", not ", DTypesText(dtypes)));
    } else if (value.type.shape.rank() > target.io_max_rank) {
      lines.push_back(absl::StrCat("io.max_rank: ", role, " '", name, "' has rank ",
                                   value.type.shape.rank(), ", above ", target.io_max_rank));
    }
  };
  for (ValueId id : graph.inputs()) check("input", graph.value(id).name, id);
  for (const GraphOutput& output : graph.outputs()) check("output", output.name, output.value);
  return lines;
}

}  // namespace g4c::ir
