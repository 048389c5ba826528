#include "passes/fuse_clamp.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Clamped {
  ValueId x;
  float min;
  float max;
};

// `value` as a clamp of one operand, whatever writes it.
absl::optional<Clamped> ClampOf(const Graph& graph, ValueId value) {
  if (graph.value(value).type.dtype != ir::DType::kF32) return absl::nullopt;
  if (const auto* clamp = graph.ProducedBy<ir::Clamp>(value)) {
    return Clamped{graph.Producer(value)->inputs[0], clamp->min, clamp->max};
  }
  if (const ValueId x = OperandOf<ir::Relu>(graph, value); x != ir::kNoValue)
    return Clamped{x, 0.0f, kInf};
  if (const auto maximum = NumberOperandOf<ir::Maximum>(graph, value);
      maximum && !std::isnan(maximum->k)) {
    return Clamped{maximum->x, maximum->k, kInf};
  }
  if (const auto minimum = NumberOperandOf<ir::Minimum>(graph, value);
      minimum && !std::isnan(minimum->k)) {
    return Clamped{minimum->x, -kInf, minimum->k};
  }
  return absl::nullopt;
}

// A clamp with an empty range, or with all of one infinity, is left as it is written.
bool IsProper(const Clamped& clamp) {
  return clamp.min <= clamp.max && clamp.min < kInf && clamp.max > -kInf;
}

bool FuseAt(Graph& graph, NodeId id, Report& report) {
  const ValueId y = graph.node(id).outputs[0];
  absl::optional<Clamped> clamp = ClampOf(graph, y);
  if (!clamp || !IsProper(*clamp)) return false;
  if (const absl::optional<Clamped> inner = ClampOf(graph, clamp->x); inner && IsProper(*inner)) {
    const ir::Quantization& own = graph.value(clamp->x).quantization;
    if (!ir::HasQparams(own) || own == graph.value(y).quantization) {
      report.FusedQparams(ir::HasQparams(own));
      const ir::Provenance provenance = graph.Producer(clamp->x)->provenance;
      graph.MergeProvenance(id, provenance);
      clamp = Clamped{inner->x, std::clamp(inner->min, clamp->min, clamp->max),
                      std::clamp(inner->max, clamp->min, clamp->max)};
    }
  }
  if (clamp->min == -kInf && clamp->max == kInf && ReplaceByEqual(graph, y, clamp->x)) return true;
  const ir::Clamp op{clamp->min, clamp->max};
  const auto* present = std::get_if<ir::Clamp>(&graph.node(id).op);
  if (present != nullptr && *present == op && graph.node(id).inputs[0] == clamp->x) return false;
  Become(graph, y, op, {clamp->x});
  return true;
}

}  // namespace

absl::StatusOr<bool> FuseClamp::Run(Graph& graph, Report& report) {
  int fused = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    if (graph.node(id).outputs.size() == 1) fused += FuseAt(graph, id, report);
  }
  report.Count(name(), fused);
  if (fused > 0) graph.EraseDead();
  return fused > 0;
}

}  // namespace g4c::passes
