// What the runtimes that files are written for execute.
#ifndef BACKEND_TARGET_H_
#define BACKEND_TARGET_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::backend {

enum class TargetName {
  kCircle,  // any Circle reader: whatever can be written
  kOnert,   // the CPU backend of onert 0.1.0
};

absl::string_view TargetText(TargetName target);  // "circle", "onert"
absl::optional<TargetName> ParseTarget(absl::string_view name);

// Whether the target executes a legalised static graph. Unsupported lists every node that it does
// not: operator, node, what about it (dtype, rank, operand), and what the target does run.
absl::Status CheckTarget(const ir::Graph& graph, TargetName target);

}  // namespace g4c::backend

#endif  // BACKEND_TARGET_H_
