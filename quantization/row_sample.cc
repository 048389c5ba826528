#include "quantization/row_sample.h"

#include <algorithm>
#include <cstring>

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
  const ir::Tensor source = data.Contiguous();
  ir::Dims dims = source.dims();
  const int64_t extent = dims[axis];
  dims[axis] = static_cast<int64_t>(indices.size());
  ir::Tensor taken = ir::Tensor::Allocate(source.dtype(), dims);
  int64_t bytes = ir::ByteWidth(source.dtype());  // of one row
  for (size_t i = axis + 1; i < dims.size(); ++i) bytes *= dims[i];
  uint8_t* to = const_cast<uint8_t*>(taken.bytes());
  for (const uint8_t* from = source.bytes(); from != source.bytes() + source.NumBytes();
       from += extent * bytes) {
    for (int64_t index : indices) {
      std::memcpy(to, from + index * bytes, bytes);
      to += bytes;
    }
  }
  return taken;
}

}  // namespace g4c::quantization
