#include "quantization/formats.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "quantization/constants.h"
#include "quantization/qparam_groups.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

using ir::DType;
using ir::Graph;
using ir::kNoNode;
using ir::NodeId;
using ir::ValueId;

std::string OperatorName(const ir::Op& op) { return absl::AsciiStrToUpper(ir::InfoOf(op).name); }

bool HasOnlySymmetric(DType dtype, FormatSubject::Kind kind) {
  if (dtype == DType::kI16) return true;
  return kind == FormatSubject::kWeight && (dtype == DType::kI8 || dtype == DType::kI4);
}

std::string DTypeText(DType dtype) {
  return dtype == DType::kF32 ? "float" : std::string(ir::DTypeName(dtype));
}

// Everything that rules can pick, in topological order.
std::vector<FormatSubject> FindSubjects(const Graph& graph) {
  std::vector<FormatSubject> subjects;
  for (QparamGroup& group : FindQparamGroups(graph, Grouped::kUnknown)) {
    FormatSubject subject;
    subject.members = std::move(group.members);
    subject.fixed_range =
        std::any_of(subject.members.begin(), subject.members.end(), [&](ValueId id) {
          const ir::Node* producer = graph.Producer(id);
          return producer != nullptr &&
                 ir::InfoOf(producer->op).rule == ir::QparamRule::kFixedRange;
        });
    subjects.push_back(std::move(subject));
  }
  std::vector<bool> listed(graph.num_values(), false);
  for (NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    for (int position : {1, 2}) {
      if (position >= static_cast<int>(node.inputs.size())) break;
      const bool weight = IsWeight(node, position);
      const ValueId operand = node.inputs[position];
      if (!(weight || IsBias(node, position)) || !graph.IsConstant(operand) || listed[operand]) {
        continue;
      }
      if (!std::holds_alternative<ir::QuantUnknown>(graph.value(operand).quantization)) continue;
      listed[operand] = true;
      FormatSubject subject;
      subject.kind = weight ? FormatSubject::kWeight : FormatSubject::kBias;
      subject.members = {operand};
      subjects.push_back(std::move(subject));
    }
  }
  return subjects;
}

bool HasRole(const Graph& graph, ValueId id, FormatSubject::Kind kind,
             const absl::optional<Role>& role) {
  if (!role) return true;
  switch (*role) {
    case Role::kActivation:
      return kind == FormatSubject::kActivation;
    case Role::kInput:
      return kind == FormatSubject::kActivation && graph.IsInput(id);
    case Role::kOutput:
      return kind == FormatSubject::kActivation && graph.IsOutput(id);
    case Role::kWeight:
      return kind == FormatSubject::kWeight;
    case Role::kBias:
      return kind == FormatSubject::kBias;
  }
  return false;
}

// By its producer; graph inputs by their first reader, as the audit tells them; a weight or bias by
// any of its readers.
bool PicksMember(const Graph& graph, const ConfigRule& rule, ValueId id, FormatSubject::Kind kind) {
  if (!HasRole(graph, id, kind, rule.role)) return false;
  const auto fits = [&](const ir::Node* node, const std::string& op) {
    return (rule.op.empty() || rule.op == op) &&
           (rule.module.empty() ||
            (node != nullptr && MatchesPattern(rule.module, node->provenance.lead().module)));
  };
  const std::vector<ir::Use>& uses = graph.Uses(id);
  const auto reader = [&](const ir::Use& use) { return &graph.node(use.node); };
  if (kind != FormatSubject::kActivation) {
    return std::any_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
      return fits(reader(use), OperatorName(reader(use)->op));
    });
  }
  if (graph.IsConstant(id)) return false;  // moved together with activations
  if (const ir::Node* producer = graph.Producer(id))
    return fits(producer, OperatorName(producer->op));
  return fits(uses.empty() ? nullptr : reader(uses[0]), "INPUT");
}

bool Picks(const Graph& graph, const ConfigRule& rule, const FormatSubject& subject) {
  return std::any_of(subject.members.begin(), subject.members.end(),
                     [&](ValueId id) { return PicksMember(graph, rule, id, subject.kind); });
}

// Counts what the rules decide, so that one that decides nothing in the end can be told.
struct RuleTally {
  int picked = 0;      // subjects
  int set = 0;         // properties of them
  int left = 0;        // of these, those that no later rule decided again
  int hidden_by = -1;  // a later rule
};

class Resolver {
 public:
  Resolver(const Config& config, std::vector<FormatSubject>& subjects)
      : config_(config), subjects_(subjects), tallies_(config.rules.size()) {}

  void SetDefaults() {
    for (FormatSubject& subject : subjects_) {
      const bool weight = subject.kind == FormatSubject::kWeight;
      subject.format.dtype = weight ? *config_.weight : *config_.activation;
      subject.format.per_channel = weight;
      subject.format.observer = *config_.observer;
    }
  }

  void Apply(int index, FormatSubject& subject) {
    const ConfigRule& rule = config_.rules[index];
    ++tallies_[index].picked;
    const bool bias = subject.kind == FormatSubject::kBias;
    // A rule without a role may set what not every kind has.
    if (rule.dtype && (!bias || *rule.dtype == DType::kF32)) {
      Decide(index, *rule.dtype, subject.format.dtype, subject.deciders.dtype);
    }
    if (rule.per_channel && subject.kind == FormatSubject::kWeight) {
      Decide(index, *rule.per_channel, subject.format.per_channel, subject.deciders.per_channel);
    }
    if (rule.symmetric && !bias && !subject.fixed_range) {
      Decide(index, *rule.symmetric, subject.format.symmetric, subject.deciders.symmetric);
    }
    if (rule.observer && subject.kind == FormatSubject::kActivation && !subject.fixed_range) {
      Decide(index, *rule.observer, subject.format.observer, subject.deciders.observer);
    }
  }

  absl::Status Check(const Graph& graph) {
    for (size_t i = 0; i < tallies_.size(); ++i) {
      const std::string rule = RuleText(config_, static_cast<int>(i));
      const RuleTally& tally = tallies_[i];
      if (tally.picked == 0) {
        return InvalidInput("configuration: ", rule,
                            " picks nothing; module paths and operators are those of the audit");
      }
      if (tally.set == 0) {
        return InvalidInput("configuration: ", rule,
                            " sets nothing that what it picks can have (a fixed range has no "
                            "observer and no symmetry)");
      }
      if (tally.left == 0) {
        return InvalidInput("configuration: ", rule, " is hidden completely by ",
                            RuleText(config_, tally.hidden_by), "; drop it or put it later");
      }
    }
    for (FormatSubject& subject : subjects_) RETURN_IF_ERROR(SettleSymmetry(graph, subject));
    return absl::OkStatus();
  }

 private:
  template <typename T>
  void Decide(int index, const T& wanted, T& property, int& decider) {
    if (decider >= 0) {
      --tallies_[decider].left;
      tallies_[decider].hidden_by = index;
    }
    property = wanted;
    decider = index;
    ++tallies_[index].set;
    ++tallies_[index].left;
  }

  absl::Status SettleSymmetry(const Graph& graph, FormatSubject& subject) const {
    const bool only = HasOnlySymmetric(subject.format.dtype, subject.kind);
    if (subject.deciders.symmetric < 0) {
      subject.format.symmetric = only;
    } else if (only && !subject.format.symmetric) {
      return InvalidInput("configuration: ", RuleText(config_, subject.deciders.symmetric),
                          " makes '", graph.value(subject.members[0]).name,
                          "' asymmetric, but it is ", DTypeText(subject.format.dtype),
                          ", which is symmetric (zero point 0)");
    }
    return absl::OkStatus();
  }

  const Config& config_;
  std::vector<FormatSubject>& subjects_;
  std::vector<RuleTally> tallies_;
};

// One that no method of choosing weights knows: not per channel, or symmetric without need.
bool IsUnusualWeight(const FormatSubject& subject) {
  const Format& format = subject.format;
  return subject.kind == FormatSubject::kWeight && format.dtype != DType::kF32 &&
         (!format.per_channel ||
          format.symmetric != HasOnlySymmetric(format.dtype, FormatSubject::kWeight));
}

void SetWeightQparams(Graph& graph, const FormatSubject& subject) {
  const ValueId id = subject.members[0];
  const ir::Tensor weight = graph.value(id).constant->WithBytes();
  const Format& format = subject.format;
  const auto choose = [&](const ir::Tensor& data) {
    return ChooseQparams(RangeOf(data), format.dtype, format.symmetric);
  };
  if (!format.per_channel) {
    graph.SetQuantization(id, choose(weight), ir::QuantOrigin::kWeight);
    return;
  }
  ir::QuantPerChannel q{format.dtype, 0, {}, {}};
  for (int64_t channel = 0; channel < weight.dims()[0]; ++channel) {
    const ir::QuantPerTensor one = choose(weight.Sliced(0, channel, 1));
    q.scales.push_back(one.scale);
    q.zero_points.push_back(one.zero_point);
  }
  graph.SetQuantization(id, std::move(q), ir::QuantOrigin::kWeight);
}

bool KeptInFloat(const Graph& graph, ValueId id) {
  const auto* none = std::get_if<ir::QuantNone>(&graph.value(id).quantization);
  return none != nullptr && none->reason == ir::NoQuantReason::kFloatKept;
}

void KeepInFloat(Graph& graph, ValueId id) {
  graph.SetQuantization(id, ir::QuantNone{ir::NoQuantReason::kFloatKept}, ir::QuantOrigin::kNone);
}

// The range whose asymmetric qparams have their zero point in the middle: there is one more integer
// below it than above.
Range Symmetric(Range range, DType dtype) {
  const float reach = std::max(-range.lo, range.hi);
  const float half = static_cast<float>(int64_t{1} << (ir::BitWidth(dtype) - 1));
  return range.empty() ? range : Range{-reach * (half / (half - 1)), reach};
}

}  // namespace

absl::StatusOr<Formats> Formats::Resolve(const Graph& graph, const Config& config) {
  G4C_CHECK(config.activation && config.weight && config.observer);
  Formats formats(config);
  formats.subjects_ = FindSubjects(graph);
  Resolver resolver(config, formats.subjects_);
  resolver.SetDefaults();
  for (size_t i = 0; i < config.rules.size(); ++i) {
    for (FormatSubject& subject : formats.subjects_) {
      if (Picks(graph, config.rules[i], subject)) resolver.Apply(static_cast<int>(i), subject);
    }
  }
  RETURN_IF_ERROR(resolver.Check(graph));
  for (size_t i = 0; i < formats.subjects_.size(); ++i) {
    for (ValueId id : formats.subjects_[i].members) formats.subject_of_[id] = static_cast<int>(i);
  }
  return formats;
}

void Formats::Apply(Graph& graph) const {
  for (const FormatSubject& subject : subjects_) {
    if (IsUnusualWeight(subject)) SetWeightQparams(graph, subject);
    if (subject.deciders.dtype < 0 || subject.format.dtype != DType::kF32) continue;
    for (ValueId id : subject.members) KeepInFloat(graph, id);
  }
}

absl::flat_hash_map<ValueId, DType> Formats::WeightDTypes() const {
  absl::flat_hash_map<ValueId, DType> dtypes;
  for (const FormatSubject& subject : subjects_) {
    if (subject.kind != FormatSubject::kWeight || subject.deciders.dtype < 0 ||
        subject.format.dtype == DType::kF32 || IsUnusualWeight(subject)) {
      continue;
    }
    dtypes[subject.members[0]] = subject.format.dtype;
  }
  return dtypes;
}

void Formats::ApplyToWeights(Graph& graph) const {
  for (const FormatSubject& subject : subjects_) {
    if (subject.kind != FormatSubject::kWeight || subject.deciders.dtype < 0) continue;
    const ir::Quantization& q = graph.value(subject.members[0]).quantization;
    if (std::holds_alternative<ir::QuantUnknown>(q)) SetWeightQparams(graph, subject);
  }
}

void KeepConstantsInFloat(Graph& graph) {
  const auto computes_in_float = [&](const ir::Use& use) {
    const ir::Node& node = graph.node(use.node);
    if (IsWeight(node, use.operand)) return false;
    const bool bias = IsBias(node, use.operand);
    return KeptInFloat(graph, node.outputs[0]) ||
           (bias && (KeptInFloat(graph, node.inputs[0]) || KeptInFloat(graph, node.inputs[1])));
  };
  const int values = graph.num_values();
  for (ValueId id = 0; id < values; ++id) {
    if (!graph.IsConstant(id) || !IsReal(graph.value(id)) ||
        !std::holds_alternative<ir::QuantUnknown>(graph.value(id).quantization)) {
      continue;
    }
    const std::vector<ir::Use> uses = graph.Uses(id);
    std::vector<ir::Use> in_float;
    std::copy_if(uses.begin(), uses.end(), std::back_inserter(in_float), computes_in_float);
    if (in_float.empty()) continue;
    if (in_float.size() == uses.size()) {
      KeepInFloat(graph, id);
      continue;
    }
    const std::string name = graph.value(id).name;
    const ir::Type type = graph.value(id).type;
    const ir::Tensor data = *graph.value(id).constant;
    const ValueId twin = graph.AddConstant(name, type, data);
    KeepInFloat(graph, twin);
    for (const ir::Use& use : in_float) graph.SetOperand(use.node, use.operand, twin);
  }
}

const FormatSubject* Formats::SubjectOf(ValueId id) const {
  const auto found = subject_of_.find(id);
  return found == subject_of_.end() ? nullptr : &subjects_[found->second];
}

ActivationDTypes Formats::ActivationDTypesOf() const {
  ActivationDTypes dtypes(*config_->activation);
  for (const FormatSubject& subject : subjects_) {
    if (subject.kind != FormatSubject::kActivation || subject.deciders.dtype < 0) continue;
    for (ValueId id : subject.members) dtypes.exceptions[id] = subject.format.dtype;
  }
  return dtypes;
}

Observations Formats::Observe(const Statistics& statistics) const {
  return ObservationsOf(statistics, [&](ValueId id, const ValueStatistics& seen) {
    const FormatSubject* subject = SubjectOf(id);
    if (subject == nullptr || subject->format.dtype == DType::kF32) return seen.range;
    return ObservedRange(seen, subject->format.observer, subject->format.dtype,
                         subject->format.symmetric);
  });
}

bool Formats::WantsBlockSearch() const {
  return std::any_of(subjects_.begin(), subjects_.end(), [](const FormatSubject& subject) {
    return subject.kind == FormatSubject::kActivation && !subject.fixed_range &&
           subject.format.observer == Observer::kBlock;
  });
}

Observations Formats::Combine(const Observations& own, const Observations& searched) const {
  Observations combined = own;
  for (const FormatSubject& subject : subjects_) {
    if (subject.kind != FormatSubject::kActivation) continue;
    const Format& format = subject.format;
    // The search is for 8 bits and less, and only where these are the dtype.
    const bool takes_search = format.observer == Observer::kBlock && format.dtype != DType::kF32 &&
                              ir::BitWidth(format.dtype) <= 8;
    for (ValueId id : subject.members) {
      if (id >= static_cast<ValueId>(combined.size())) continue;
      if (takes_search && id < static_cast<ValueId>(searched.size())) combined[id] = searched[id];
      if (format.symmetric && !HasOnlySymmetric(format.dtype, subject.kind)) {
        combined[id].range = Symmetric(combined[id].range, format.dtype);
      }
    }
  }
  return combined;
}

absl::StatusOr<std::string> Formats::Explain(const Graph& graph, const std::string& name) const {
  ValueId id = 0;
  while (id < graph.num_values() && graph.value(id).name != name) ++id;
  if (id == graph.num_values()) {
    return InvalidInput("--explain '", name,
                        "': the model has no value of that name when it is quantised; the names "
                        "are those of the audit");
  }
  const auto because = [&](int rule) {
    return rule < 0 ? std::string(" by default") : absl::StrCat(" by ", RuleText(*config_, rule));
  };
  const FormatSubject* subject = SubjectOf(id);
  const std::string head = absl::StrCat("value '", name, "': ");
  if (subject == nullptr) {
    if (!IsReal(graph.value(id))) return head + "not quantised, it holds no real numbers\n";
    return head + "a constant that follows the operators that read it; no rule can pick it\n";
  }
  std::string text = head;
  const Format& format = subject->format;
  const Deciders& by = subject->deciders;
  if (subject->kind == FormatSubject::kBias && by.dtype < 0) {
    return head + "a bias, whose integers follow from input and weight\n";
  }
  absl::StrAppend(&text, DTypeText(format.dtype), because(by.dtype), "\n");
  if (format.dtype != DType::kF32) {
    if (subject->kind == FormatSubject::kWeight) {
      absl::StrAppend(&text, "  per ", format.per_channel ? "channel" : "tensor",
                      because(by.per_channel), "\n");
    }
    if (subject->fixed_range) {
      absl::StrAppend(&text, "  its range is known without samples\n");
    } else {
      absl::StrAppend(&text, "  ", format.symmetric ? "symmetric" : "asymmetric",
                      because(by.symmetric), "\n");
      if (subject->kind == FormatSubject::kActivation) {
        absl::StrAppend(&text, "  observer ", ObserverName(format.observer).data(),
                        because(by.observer), "\n");
      }
    }
  }
  if (subject->members.size() > 1) {
    absl::StrAppend(&text, "  shares its qparams with");
    for (ValueId member : subject->members) {
      if (member != id) absl::StrAppend(&text, " '", graph.value(member).name, "'");
    }
    absl::StrAppend(&text, ": the last rule for any of them decides for all\n");
  }
  return text;
}

}  // namespace g4c::quantization
