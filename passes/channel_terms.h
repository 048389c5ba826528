// A value as a sum over the channels of another: how a fusion recognises what movement, signs and
// constant tables make of a tensor, however an exporter spells it.
#ifndef PASSES_CHANNEL_TERMS_H_
#define PASSES_CHANNEL_TERMS_H_

#include <vector>

#include "absl/types/optional.h"
#include "ir/graph.h"
#include "passes/region.h"

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
inline constexpr int kMaxChannelTerms = 2;

// Region::Admits of what a sum over channels can express: movement, sums, signs, products with
// constants.
absl::optional<std::vector<ir::ValueId>> OperandsOfChannelSum(const ir::Graph& graph,
                                                              const ir::Node& node);

// The channels of y over those of the region's source: one for each element behind the axes that
// are not the source's last. nullopt where a node mixes other axes in, multiplies by two tables, or
// sums more than kMaxChannelTerms terms.
absl::optional<ChannelSums> ChannelSumsOf(const ir::Graph& graph, ir::ValueId y,
                                          const Region& region);

}  // namespace g4c::passes

#endif  // PASSES_CHANNEL_TERMS_H_
