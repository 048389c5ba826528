// The nodes between a value and the one value that it comes from.
#ifndef PASSES_REGION_H_
#define PASSES_REGION_H_

#include <vector>

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// Positions of nodes in topological order, by NodeId; -1 for those that no output needs.
std::vector<int> PositionsOf(const ir::Graph& graph);

class Region {
 public:
  // The operands through which a region grows past a node; nullopt where it may not contain it.
  using Admits = absl::optional<std::vector<ir::ValueId>> (*)(const ir::Graph& graph,
                                                              const ir::Node& node);

  // A node that was added after `positions` counts as one without a producer; it must not be
  // admitted.
  Region(const ir::Graph& graph, ir::ValueId y, const std::vector<int>& positions, Admits admits);

  // Goes on to the next value that everything passes through, nearest to y first. false: there is
  // none (further) within kMaxNodes.
  bool NextSource();
  ir::ValueId source() const { return source_; }
  // What is computed from the source up to y. Producers first.
  const std::vector<ir::NodeId>& nodes() const { return nodes_; }

  // A value between (neither source nor y), or the source, that is a graph output or has a reader
  // outside; kNoValue where there is none.
  ir::ValueId Leak(bool with_source) const;

  static constexpr int kMaxNodes = 64;

 private:
  const ir::Graph& graph_;
  const ir::ValueId y_;
  const std::vector<int>& positions_;
  const Admits admits_;
  std::vector<ir::ValueId> frontier_;  // by position of the producer, the last one last
  std::vector<ir::NodeId> nodes_;
  ir::ValueId source_ = ir::kNoValue;
};

}  // namespace g4c::passes

#endif  // PASSES_REGION_H_
