// The order in which the nodes of one graph can be imported.
#include <algorithm>
#include <queue>

#include "absl/strings/str_join.h"
#include "frontend/graph_importer.h"
#include "frontend/provenance_import.h"

namespace g4c::frontend {
namespace {

using onnx::NodeProto;

// All names that a node reads, those that its branches read included.
std::vector<std::string> NamesRead(const NodeProto& node) {
  std::vector<std::string> names;
  std::vector<const NodeProto*> stack{&node};
  while (!stack.empty()) {
    const NodeProto* current = stack.back();
    stack.pop_back();
    for (const std::string& name : current->input()) {
      if (!name.empty()) names.push_back(name);
    }
    for (const auto& attribute : current->attribute()) {
      if (!attribute.has_g()) continue;
      for (const NodeProto& inner : attribute.g().node()) stack.push_back(&inner);
      for (const auto& output : attribute.g().output()) names.push_back(output.name());
    }
  }
  return names;
}

bool HasBranches(const NodeProto& node) {
  return std::any_of(node.attribute().begin(), node.attribute().end(),
                     [](const auto& a) { return a.has_g(); });
}

}  // namespace

std::vector<int> GraphImporter::Order(const Nodes& nodes, const Scope& scope) {
  absl::flat_hash_map<std::string, int> producer;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& output : nodes[i].output()) {
      if (!output.empty()) producer.try_emplace(output, i);
    }
  }
  std::vector<std::vector<int>> needs(nodes.size());
  std::vector<std::vector<int>> users(nodes.size());
  std::vector<int> missing(nodes.size(), 0);
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : NamesRead(nodes[i])) {
      const auto it = producer.find(name);
      if (it == producer.end() || (it->second == i && HasBranches(nodes[i]))) continue;
      needs[i].push_back(it->second);
      users[it->second].push_back(i);
      ++missing[i];
    }
    for (const std::string& name : nodes[i].input()) {
      if (name.empty() || producer.contains(name) || Lookup(scope, name) != nullptr) continue;
      if (!reported_.insert(name).second) continue;
      problems_.Add(ProblemKind::kDangling, name,
                    absl::StrCat("read by ", Where(nodes[i], ProvenanceOf(nodes[i]))));
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < nodes.size(); ++i) {
    if (missing[i] == 0) ready.push(i);
  }
  std::vector<int> order;
  std::vector<bool> done(nodes.size(), false);
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    order.push_back(i);
    done[i] = true;
    for (int user : users[i]) {
      if (--missing[user] == 0) ready.push(user);
    }
  }
  if (static_cast<int>(order.size()) < nodes.size()) ReportCycle(nodes, needs, done);
  return order;
}

void GraphImporter::ReportCycle(const Nodes& nodes, const std::vector<std::vector<int>>& needs,
                                const std::vector<bool>& done) {
  // From any node that is left, following needs that are left runs into a cycle.
  int at = static_cast<int>(std::find(done.begin(), done.end(), false) - done.begin());
  std::vector<int> path;
  std::vector<int> place(nodes.size(), -1);
  while (place[at] < 0) {
    place[at] = static_cast<int>(path.size());
    path.push_back(at);
    for (int need : needs[at]) {
      if (!done[need]) {
        at = need;
        break;
      }
    }
  }
  std::vector<std::string> names;
  for (size_t i = path.size(); i-- > static_cast<size_t>(place[at]);) {
    names.push_back(Where(nodes[path[i]], ProvenanceOf(nodes[path[i]])));
  }
  constexpr size_t kMostNames = 8;
  const size_t more = names.size() > kMostNames ? names.size() - kMostNames : 0;
  names.resize(names.size() - more);
  problems_.Add(
      ProblemKind::kCycle,
      absl::StrCat(absl::StrJoin(names, " -> "),
                   more > 0 ? absl::StrCat(" -> ", more, " more") : "", " -> back to the first"),
      "");
}

}  // namespace g4c::frontend
