#include "passes/float_rewrite.h"

#include <algorithm>
#include <cmath>

#include "passes/computed_weights.h"
#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;
using quantization::AppliedRewrite;

bool AreEqualInClasses(const std::vector<float>& factors, const std::vector<int>& classes) {
  std::map<int, float> of_class;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (of_class.try_emplace(classes[i], factors[i]).first->second != factors[i]) return false;
  }
  return true;
}

}  // namespace

RewriteLog::RewriteLog(std::vector<AppliedRewrite> stored) {
  for (AppliedRewrite& entry : stored) {
    stored_[{entry.name, entry.value}] = std::move(entry.factors);
  }
}

std::vector<double> RewriteLog::MeanSquares(ValueId id) const {
  std::vector<double> squares;
  if (statistics_ == nullptr) return squares;
  // Each clamp between a value and its twin is one step.
  while (id < static_cast<ValueId>(statistics_->values.size())) {
    const quantization::ChannelSums& seen = statistics_->values[id].channels;
    for (size_t i = 0; i < seen.square.size(); ++i) {
      squares.push_back(seen.MeanSquare(static_cast<int64_t>(i)));
    }
    const auto twin = same_as_.find(id);
    if (!squares.empty() || twin == same_as_.end()) break;
    id = twin->second;
  }
  return squares;
}

absl::optional<quantization::Range> RewriteLog::Seen(ValueId id) const {
  if (statistics_ == nullptr || id >= static_cast<ValueId>(statistics_->values.size()))
    return absl::nullopt;
  const quantization::Range& range = statistics_->values[id].range;
  return range.lo <= range.hi ? absl::optional<quantization::Range>(range) : absl::nullopt;
}

const std::vector<float>* RewriteLog::Stored(absl::string_view rewrite, const std::string& value) {
  const auto found = stored_.find({std::string(rewrite), value});
  if (found == stored_.end()) return nullptr;
  used_.insert(found->first);
  return &found->second;
}

absl::Status RewriteLog::RequireAllUsed() const {
  for (const auto& [place, factors] : stored_) {
    if (used_.contains(place)) continue;
    return InvalidInput("qparams file: the model has no place for the rewrite '", place.first,
                        "' at value '", place.second, "'");
  }
  return absl::OkStatus();
}

void FloatRewrite::Apply(Graph& graph, const RewriteSite& site,
                         absl::Span<const float> numbers) const {
  ScaleOperands(graph, site, numbers);
}

absl::StatusOr<bool> FloatRewrite::Run(Graph& graph, Report& report) {
  int64_t done = 0;
  for (const RewriteSite& site : Find(graph)) {
    const std::string where = graph.value(site.value).name;
    std::vector<float> numbers;
    if (log_->replays()) {
      const std::vector<float>* stored = log_->Stored(name(), where);
      if (stored == nullptr) continue;
      if (static_cast<int64_t>(stored->size()) != site.factors) {
        return InvalidInput("qparams file: the rewrite '", name(), "' takes ", site.factors,
                            " factors at value '", where, "', not ", stored->size());
      }
      if (!AreEqualInClasses(*stored, site.classes)) {
        return InvalidInput("qparams file: the rewrite '", name(), "' at value '", where,
                            "' has different factors for channels that are added to each other");
      }
      numbers = *stored;
    } else {
      absl::optional<std::vector<float>> chosen = Choose(graph, site, *log_);
      if (!chosen) continue;
      numbers = *std::move(chosen);
    }
    Apply(graph, site, numbers);
    std::vector<NodeId> readers;
    for (const ChannelOperand& at : site.operands) {
      if (at.axis == 1) readers.push_back(at.node);
    }
    log_->Add({{std::string(name()), where, std::move(numbers)}, std::move(readers)});
    ++done;
  }
  report.Count(name(), done);
  return done > 0;
}

absl::optional<std::vector<float>> FloatRewrite::Choose(const Graph&, const RewriteSite&,
                                                        const RewriteLog&) const {
  return std::vector<float>();
}

bool HasOperand(const ir::Node& node, size_t operand) {
  return operand < node.inputs.size() && node.inputs[operand] != ir::kNoValue;
}

bool IsRealConstant(const Graph& graph, ValueId id) {
  return graph.IsConstant(id) && graph.value(id).type.dtype == ir::DType::kF32 &&
         ir::IsFloat(graph.value(id).constant->dtype()) &&
         !ir::HasQparams(graph.value(id).quantization);
}

bool IsPlainLinear(const Graph& graph, NodeId id) {
  const ir::Node& node = graph.node(id);
  return IsPlain<ir::FullyConnected>(node.op) && IsRealConstant(graph, node.inputs[1]) &&
         (!HasOperand(node, 2) || IsRealConstant(graph, node.inputs[2]));
}

bool KeepsRows(const Graph& graph, const ir::Node& node) {
  if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
    return transpose->perm.back() == static_cast<int64_t>(transpose->perm.size()) - 1;
  }
  if (!std::holds_alternative<ir::Reshape>(node.op)) return false;
  const ir::Dims& from = graph.value(node.inputs[0]).type.shape.dims();
  const ir::Dims& to = graph.value(node.outputs[0]).type.shape.dims();
  return !from.empty() && !to.empty() && from.back() == to.back();
}

absl::optional<std::vector<NodeId>> LinearReaders(const Graph& graph, ValueId value) {
  std::vector<NodeId> readers;
  std::vector<ValueId> pending = {value};
  while (!pending.empty()) {
    const ValueId id = pending.back();
    pending.pop_back();
    if (graph.IsOutput(id)) return absl::nullopt;
    for (const ir::Use& use : graph.Uses(id)) {
      const ir::Node& reader = graph.node(use.node);
      if (KeepsRows(graph, reader)) {
        pending.push_back(reader.outputs[0]);
      } else if (use.operand == 0 && IsPlainLinear(graph, use.node)) {
        readers.push_back(use.node);
      } else {
        return absl::nullopt;
      }
    }
  }
  if (readers.empty()) return absl::nullopt;
  std::sort(readers.begin(), readers.end());
  return readers;
}

void ReplaceConstant(Graph& graph, NodeId node, int operand, ir::Tensor data) {
  const ValueId old = graph.node(node).inputs[operand];
  if (graph.HasOneUse(old)) return graph.SetConstant(old, std::move(data));
  const std::string name = graph.value(old).name;
  graph.SetOperand(node, operand, graph.AddConstant(name, std::move(data)));
}

void ScaleOperands(Graph& graph, const RewriteSite& site, absl::Span<const float> factors) {
  const std::vector<float> numbers(factors.begin(), factors.end());
  std::vector<float> inverse;
  for (float factor : factors) inverse.push_back(1 / factor);
  for (const ChannelOperand& at : site.operands) {
    const ir::Tensor& data = *graph.value(graph.node(at.node).inputs[at.operand]).constant;
    ReplaceConstant(graph, at.node, at.operand,
                    ScaleAxis(data, at.axis, at.divides ? inverse : numbers));
  }
}

std::vector<double> InverseRms(const std::vector<double>& mean_squares) {
  if (mean_squares.empty()) return {};
  const double most = *std::max_element(mean_squares.begin(), mean_squares.end());
  if (!(most > 0)) return {};
  std::vector<double> inverse;
  for (double square : mean_squares)
    inverse.push_back(1 / std::sqrt(std::max(square, 1e-6 * most)));
  return inverse;
}

absl::optional<std::vector<float>> Balanced(const std::vector<double>& factors) {
  if (factors.empty()) return absl::nullopt;
  double logs = 0;
  for (double factor : factors) logs += std::log(factor);
  const double mean = std::exp(logs / static_cast<double>(factors.size()));
  std::vector<float> balanced;
  for (double factor : factors) {
    balanced.push_back(
        static_cast<float>(std::clamp(factor / mean, 1 / kLargestFactor, kLargestFactor)));
  }
  return balanced;
}

}  // namespace g4c::passes
