// --explain-target: what runs as it is, what was rewritten, and what the graph costs on a target.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_EXPLAIN_TARGET_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_EXPLAIN_TARGET_H_

#include <string>

#include "ir/target.h"
#include "passes/legalize.h"

namespace g4c::tools {

// Lines of text about a graph that is legal for the target; docs/targets.md says what each means.
std::string ExplainTarget(const ir::Graph& graph, const ir::Target& target,
                          const passes::LegalizeReport& legalized);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_EXPLAIN_TARGET_H_
