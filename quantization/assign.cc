#include "quantization/assign.h"

#include "quantization/mask_fill.h"
#include "quantization/propagate.h"

namespace g4c::quantization {
namespace {

Range RangeOfGroup(const ir::Graph& graph, const QparamGroup& group,
                   const Observations& observations) {
  Range range;
  for (size_t i = 0; i < group.members.size(); ++i) {
    const ir::ValueId id = group.members[i];
    if (group.limited[i]) continue;
    if (graph.IsConstant(id)) {
      range.Add(RangeOf(*graph.value(id).constant));
    } else if (id < static_cast<ir::ValueId>(observations.size())) {
      range.Add(observations[id].range);
    }
  }
  return range;
}

}  // namespace

absl::StatusOr<std::vector<QparamGroup>> AssignActivations(ir::Graph& graph,
                                                           const Observations& observations,
                                                           ir::DType activation,
                                                           ir::QuantOrigin origin) {
  RETURN_IF_ERROR(ChooseMaskFills(graph, observations, activation, origin));
  PropagateQparams(graph, activation);
  std::vector<QparamGroup> groups = FindQparamGroups(graph);
  for (const QparamGroup& group : groups) {
    const Range range = RangeOfGroup(graph, group, observations);
    if (range.empty()) continue;
    const ir::QuantPerTensor q = ChooseQparams(WithHeadroom(range, activation), activation);
    for (ir::ValueId id : group.members) graph.SetQuantization(id, q, origin);
  }
  PropagateQparams(graph, activation);
  return groups;
}

}  // namespace g4c::quantization
