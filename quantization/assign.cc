#include "quantization/assign.h"

#include "quantization/mask_fill.h"
#include "quantization/propagate.h"
#include "quantization/qparam_groups.h"

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

absl::Status AssignActivations(ir::Graph& graph, const Observations& observations,
                               const ActivationDTypes& activations, ir::QuantOrigin origin) {
  RETURN_IF_ERROR(ChooseMaskFills(graph, observations, activations, origin));
  PropagateQparams(graph, &activations);
  for (const QparamGroup& group : FindQparamGroups(graph, Grouped::kUnknown)) {
    const Range range = RangeOfGroup(graph, group, observations);
    if (range.empty()) continue;
    const ir::DType dtype = activations.Of(group.members[0]);
    const ir::QuantPerTensor q = ChooseQparams(WithHeadroom(range, dtype), dtype);
    for (ir::ValueId id : group.members) graph.SetQuantization(id, q, origin);
  }
  PropagateQparams(graph, &activations);
  return absl::OkStatus();
}

}  // namespace g4c::quantization
