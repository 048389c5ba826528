#include "ir/memory_plan.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "ir/node_cost.h"

namespace g4c::ir {
namespace {

// The free stretches below `end`; above it everything is free.
class Arena {
 public:
  int64_t Take(int64_t size) {
    for (auto stretch = free_.begin(); stretch != free_.end(); ++stretch) {
      const auto [begin, length] = *stretch;
      if (length < size) continue;
      free_.erase(stretch);
      if (length > size) free_[begin + size] = length - size;
      return begin;
    }
    // The topmost stretch grows.
    int64_t begin = end_;
    if (!free_.empty()) {
      const auto last = std::prev(free_.end());
      if (last->first + last->second == end_) {
        begin = last->first;
        free_.erase(last);
      }
    }
    end_ = begin + size;
    return begin;
  }

  void Give(int64_t begin, int64_t size) {
    if (size == 0) return;
    auto place = free_.emplace(begin, size).first;
    const auto next = std::next(place);
    if (next != free_.end() && begin + size == next->first) {
      place->second += next->second;
      free_.erase(next);
    }
    if (place == free_.begin()) return;
    const auto before = std::prev(place);
    if (before->first + before->second == begin) {
      before->second += place->second;
      free_.erase(place);
    }
  }

  int64_t end() const { return end_; }

 private:
  std::map<int64_t, int64_t> free_;
  int64_t end_ = 0;
};

}  // namespace

MemoryPlan PlanMemory(const Graph& graph) {
  const std::vector<NodeId> order = graph.TopologicalOrder();
  const auto size_of = [&](ValueId id) {
    return (StoredSize(graph.value(id)) + kPlanAlignment - 1) / kPlanAlignment * kPlanAlignment;
  };
  constexpr int kNever = -1;
  std::vector<int> last_reader(graph.num_values(), kNever);
  for (int i = 0; i < static_cast<int>(order.size()); ++i) {
    for (ValueId id : graph.node(order[i]).inputs) {
      if (id != kNoValue) last_reader[id] = i;
    }
  }
  for (const GraphOutput& output : graph.outputs()) {
    last_reader[output.value] = static_cast<int>(order.size());
  }
  MemoryPlan plan;
  plan.offsets.assign(graph.num_values(), -1);
  Arena arena;
  for (ValueId id : graph.inputs()) plan.offsets[id] = arena.Take(size_of(id));
  for (int i = 0; i < static_cast<int>(order.size()); ++i) {
    const Node& node = graph.node(order[i]);
    for (ValueId id : node.outputs) plan.offsets[id] = arena.Take(size_of(id));
    const auto free_dead = [&](ValueId id) {
      if (id == kNoValue || plan.offsets[id] < 0 || last_reader[id] > i) return;
      arena.Give(plan.offsets[id], size_of(id));
      last_reader[id] = static_cast<int>(order.size());  // given back once
    };
    for (ValueId id : node.inputs) free_dead(id);
    for (ValueId id : node.outputs) free_dead(id);
  }
  plan.peak = arena.end();
  return plan;
}

}  // namespace g4c::ir
