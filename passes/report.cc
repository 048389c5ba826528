#include "passes/report.h"

#include "passes/constants.h"

namespace g4c::passes {

void Report::Declined(absl::string_view pass, absl::string_view where, absl::string_view reason) {
  for (const DeclinedRewrite& known : declined_) {
    if (known.pass == pass && known.where == where && known.reason == reason) return;
  }
  declined_.push_back({std::string(pass), std::string(where), std::string(reason)});
}

void Report::SettleFolded(const ir::Graph& graph) {
  std::map<std::string, int64_t> bytes;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    for (ir::ValueId operand : graph.node(id).inputs) {
      if (!graph.IsConstant(operand)) continue;
      const ir::Value& value = graph.value(operand);
      bytes.try_emplace(value.name, DistinctBytes(*value.constant));
    }
  }
  for (const ir::GraphOutput& output : graph.outputs()) {
    const ir::Value& value = graph.value(output.value);
    if (value.constant) bytes.try_emplace(value.name, DistinctBytes(*value.constant));
  }
  // The last pass that made a value is the one that tells what it is.
  std::vector<FoldedValue> settled;
  for (auto it = folded_.rbegin(); it != folded_.rend(); ++it) {
    const auto found = bytes.find(it->name);
    if (found == bytes.end()) continue;
    settled.push_back({it->pass, it->name, found->second});
    bytes.erase(found);
  }
  folded_.assign(settled.rbegin(), settled.rend());
}

}  // namespace g4c::passes
