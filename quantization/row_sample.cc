#include "quantization/row_sample.h"

#include <algorithm>

#include "evaluator/evaluate_node.h"

namespace g4c::quantization {

RowSample ChooseRows(absl::Span<const float> magnitudes, int64_t count) {
  std::vector<int64_t> rows;
  for (size_t i = 0; i < magnitudes.size(); ++i) {
    if (magnitudes[i] >= 0) rows.push_back(static_cast<int64_t>(i));
  }
  G4C_CHECK(static_cast<int64_t>(rows.size()) > count && count > 0);
  const int64_t largest = count / 8;
  std::stable_sort(rows.begin(), rows.end(),
                   [&](int64_t a, int64_t b) { return magnitudes[a] > magnitudes[b]; });
  std::vector<std::pair<int64_t, double>> chosen;
  for (int64_t i = 0; i < largest; ++i) chosen.push_back({rows[i], 1.0});
  std::sort(rows.begin() + largest, rows.end());
  const int64_t others = static_cast<int64_t>(rows.size()) - largest;
  const int64_t spread = count - largest;
  for (int64_t i = 0; i < spread; ++i) {
    chosen.push_back({rows[largest + (2 * i + 1) * others / (2 * spread)],
                      static_cast<double>(others) / static_cast<double>(spread)});
  }
  std::sort(chosen.begin(), chosen.end());
  RowSample sample;
  for (const auto& [row, weight] : chosen) {
    sample.indices.push_back(row);
    sample.weights.push_back(weight);
  }
  return sample;
}

ir::Tensor TakeRows(const ir::Tensor& data, int axis, absl::Span<const int64_t> indices) {
  const ir::Tensor rows = ir::Tensor::I64(indices);
  const ir::Tensor* operands[] = {&data, &rows};
  const auto taken = evaluator::EvaluateNode(ir::Gather{axis}, operands, 1);
  G4C_CHECK(taken.ok());  // indices of rows that there are
  return (*taken)[0];
}

}  // namespace g4c::quantization
