// A value as a sum over the channels of another: how a fusion recognises what movement, signs and
// constant tables make of a tensor, however an exporter spells it.
#ifndef PASSES_CHANNEL_TERMS_H_
#define PASSES_CHANNEL_TERMS_H_

#include <vector>

#include "absl/types/optional.h"
#include "ir/graph.h"

namespace g4c::passes {

// sign * x[.., source] * table, where x's last axis holds its channels.
struct ChannelTerm {
  int source;
  float sign = 1;
  // [the other axes of x, each of them or 1]; nullopt stands for ones.
  absl::optional<ir::Tensor> table;
};

// One sum for each channel of a value.
using ChannelSums = std::vector<std::vector<ChannelTerm>>;

// The nodes between a value and the one value that all of its operands but constants come from.
class ChannelRegion {
 public:
  // Grows from `y` through operators that ChannelSums can express. `positions` are those of nodes
  // in topological order, by NodeId.
  ChannelRegion(const ir::Graph& graph, ir::ValueId y, const std::vector<int>& positions);

  // Goes on to the next value that everything passes through, nearest to y first. false: there is
  // none (further) within kMaxNodes.
  bool NextSource();
  ir::ValueId source() const { return source_; }
  // Between source and y, without the producer of source. Producers first.
  const std::vector<ir::NodeId>& nodes() const { return nodes_; }

  // The channels of y over those of source: one for each element behind the axes that are not
  // source's last. nullopt where a node mixes other axes in, multiplies by two tables, or sums more
  // than kMaxTerms terms.
  absl::optional<ChannelSums> Sums() const;

  static constexpr int kMaxNodes = 64;
  static constexpr int kMaxTerms = 2;

 private:
  const ir::Graph& graph_;
  const ir::ValueId y_;
  const std::vector<int>& positions_;
  std::vector<ir::ValueId> frontier_;  // by position of the producer, the last one last
  std::vector<ir::NodeId> nodes_;
  ir::ValueId source_ = ir::kNoValue;
};

}  // namespace g4c::passes

#endif  // PASSES_CHANNEL_TERMS_H_
