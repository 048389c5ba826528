#include "frontend/node_order.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "absl/container/flat_hash_map.h"

namespace g4c::frontend {
namespace {

using onnx::GraphProto;
using onnx::NodeProto;

// Calls fn for each subgraph of a node.
template <typename Fn>
void ForEachGraph(const NodeProto& node, Fn fn) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) fn(attribute.g());
    for (const GraphProto& graph : attribute.graphs()) fn(graph);
  }
}

// Appends what `graph` reads from around it.
void AppendFreeNames(const GraphProto& graph, std::vector<std::string>& free) {
  absl::flat_hash_set<std::string> defined;
  for (const auto& tensor : graph.initializer()) defined.insert(tensor.name());
  for (const auto& tensor : graph.sparse_initializer()) defined.insert(tensor.values().name());
  for (const auto& input : graph.input()) defined.insert(input.name());
  for (const NodeProto& node : graph.node()) {
    defined.insert(node.output().begin(), node.output().end());
  }
  std::vector<std::string> read;
  for (const NodeProto& node : graph.node()) {
    read.insert(read.end(), node.input().begin(), node.input().end());
    ForEachGraph(node, [&](const GraphProto& inner) { AppendFreeNames(inner, read); });
  }
  for (const auto& output : graph.output()) read.push_back(output.name());
  for (std::string& name : read) {
    // Each name once.
    if (!name.empty() && defined.insert(name).second) free.push_back(std::move(name));
  }
}

std::vector<int> FindCycle(const std::vector<std::vector<int>>& needs,
                           const std::vector<bool>& done) {
  // From any node that is left, following needs that are left runs into a cycle.
  int at = static_cast<int>(std::find(done.begin(), done.end(), false) - done.begin());
  std::vector<int> path;
  std::vector<int> place(done.size(), -1);
  while (place[at] < 0) {
    place[at] = static_cast<int>(path.size());
    path.push_back(at);
    at = *std::find_if(needs[at].begin(), needs[at].end(), [&](int need) { return !done[need]; });
  }
  path.erase(path.begin(), path.begin() + place[at]);
  std::reverse(path.begin(), path.end());
  std::rotate(path.begin(), std::min_element(path.begin(), path.end()), path.end());
  return path;
}

}  // namespace

std::vector<std::string> NamesRead(const NodeProto& node) {
  std::vector<std::string> names;
  for (const std::string& name : node.input()) {
    if (!name.empty()) names.push_back(name);
  }
  ForEachGraph(node, [&](const GraphProto& graph) { AppendFreeNames(graph, names); });
  return names;
}

NodeOrder OrderNodes(const Nodes& nodes, absl::FunctionRef<bool(const std::string&)> given,
                     absl::FunctionRef<bool(const std::string&)> visible) {
  NodeOrder result;
  absl::flat_hash_map<std::string, int> producer;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : nodes[i].output()) {
      if (name.empty()) continue;
      const auto [it, inserted] = producer.try_emplace(name, i);
      if (given(name)) {
        result.duplicates.push_back({name, -1, i});
      } else if (!inserted) {
        result.duplicates.push_back({name, it->second, i});
      }
    }
  }
  std::vector<std::vector<int>> needs(nodes.size());
  std::vector<std::vector<int>> users(nodes.size());
  std::vector<int> missing(nodes.size(), 0);
  absl::flat_hash_set<std::string> dangling;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : NamesRead(nodes[i])) {
      const auto it = producer.find(name);
      if (it == producer.end() || given(name)) continue;
      needs[i].push_back(it->second);
      users[it->second].push_back(i);
      ++missing[i];
    }
    for (const std::string& name : nodes[i].input()) {
      if (name.empty() || producer.contains(name) || visible(name)) continue;
      if (dangling.insert(name).second) result.dangling.push_back({name, i});
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < nodes.size(); ++i) {
    if (missing[i] == 0) ready.push(i);
  }
  std::vector<bool> done(nodes.size(), false);
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    result.order.push_back(i);
    done[i] = true;
    for (int user : users[i]) {
      if (--missing[user] == 0) ready.push(user);
    }
  }
  if (static_cast<int>(result.order.size()) < nodes.size()) result.cycle = FindCycle(needs, done);
  return result;
}

}  // namespace g4c::frontend
