#include "evaluator/fast_matmul.h"

#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "base/status.h"
#include "evaluator/sgemm.h"
#include "evaluator/strided.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

// Rows of a tile of the result: few enough that one linear layer of an image gives every core
// some, an even number of tiles where there is more than one, and otherwise as many as possible:
// every tile makes oneDNN pack its part of `b` again.
int64_t TileRows(int64_t rows) {
  constexpr int64_t kSmall = 256, kLarge = 512;
  if (rows <= kSmall) return std::max<int64_t>(1, rows);
  const int64_t tiles = (rows + 2 * kLarge - 1) / (2 * kLarge) * 2;
  return ((rows + tiles - 1) / tiles + 7) / 8 * 8;
}

}  // namespace

Tensor FastMatMul(const Tensor& given_a, const Tensor& given_b, const Dims& dims,
                  const MatMulOptions& options) {
  Tensor a = given_a;
  const Tensor b = AsMatrices(given_b);
  const int64_t k = a.dims().back();
  const int64_t n = b.dims().back();
  const auto lead = [](const Tensor& x) { return Dims(x.dims().begin(), x.dims().end() - 2); };
  Dims batch = ir::BroadcastShapes(ir::Shape(lead(a)), ir::Shape(lead(b)))->dims();
  if (a.rank() > 2 && ir::NumElements(lead(b)) == 1 && batch == lead(a)) {
    // One matrix on the right: the left one has all rows.
    a = ReshapedTo(a, {ir::NumElements(batch) * a.dims()[a.rank() - 2], k});
    batch.clear();
  }
  a = AsMatrices(a);
  const int64_t m = a.dims()[a.rank() - 2];
  const Tensor wide_a = BroadcastBatch(a, batch);
  const Tensor wide_b = batch.empty() ? b : BroadcastBatch(b, batch);

  Tensor out = Tensor::Allocate(ir::DType::kF32, dims);
  if (out.NumElements() == 0) return out;
  float* to = out.mutable_data<float>();
  std::vector<float> bias;
  if (options.bias != nullptr) bias = options.bias->Floats();
  const int64_t tile_rows = TileRows(m);
  const int64_t row_tiles = (m + tile_rows - 1) / tile_rows;
  const int64_t column_tiles = (n + kMatMulTileColumns - 1) / kMatMulTileColumns;
  const Dims batch_strides = ir::RowMajorStrides(batch);
  ParallelFor(ir::NumElements(batch) * row_tiles * column_tiles, [&](int64_t tile) {
    const int64_t column = tile % column_tiles * kMatMulTileColumns;
    const int64_t row = tile / column_tiles % row_tiles * tile_rows;
    const int64_t matrix = tile / column_tiles / row_tiles;
    const ir::StridedIndex at(batch, batch_strides, matrix);
    const Matrix left = MatrixAt(wide_a, at.index());
    const Matrix right = MatrixAt(wide_b, at.index());
    const int64_t rows = std::min(tile_rows, m - row);
    const int64_t columns = std::min(kMatMulTileColumns, n - column);
    float* result = to + (matrix * m + row) * n + column;
    if (!bias.empty() || k == 0) {
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j)
          result[i * n + j] = bias.empty() ? 0 : bias[column + j];
      }
    }
    if (k > 0) {
      Sgemm(left, row, right, column, rows, columns, k, options.alpha, bias.empty() ? 0.0f : 1.0f,
            result, n);
    }
    const bool clamps = options.low != -__builtin_inff() || options.high != __builtin_inff();
    for (int64_t i = 0; i < rows; ++i) {
      float* run = result + i * n;
      for (int64_t j = 0; clamps && j < columns; ++j) {
        run[j] = run[j] < options.low ? options.low : run[j] > options.high ? options.high : run[j];
      }
      if (options.epilogue) options.epilogue(run, matrix * m + row + i, column, columns);
    }
  });
  return out;
}

}  // namespace g4c::evaluator
