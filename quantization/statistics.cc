#include "quantization/statistics.h"

#include <algorithm>
#include <cmath>

#include "quantization/shared_qparams.h"
#include "quantization/valid_rows.h"

namespace g4c::quantization {
namespace {

void Add(const std::vector<Int128>& other, std::vector<Int128>& sums) {
  if (other.empty()) return;
  sums.resize(other.size());
  for (size_t i = 0; i < other.size(); ++i) sums[i] = FixedSum(sums[i], other[i]);
}

// Reordering keeps every element.
bool Reorders(const ir::Op& op) {
  return std::holds_alternative<ir::Reshape>(op) || std::holds_alternative<ir::Transpose>(op);
}

}  // namespace

Int128 ToFixed(double real) {
  return static_cast<Int128>(
      std::nearbyint(std::ldexp(std::clamp(real, -0x1p56, 0x1p56), kSumFraction)));
}

double FromFixed(Int128 fixed) { return std::ldexp(static_cast<double>(fixed), -kSumFraction); }

double ChannelSums::Mean(int64_t channel) const {
  return rows == 0 ? 0 : FromFixed(sum[channel]) / static_cast<double>(rows);
}

double ChannelSums::MeanSquare(int64_t channel) const {
  return rows == 0 ? 0 : FromFixed(square[channel]) / static_cast<double>(rows);
}

void ChannelSums::Merge(const ChannelSums& other) {
  rows += other.rows;
  Add(other.sum, sum);
  Add(other.square, square);
}

void ValueStatistics::Merge(const ValueStatistics& other) {
  count += other.count;
  range.Add(other.range);
  lowest_row_max = std::min(lowest_row_max, other.lowest_row_max);
  if (!other.histogram.empty()) histogram.resize(kBuckets);
  for (size_t i = 0; i < other.histogram.size(); ++i) histogram[i] += other.histogram[i];
  channels.Merge(other.channels);
}

const ValueStatistics* Statistics::Of(ir::ValueId id) const {
  if (id >= static_cast<ir::ValueId>(sources.size()) || sources[id] == ir::kNoValue) return nullptr;
  const ValueStatistics& found = values[sources[id]];
  return found.count == 0 ? nullptr : &found;
}

int64_t Statistics::num_samples() const {
  int64_t total = 0;
  for (const auto& [digest, times] : samples) total += times;
  return total;
}

int64_t Statistics::MemoryBytes() const {
  size_t bytes = values.size() * sizeof(ValueStatistics);
  for (const ValueStatistics& value : values) {
    bytes += value.histogram.size() * sizeof(uint64_t);
    bytes += (value.channels.sum.size() + value.channels.square.size()) * sizeof(Int128);
  }
  return static_cast<int64_t>(bytes);
}

void Statistics::Merge(const Statistics& other) {
  G4C_CHECK(sources == other.sources);
  for (size_t i = 0; i < values.size(); ++i) values[i].Merge(other.values[i]);
  for (const auto& [digest, times] : other.samples) samples[digest] += times;
}

StatisticsPlan::StatisticsPlan(const ir::Graph& graph) : entries(graph.num_values()) {
  std::vector<bool> left_out(graph.num_values(), false);
  for (const MaskedLogits& masked : FindMaskedLogits(graph)) {
    left_out[masked.sum] = true;
    entries[masked.logits].row_maxima = true;
  }
  const auto gather = [&](ir::ValueId id) {
    if (!IsReal(graph.value(id)) || graph.IsConstant(id) || left_out[id]) return;
    entries[id].source = id;
    entries[id].elements = true;
  };
  for (ir::ValueId input : graph.inputs()) gather(input);
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (ir::InfoOf(node.op).rule == ir::QparamRule::kFixedRange) continue;
    if (std::holds_alternative<ir::FullyConnected>(node.op)) {
      if (!graph.IsConstant(node.inputs[0])) entries[node.inputs[0]].channels = true;
      entries[node.outputs[0]].channels = true;
    }
    const ir::ValueId operand = node.inputs.empty() ? ir::kNoValue : node.inputs[0];
    for (ir::ValueId result : node.outputs) {
      if (Reorders(node.op) && !graph.IsConstant(operand) && !entries[result].row_maxima) {
        entries[result].source = entries[operand].source;
      } else {
        gather(result);
      }
    }
  }
}

Statistics StatisticsPlan::Empty() const {
  Statistics statistics;
  statistics.values.resize(entries.size());
  for (const Entry& entry : entries) statistics.sources.push_back(entry.source);
  return statistics;
}

}  // namespace g4c::quantization
