#include "quantization/input_noise.h"

#include "base/parallel.h"

namespace g4c::quantization {
namespace {

double SumOfSquares(const ir::Tensor& data) {
  constexpr int64_t kGrain = 1 << 16;
  const int64_t total = data.NumElements();
  std::vector<double> sums((total + kGrain - 1) / kGrain);
  ParallelForRange(total, kGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> elements(end - begin);
    data.ReadFloats(begin, absl::MakeSpan(elements));
    for (float x : elements) sums[begin / kGrain] += static_cast<double>(x) * x;
  });
  double sum = 0;
  for (double part : sums) sum += part;
  return sum;
}

}  // namespace

std::vector<double> InputNoise(const ir::Graph& graph, const Statistics& statistics) {
  std::vector<double> noise(graph.num_nodes(), 0.0);
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (!std::holds_alternative<ir::FullyConnected>(node.op)) continue;
    const ValueStatistics* input = statistics.Of(node.inputs[0]);
    const ValueStatistics* output = statistics.Of(node.outputs[0]);
    if (!graph.IsConstant(node.inputs[1]) || input == nullptr || output == nullptr) continue;
    double signal = 0;
    for (size_t row = 0; row < output->channels.square.size(); ++row) {
      signal += output->channels.MeanSquare(static_cast<int64_t>(row));
    }
    if (!(signal > 0)) continue;
    const double step = (static_cast<double>(input->range.hi) - input->range.lo) / 255;
    noise[id] = step * step / 12 * SumOfSquares(*graph.value(node.inputs[1]).constant) / signal;
  }
  return noise;
}

}  // namespace g4c::quantization
