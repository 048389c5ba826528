#include "passes/balance_up_down.h"

#include <algorithm>
#include <cmath>

#include "passes/matchers.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

// The linear whose result `value` is, if nothing else reads it.
NodeId LinearBehind(const Graph& graph, ValueId value) {
  while (graph.HasOneUse(value) && graph.Producer(value) != nullptr) {
    const NodeId producer = graph.value(value).producer;
    if (IsPlainLinear(graph, producer)) return producer;
    if (!KeepsRows(graph, graph.node(producer))) break;
    value = graph.node(producer).inputs[0];
  }
  return ir::kNoNode;
}

// Sums of squares of each column, over all weights that read it.
std::vector<double> ColumnSquares(const Graph& graph, absl::Span<const ChannelOperand> weights) {
  std::vector<double> squares;
  for (const ChannelOperand& at : weights) {
    const ir::Tensor& weight = *graph.value(graph.node(at.node).inputs[at.operand]).constant;
    const int64_t columns = weight.dims()[1];
    squares.resize(columns, 0.0);
    std::vector<float> row(columns);
    for (int64_t r = 0; r < weight.dims()[0]; ++r) {
      weight.ReadFloats(r * columns, absl::MakeSpan(row));
      for (int64_t c = 0; c < columns; ++c) squares[c] += static_cast<double>(row[c]) * row[c];
    }
  }
  return squares;
}

}  // namespace

std::vector<RewriteSite> BalanceUpDown::Find(const Graph& graph) const {
  std::vector<RewriteSite> sites;
  for (NodeId id : graph.TopologicalOrder()) {
    const absl::optional<Operands> factors = OperandsOf<ir::Mul>(graph, graph.node(id).outputs[0]);
    if (!factors) continue;
    const ValueId product = graph.node(id).outputs[0];
    const int64_t channels = graph.value(product).type.shape.dims().back();
    const absl::optional<std::vector<NodeId>> readers = LinearReaders(graph, product);
    if (!readers) continue;
    for (ValueId b : {factors->b, factors->a}) {
      const NodeId up = LinearBehind(graph, b);
      if (up == ir::kNoNode || graph.value(b).type != graph.value(product).type) continue;
      const ir::Node& linear = graph.node(up);
      if (graph.value(linear.outputs[0]).type.shape.dims().back() != channels) continue;
      RewriteSite site{linear.outputs[0], {{up, 1, 0}}, channels};
      if (HasOperand(linear, 2)) site.operands.push_back({up, 2, 0});
      for (NodeId reader : *readers) site.operands.push_back({reader, 1, 1, /*divides=*/true});
      sites.push_back(std::move(site));
      break;
    }
  }
  return sites;
}

absl::optional<std::vector<float>> BalanceUpDown::Choose(const Graph& graph,
                                                         const RewriteSite& site,
                                                         const RewriteLog& log) const {
  std::vector<ChannelOperand> down;
  std::copy_if(site.operands.begin(), site.operands.end(), std::back_inserter(down),
               [](const ChannelOperand& at) { return at.divides; });
  const std::vector<double> b = InverseRms(log.MeanSquares(site.value));
  const std::vector<double> p = InverseRms(log.MeanSquares(graph.node(down[0].node).inputs[0]));
  if (b.empty() || p.size() != b.size()) return absl::nullopt;
  const std::vector<double> w2 = ColumnSquares(graph, down);

  std::vector<double> best;
  double least = 0;
  constexpr int kSteps = 4;  // an octave
  for (int step = -8 * kSteps; step <= 8 * kSteps; ++step) {
    const double ratio = std::exp2(static_cast<double>(step) / kSteps);  // P / B
    std::vector<double> factors;
    double error = 0;
    for (size_t c = 0; c < b.size(); ++c) {
      const double n = std::min(b[c], ratio * p[c]);
      const double a = b[c] / p[c];
      error += (a * a + ratio * ratio) * w2[c] / (n * n);
      factors.push_back(n);
    }
    if (!best.empty() && error >= least) continue;
    least = error;
    best = std::move(factors);
  }
  return Balanced(best);
}

}  // namespace g4c::passes
