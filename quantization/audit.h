// The audit: what is wrong with the qparams of a finished graph, and why. It is no pass: it runs
// once, on the final graph, collects every finding and changes nothing. docs/audit.md explains
// kinds, reasons and thresholds.
#ifndef QUANTIZATION_AUDIT_H_
#define QUANTIZATION_AUDIT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace g4c::quantization {

// In the order of precedence: a value has one finding, the other kinds that hold are in `also`.
enum class FindingKind : uint8_t { kMissing, kInconsistent, kDegenerate, kSuspicious, kSynthetic };
absl::string_view FindingKindName(FindingKind kind);

// Why a value has no qparams.
enum class MissingReason : uint8_t {
  kNeverObserved,
  kPropagationStopped,
  kLostInLowering,
  kExcludedByConfig,
  kUnsupportedDType,
  kUnknown,  // only in files not made here
};
absl::string_view MissingReasonName(MissingReason reason);

struct Finding {
  ir::ValueId value;
  FindingKind kind;
  std::vector<FindingKind> also;
  std::string reason;  // for missing: one of MissingReasonName, with the operator where there is
                       // one; else a sentence
  std::string fix;
  std::string nearest;  // the nearest ancestor with qparams, by its name; empty: none
};

struct Audit {
  bool foreign = false;  // as in AuditOptions
  int values = 0;        // of the graph: inputs, constants that are read, results
  int quantised = 0;
  int not_applicable = 0;         // integers, Booleans, shapes, and reals kept in float on purpose
  std::vector<Finding> findings;  // in topological order
  std::vector<ir::ValueId> listed;  // every value, in topological order

  int Count(FindingKind kind) const;
};

struct AuditOptions {
  // The graph was read from a file that need not be this tool's: reasons are not known.
  bool foreign = false;
};

// A real value in front of a quantize, behind a dequantize, or in a graph without any qparams is
// float on purpose. Linear; reads no constant of more than 4096 elements.
Audit RunAudit(const ir::Graph& graph, const AuditOptions& options);

// A wider representable range than this on an activation: an outlier such as a mask's fill sets the
// scale.
inline constexpr float kSuspiciousRange = 1e4f;

// The node that a value is told by: its producer, or the first reader of an input or constant;
// kNoNode: none.
ir::NodeId NodeOf(const ir::Graph& graph, ir::ValueId value);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_AUDIT_H_
