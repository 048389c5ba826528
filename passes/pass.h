// A pass: one named rewrite of the graph.
//
// A pass states in its header what must hold before, what it rewrites (a line of algebra), what
// holds after, and what it refuses. It does not verify, dump, time or repeat itself:
// passes/pass_runner.h does.
#ifndef PASSES_PASS_H_
#define PASSES_PASS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "passes/report.h"

namespace g4c::passes {

class Pass {
 public:
  virtual ~Pass() = default;
  // In kebab case; the name in dumps, reports and errors.
  virtual absl::string_view name() const = 0;
  // Whether the graph changed: true exactly where its text did. Errors are those that input can
  // cause; the runner prefixes the pass's name.
  virtual absl::StatusOr<bool> Run(ir::Graph& graph, Report& report) = 0;
};

}  // namespace g4c::passes

#endif  // PASSES_PASS_H_
