#include "quantization/audit.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "absl/container/flat_hash_set.h"
#include "quantization/propagate.h"
#include "quantization/qparams.h"
#include "quantization/shared_qparams.h"

namespace g4c::quantization {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

constexpr int64_t kSmallConstant = 4096;
// How many operators the search for a quantised ancestor looks at.
constexpr int kSearchLimit = 1000;

bool Quantised(const Graph& graph, ValueId id) {
  return ir::HasQparams(graph.value(id).quantization);
}

class Auditor {
 public:
  Auditor(const Graph& graph, const AuditOptions& options) : graph_(graph), options_(options) {}

  Audit Run() {
    List();
    any_quantised_ = std::any_of(audit_.listed.begin(), audit_.listed.end(),
                                 [&](ValueId id) { return Quantised(graph_, id); });
    FindInconsistent();
    for (ValueId id : audit_.listed) Judge(id);
    audit_.values = static_cast<int>(audit_.listed.size());
    audit_.foreign = options_.foreign;
    return std::move(audit_);
  }

 private:
  void List() {
    std::vector<bool> seen(graph_.num_values(), false);
    const auto add = [&](ValueId id) {
      if (id == ir::kNoValue || seen[id]) return;
      seen[id] = true;
      audit_.listed.push_back(id);
    };
    for (ValueId id : graph_.inputs()) add(id);
    for (NodeId node : graph_.TopologicalOrder()) {
      for (ValueId id : graph_.node(node).inputs) add(id);
      for (ValueId id : graph_.node(node).outputs) add(id);
    }
    for (const ir::GraphOutput& output : graph_.outputs()) add(output.value);
  }

  // Results of data-moving operators whose qparams differ from an operand's.
  void FindInconsistent() {
    for (NodeId id : graph_.TopologicalOrder()) {
      const Node& node = graph_.node(id);
      const SharedValues shared = SharedValuesOf(graph_, node);
      for (ValueId result : shared.results) {
        const auto* to = std::get_if<ir::QuantPerTensor>(&graph_.value(result).quantization);
        for (int position : shared.operands) {
          const auto* from =
              std::get_if<ir::QuantPerTensor>(&graph_.value(node.inputs[position]).quantization);
          if (from == nullptr || to == nullptr || *from == *to) continue;
          inconsistent_.insert(result);
        }
      }
    }
  }

  // Float on purpose: what the tool or another one put between dequantize and quantize.
  bool IsFloatOnPurpose(ValueId id) const {
    const ir::Value& value = graph_.value(id);
    if (std::holds_alternative<ir::QuantNone>(value.quantization) || !any_quantised_) return true;
    if (!options_.foreign) return false;
    if (graph_.ProducedBy<ir::Dequantize>(id) != nullptr) return true;
    const std::vector<ir::Use>& uses = graph_.Uses(id);
    return !uses.empty() && !graph_.IsOutput(id) &&
           std::all_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
             return std::holds_alternative<ir::Quantize>(graph_.node(use.node).op);
           });
  }

  void Judge(ValueId id) {
    const ir::Value& value = graph_.value(id);
    if (!Quantised(graph_, id)) {
      if (!IsReal(value) || IsFloatOnPurpose(id)) {
        ++audit_.not_applicable;
      } else {
        AddMissing(id);
      }
      return;
    }
    ++audit_.quantised;
    std::vector<FindingKind> kinds;
    std::string reason;
    std::string fix;
    const auto add = [&](FindingKind kind, absl::string_view why, absl::string_view what_to_do) {
      kinds.push_back(kind);
      if (kinds.size() > 1) return;
      reason = std::string(why);
      fix = std::string(what_to_do);
    };
    if (inconsistent_.contains(id)) {
      add(FindingKind::kInconsistent,
          "its operator only moves data, yet its qparams differ from the operand's",
          "give both sides the same qparams, or put a QUANTIZE between");
    }
    if (std::string why = Degenerate(value); !why.empty()) {
      add(FindingKind::kDegenerate, why,
          "check the channel's weights, or calibrate with samples that use it");
    }
    if (std::string why = Suspicious(id); !why.empty()) {
      add(FindingKind::kSuspicious, why,
          "give the mask a smaller fill, or calibrate the masked logits without it");
    }
    if (value.quant_origin == ir::QuantOrigin::kSynthetic) {
      add(FindingKind::kSynthetic, "calibrated on made-up samples",
          "pass --calibration with real samples");
    }
    if (kinds.empty()) return;
    Finding finding{id, kinds[0], {kinds.begin() + 1, kinds.end()}, reason, fix, ""};
    audit_.findings.push_back(std::move(finding));
  }

  static std::string Degenerate(const ir::Value& value) {
    // The same bound that ChooseQparams clamps to, with room for its rounding.
    const ir::DType dtype = ir::QuantDType(value.quantization);
    const double quanta =
        static_cast<double>(ir::MaxOf(dtype)) - static_cast<double>(ir::MinOf(dtype));
    const auto narrow = [&](float scale) {
      return static_cast<double>(scale) * quanta <= kNarrowestRange * 1.01;
    };
    if (const auto* q = std::get_if<ir::QuantPerTensor>(&value.quantization)) {
      if (q->dtype != ir::DType::kI32 && q->dtype != ir::DType::kI64 && narrow(q->scale)) {
        return "its range is zero or tiny";
      }
      if (!value.constant || !ir::IsFloat(value.constant->dtype()) ||
          value.constant->NumElements() > kSmallConstant) {
        return "";
      }
      const Range real = RangeOf(*value.constant);
      const Range held = RepresentableRange(*q);
      const bool saturated = real.lo < held.lo - q->scale || real.hi > held.hi + q->scale;
      return saturated ? "elements lie outside of the range that its qparams hold" : "";
    }
    const auto& channels = std::get<ir::QuantPerChannel>(value.quantization);
    if (channels.dtype == ir::DType::kI32 || channels.dtype == ir::DType::kI64) return "";
    int tiny = 0;
    int first = -1;
    for (size_t i = 0; i < channels.scales.size(); ++i) {
      if (!narrow(channels.scales[i])) continue;
      if (tiny++ == 0) first = static_cast<int>(i);
    }
    return tiny == 0 ? ""
                     : absl::StrCat("the range of ", tiny, " channels (first: ", first,
                                    ") is zero or tiny");
  }

  std::string Suspicious(ValueId id) const {
    const auto* q = std::get_if<ir::QuantPerTensor>(&graph_.value(id).quantization);
    if (q == nullptr || q->dtype == ir::DType::kI32 || q->dtype == ir::DType::kI64) return "";
    const Range held = RepresentableRange(*q);
    if (held.lo < -kSuspiciousRange || held.hi > kSuspiciousRange) {
      return absl::StrCat("its qparams span [", held.lo, ", ", held.hi,
                          "]: an outlier sets the scale");
    }
    return "";
  }

  void AddMissing(ValueId id) {
    Finding finding{id, FindingKind::kMissing, {}, "", "", Nearest(id)};
    const ir::Value& value = graph_.value(id);
    const NodeId stop = PropagationStop(graph_, id);
    MissingReason reason = MissingReason::kNeverObserved;
    if (options_.foreign) {
      reason = MissingReason::kUnknown;
    } else if (value.type.dtype != ir::DType::kF32) {
      reason = MissingReason::kUnsupportedDType;
    } else if (stop != ir::kNoNode) {
      reason = MissingReason::kPropagationStopped;
    } else if (const NodeId node = NodeOf(graph_, id);
               node != ir::kNoNode && graph_.node(node).provenance.empty()) {
      reason = MissingReason::kLostInLowering;
    }
    finding.reason = std::string(MissingReasonName(reason));
    switch (reason) {
      case MissingReason::kNeverObserved:
        finding.fix =
            "observe this value: a QuantizeLinear/DequantizeLinear pair behind it, or "
            "--calibration samples "
            "with --requantise";
        break;
      case MissingReason::kPropagationStopped:
        absl::StrAppend(&finding.reason, " at ", ir::OpName(graph_.node(stop).op), " ",
                        ir::Describe(graph_, stop));
        finding.fix =
            "a pair behind this value settles it; it has several readers, so none of them may "
            "decide";
        break;
      case MissingReason::kLostInLowering:
        finding.fix = "a defect of this tool: please report it with the model's graph";
        break;
      case MissingReason::kUnsupportedDType:
        finding.fix = "only f32 values can be quantised; export the model in float32";
        break;
      case MissingReason::kExcludedByConfig:
      case MissingReason::kUnknown:
        finding.fix = "quantise the model again with qparams for this value";
        break;
    }
    audit_.findings.push_back(std::move(finding));
  }

  // Breadth first through the producers.
  std::string Nearest(ValueId id) const {
    std::deque<ValueId> queue{id};
    absl::flat_hash_set<ValueId> seen{id};
    for (int step = 0; step < kSearchLimit && !queue.empty(); ++step) {
      const ValueId value = queue.front();
      queue.pop_front();
      if (value != id && Quantised(graph_, value) && !graph_.IsConstant(value))
        return graph_.value(value).name;
      const Node* producer = graph_.Producer(value);
      if (producer == nullptr) continue;
      for (ValueId input : producer->inputs) {
        if (input != ir::kNoValue && seen.insert(input).second) queue.push_back(input);
      }
    }
    return "";
  }

  const Graph& graph_;
  const AuditOptions& options_;
  Audit audit_;
  absl::flat_hash_set<ValueId> inconsistent_;
  bool any_quantised_ = false;
};

}  // namespace

absl::string_view FindingKindName(FindingKind kind) {
  switch (kind) {
    case FindingKind::kMissing:
      return "missing";
    case FindingKind::kInconsistent:
      return "inconsistent";
    case FindingKind::kDegenerate:
      return "degenerate";
    case FindingKind::kSuspicious:
      return "suspicious";
    case FindingKind::kSynthetic:
      return "synthetic";
  }
  return "";
}

absl::string_view MissingReasonName(MissingReason reason) {
  switch (reason) {
    case MissingReason::kNeverObserved:
      return "never-observed";
    case MissingReason::kPropagationStopped:
      return "propagation-stopped";
    case MissingReason::kLostInLowering:
      return "lost-in-lowering";
    case MissingReason::kExcludedByConfig:
      return "excluded-by-config";
    case MissingReason::kUnsupportedDType:
      return "unsupported-dtype";
    case MissingReason::kUnknown:
      return "unknown";
  }
  return "";
}

int Audit::Count(FindingKind kind) const {
  return static_cast<int>(
      std::count_if(findings.begin(), findings.end(),
                    [kind](const Finding& finding) { return finding.kind == kind; }));
}

NodeId NodeOf(const Graph& graph, ValueId value) {
  const NodeId producer = graph.value(value).producer;
  if (producer != ir::kNoNode) return producer;
  const std::vector<ir::Use>& uses = graph.Uses(value);
  return uses.empty() ? ir::kNoNode : uses[0].node;
}

Audit RunAudit(const Graph& graph, const AuditOptions& options) {
  return Auditor(graph, options).Run();
}

}  // namespace g4c::quantization
